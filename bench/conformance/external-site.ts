import type { Resources } from '../environment/processes/resources.ts';
import { BenchError, redactUrl } from '../errors.ts';
import { ExperimentFailed } from './acts.ts';
import { filledPath, openBrowsers } from './browser.ts';
import type { Subject } from './check.ts';
import { openClients } from './clients.ts';
import type { Contract, Foreign } from './contract.ts';
import { namesUser } from './foreign-reply.ts';
import { createPace } from './pace.ts';
import type { Scene } from './scene.ts';
import { unreachable } from './wire.ts';

/** Longer replies are cut in errors. */
const SHOWN = 200;

/**
 * Looks at the site before any check: how it answers a stranger, and whether the contract's login works there.
 * @throws BenchError CONFLICT with the reply when it does not: every check would fail for that alone.
 */
export async function lookAt(target: string, contract: Contract): Promise<Foreign> {
  const { open, close } = openBrowsers(
    { ...contract, foreign: { readsNobody: true } },
    createPace(contract.requestsPerSecond),
  );
  try {
    const { method, path } = contract.operations.read;
    const stranger = await reached(target, open(target).send(method, filledPath(path, {})));
    const { location = '' } = stranger.headers;
    if (stranger.status >= 300 && stranger.status < 400 && isSecured(target, location)) {
      throw new BenchError({
        code: 'CONFLICT',
        expected: `a site that serves plain HTTP at ${redactUrl(target)}`,
        got: `${stranger.status} to https`,
        remedy: `Write --target ${redactUrl(target.replace(/^http:/, 'https:'))}.`,
      });
    }
    const readsNobody = stranger.status >= 200 && stranger.status < 300 && !namesUser(stranger, contract);
    const user = typeof contract.users === 'string' ? contract.users.replace('{n}', '0') : contract.users[0];
    const login = await reached(
      target,
      open(target).perform('login', { user: user ?? '', password: contract.password }),
    );
    if (login.status === 200) return { readsNobody };
    const shown = login.body.slice(0, SHOWN).replaceAll(contract.password, '***');
    throw new BenchError({
      code: 'CONFLICT',
      expected: `a login of ${user} at ${redactUrl(target)} that sets the cookie ${contract.cookie}`,
      got: `${login.status}, ${login.setCookies.length} cookies, "${shown}"`,
      remedy: 'Correct the login, the cookie, the users or the password in the contract.',
    });
  } finally {
    close();
  }
}

/** Whether a redirect leads to the same path by TLS. */
function isSecured(target: string, location: string): boolean {
  return target.startsWith('http:') && /^https:/i.test(location);
}

async function reached<T>(target: string, reply: Promise<T>): Promise<T> {
  try {
    return await reply;
  } catch (cause) {
    throw unreachable(target, cause);
  }
}

/** An external site, as its contract describes it: nothing can be killed, and its clock cannot be moved. */
export function externalScene(
  target: string,
  contract: Contract,
  options: { seed: number; tries: number; resources: Resources },
): Scene {
  // A number that no earlier run has used: the names of its users stay logged in there.
  const first = Math.floor(Date.now() / 1000) % 1_000_000;
  let users = 0;
  return {
    subject: externalSubject(contract),
    ...openClients(target, contract, options, options.resources),
    serverOf: () => undefined,
    freshUser() {
      users += 1;
      if (typeof contract.users === 'string') return contract.users.replace('{n}', `${first}${users}`);
      return contract.users[users % contract.users.length] as string;
    },
    variant: ({ name }) =>
      Promise.reject(
        new ExperimentFailed(`expected one of our sites to start as ${name}, got an external one`),
      ),
    own: undefined,
  };
}

function externalSubject(contract: Contract): Subject {
  return {
    name: contract.name,
    store: contract.name,
    options: {},
    durability: 'second',
    traits: contract.traits,
    service: undefined,
    servers: Math.max(1, contract.servers.length),
    affinity: contract.affinity,
    balancer: 'foreign',
  };
}
