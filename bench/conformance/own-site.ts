import { existsSync, readFileSync } from 'node:fs';
import { type JwtKeys, jwtKeys } from '../../stores/jwt/keys.ts';
import type { Wire } from '../config/wire.ts';
import type { StartedService } from '../environment/services/service.ts';
import type { Subject } from './check.ts';
import type { Fleet } from './fleet.ts';
import { type Claims, signedByKey, signedBySecret, verifiedClaims } from './forge.ts';
import type { OwnService, OwnSite, SiteConfig } from './scene.ts';

/** Control over one of our sites. @param target the address of its balancer. */
export function ownSite(
  subject: Subject,
  config: SiteConfig,
  fleet: Fleet,
  service: StartedService | undefined,
  target: string,
  wire: Wire,
): OwnSite {
  const { lifecycleLog: log } = config;
  let derived: JwtKeys | undefined;
  function keys(): JwtKeys | undefined {
    if (!subject.traits.dataInToken) return undefined;
    derived ??= jwtKeys(keyMaterial(config));
    return derived;
  }
  return {
    config,
    publicKeyPem: fleet.publicKeyPem,
    signedAs(claims, header = {}) {
      const own = keys();
      return own === undefined ? undefined : signedWith(own, claims, header);
    },
    claimsByKey(token) {
      const own = keys();
      return own === undefined ? undefined : verifiedClaims(token, own.algorithm, own.verifying);
    },
    advanceClock: fleet.advanceClock,
    killServer: fleet.kill,
    startServer: (server) => fleet.start(server, target, wire),
    service: service === undefined ? undefined : ownService(service),
    written: () =>
      `${fleet.output()}\n${log !== undefined && existsSync(log) ? readFileSync(log, 'utf8') : ''}`,
  };
}

/** The inputs from which a backend derives its keys. */
function keyMaterial({ options, secret, privateKeyPem }: SiteConfig) {
  const pem = privateKeyPem === undefined ? {} : { privateKeyPem };
  return { options, secret: Buffer.from(secret, 'base64'), ...pem };
}

function signedWith({ algorithm, signing }: JwtKeys, claims: Claims, header: Claims): string {
  const full = { alg: algorithm, ...header };
  return algorithm === 'HS256' ? signedBySecret(full, claims, signing) : signedByKey(full, claims, signing);
}

/** `undefined` for an external service or one in a container: it cannot be killed. */
function ownService(service: StartedService): OwnService | undefined {
  const { breakable } = service;
  if (breakable === undefined) return undefined;
  return {
    kill: breakable.kill,
    start: breakable.restart,
    pause: () => breakable.signal('SIGSTOP'),
    resume: () => breakable.signal('SIGCONT'),
    dump: service.dump,
  };
}
