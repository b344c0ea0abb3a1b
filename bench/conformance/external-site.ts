import type { Contract, Foreign } from '../config/contract.ts';
import { conflict } from '../config/values.ts';
import type { Resources } from '../environment/processes/resources.ts';
import { redactUrl } from '../errors.ts';
import { fieldIn } from '../load/json-field.ts';
import { filledPath } from '../load/operation.ts';
import { ExperimentFailed } from './acts.ts';
import { type Browser, openBrowsers, type Reply } from './browser.ts';
import type { Subject } from './check.ts';
import { openClients } from './clients.ts';
import { namesUser, redirectOf } from './foreign-reply.ts';
import { createPace, patiently, TooManyRequests } from './pace.ts';
import { maskSecrets } from './run.ts';
import type { Scene } from './scene.ts';
import { unreachable } from './unreachable.ts';

/** Longer replies are cut in errors. */
const SHOWN = 200;

/**
 * Looks at the site before any check: how it replies to a stranger, and whether the contract's login works there.
 * @throws BenchError CONFLICT with the reply when it does not: every check would fail for that alone.
 */
export async function lookAt(target: string, contract: Contract, signal: AbortSignal): Promise<Foreign> {
  const pace = createPace(contract.requestsPerSecond);
  pace.during(signal);
  const { open, close } = openBrowsers({ ...contract, foreign: { readsNobody: true } }, pace);
  const address = redactUrl(target);
  try {
    const { method, path } = contract.operations.read;
    const ask = () => open(target).send(method, filledPath(path, {}));
    const stranger = await reached(target, patiently(ask, pace.pause));
    const secured = securedOf(target, stranger);
    if (secured !== undefined) {
      const got = `${stranger.status} to ${redactUrl(secured)}`;
      throw conflict(
        `a site that serves plain HTTP at ${address}`,
        got,
        `Write --target ${redactUrl(secured)}.`,
      );
    }
    if (stranger.status >= 500) {
      const got = `${stranger.status}, "${shown(stranger, contract)}"`;
      throw conflict(
        `a reply of ${address} to a read without a session`,
        got,
        'Mend the site, or its address.',
      );
    }
    const isRead = stranger.status >= 200 && stranger.status < 300;
    if (isRead && namesUser(stranger, contract)) {
      const expected = `a read without a session at ${address} that names nobody in ${contract.fields.user}`;
      const got = `${stranger.status}, "${shown(stranger, contract)}"`;
      throw conflict(expected, got, 'Correct fields.user in the contract: a field that only a login fills.');
    }
    const manners = { readsNobody: isRead, ...refusalIn(stranger) };
    const { showsOther } = await tryLogin(target, contract, open(target));
    return { ...manners, ...(showsOther ? { showsOther } : {}) };
  } finally {
    close();
  }
}

/** How the site refuses a stranger. */
function refusalIn(stranger: Reply): Pick<Foreign, 'refusal' | 'refusedTo'> {
  const { status } = stranger;
  const refusedTo = redirectOf(stranger);
  return {
    ...(status >= 400 ? { refusal: status } : {}),
    ...(refusedTo === undefined ? {} : { refusedTo }),
  };
}

/**
 * A login, and a read with it: a cookie alone is no session, for strangers may get one as well. Returns whether the read
 * shows something else than the name that logged in.
 */
async function tryLogin(
  target: string,
  contract: Contract,
  browser: Browser,
): Promise<{ showsOther: boolean }> {
  const user = typeof contract.users === 'string' ? contract.users.replace('{n}', '0') : contract.users[0];
  const values = { user: user ?? '', password: contract.password };
  const login = await reached(target, browser.perform('login', values));
  const expected = `a login of ${user} at ${redactUrl(target)} that sets the cookie ${contract.cookie}`;
  const remedy = 'Correct the login, the cookie, the users or the password in the contract.';
  if (login.status !== 200) {
    const got = `${login.status}, ${login.setCookies.length} cookies, "${shown(login, contract)}"`;
    throw conflict(expected, got, remedy);
  }
  // Elsewhere the read may reach a server that does not know the login.
  if (!contract.traits.shared) return { showsOther: false };
  const read = await reached(target, browser.perform('read'));
  if (read.status === 200 && namesUser(read, contract))
    return { showsOther: fieldIn(read.body, contract.fields.user) !== user };
  const got = `${read.status}, "${shown(read, contract)}"`;
  throw conflict(`${expected} and is read back by its name in ${contract.fields.user}`, got, remedy);
}

const shown = ({ body }: Reply, { password, admin }: Contract) =>
  maskSecrets(body, [password, admin?.password]).slice(0, SHOWN);

/** Where a site redirects to itself by TLS: the same host and path; `undefined` for any other reply. */
function securedOf(target: string, { status, headers: { location = '' } }: Reply): string | undefined {
  const from = new URL(target);
  if (from.protocol !== 'http:' || status < 300 || status >= 400 || !URL.canParse(location)) return undefined;
  const to = new URL(location);
  if (to.protocol !== 'https:' || to.hostname !== from.hostname) return undefined;
  return `https://${to.host}${from.pathname.replace(/\/$/, '')}`;
}

async function reached<T>(target: string, reply: Promise<T>): Promise<T> {
  try {
    return await reply;
  } catch (cause) {
    if (!(cause instanceof TooManyRequests)) throw unreachable(target, cause);
    throw conflict(
      `a site at ${redactUrl(target)} that takes a trial login`,
      cause.message,
      'Then try again.',
    );
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
    subject: externalSubject(target, contract),
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

function externalSubject(target: string, contract: Contract): Subject {
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
    tls: new URL(target).protocol === 'https:',
    transport: 'cookie',
  };
}
