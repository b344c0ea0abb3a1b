/** Checks 26 to 32: how a server treats tokens that it did not issue, or not in this form. */

import { generateKeyPairSync } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { assume, logInAtHome } from '../acts.ts';
import {
  type Check,
  doesNotApply,
  mustHold,
  notApplicable,
  type Subject,
  verdict,
  violated,
} from '../check.ts';
import { confused, tampered, unsigned } from '../forge.ts';
import { type ForgerKeys, forgerKeys, injected } from '../forge-headers.ts';
import { besideBystander, isInert, offer, refusal, wordsOf } from '../offers.ts';
import { CLAIM_CHECKS } from './claims.ts';
import { material, ofToken } from './token-material.ts';

/** Our signed tokens can use a public key; that of an external site is not known. */
const hasKeyPair = ({ options, traits, balancer }: Subject) =>
  traits.dataInToken && options['alg'] !== undefined && balancer !== 'foreign';

/** Time for a fetch that a server may make after its reply. */
const LATE_FETCH_MS = 300;

/** The forger's key server, which counts requests. */
async function openListener({ keySet, certificate }: ForgerKeys) {
  let fetches = 0;
  const server: Server = createServer((request, response) => {
    fetches += 1;
    const pem = `-----BEGIN CERTIFICATE-----\n${certificate}\n-----END CERTIFICATE-----\n`;
    response.end(request.url?.endsWith('.pem') ? pem : keySet);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(0, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    fetches: () => fetches,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

export const TOKEN_CHECKS: readonly Check[] = [
  {
    id: '26',
    title: 'A tampered signature or payload is refused',
    source: 'ASVS 5 V9.1.1',
    expect: () => mustHold,
    observe: besideBystander(async (scene) => {
      const { login } = await material(scene);
      const other = await logInAtHome(scene);
      const offered = await offer(scene, tampered(login.token, other.token));
      const evidence = wordsOf(offered, 'tampered tokens');
      return verdict(isInert(offered), evidence);
    }),
  },
  {
    id: '27',
    title: 'alg=none is refused',
    source: 'ASVS 5 V9.1.2, RFC 8725 §3.1',
    expect: ofToken,
    observe: besideBystander(async (scene) => {
      const { parts } = await material(scene);
      return refusal(scene, await offer(scene, unsigned(parts)), 'unsigned tokens');
    }),
  },
  {
    id: '28',
    title: 'A public key is never taken for an HMAC secret (RS→HS confusion)',
    source: 'ASVS 5 V9.1.2, RFC 8725 §2.1',
    expect: (subject) => {
      if (!subject.traits.dataInToken || hasKeyPair(subject)) return ofToken(subject);
      return doesNotApply('No public key is known that signs the tokens.');
    },
    observe: besideBystander(async (scene) => {
      const what = 'tokens under HMAC with a public key';
      if (!hasKeyPair(scene.subject)) {
        const { parts } = await material(scene);
        const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
        const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
        const { outcome, evidence } = refusal(scene, await offer(scene, confused(parts, pem)), what);
        return outcome === 'fail' ? violated(evidence) : notApplicable(evidence);
      }
      const options = { ...scene.subject.options, alg: 'RS256' };
      const site = await scene.variant({ name: 'RS256', options });
      const { parts } = await material(site);
      const pem = site.own?.publicKeyPem;
      assume(
        pem !== undefined && parts.header['alg'] === 'RS256',
        'expected the RS256 variant to sign by RS256, and to provide its public key',
      );
      return refusal(site, await offer(site, confused(parts, pem)), `${what}, on the RS256 variant`);
    }),
  },
  {
    id: '29',
    title: 'No key is taken from the header: jwk, jku, x5u, x5c, kid, crit',
    source: 'ASVS 5 V9.1.3, RFC 8725 §3.10',
    expect: ofToken,
    observe: besideBystander(async (scene) => {
      const { parts } = await material(scene);
      const keys = forgerKeys();
      const listener = await openListener(keys);
      try {
        const offered = await offer(scene, injected(parts, keys, listener.url));
        await sleep(LATE_FETCH_MS);
        const observation = refusal(scene, offered, 'tokens whose header brings or names a key');
        const evidence = `${observation.evidence}; ${listener.fetches()} fetches of a key`;
        return listener.fetches() === 0 ? { ...observation, evidence } : violated(evidence);
      } finally {
        await listener.close();
      }
    }),
  },
  ...CLAIM_CHECKS,
];
