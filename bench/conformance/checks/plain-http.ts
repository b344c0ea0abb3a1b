/** Checks 51 to 53: plain HTTP beside a site that is served over TLS, and Strict-Transport-Security. */

import { isIP } from 'node:net';
import { filledPath } from '../../load/operation.ts';
import { bareHost } from '../../load/wire.ts';
import { logIn, times } from '../acts.ts';
import { type Reply, urlAt } from '../browser.ts';
import {
  allOf,
  type Check,
  doesNotApply,
  firstFew,
  judgeFaults,
  mustHold,
  notApplicable,
  verdict,
} from '../check.ts';
import { namesUser } from '../foreign-reply.ts';
import type { PlainSide } from '../plain-http.ts';
import type { Scene } from '../scene.ts';
import { cookiesOf, isDeletion, secretCookies } from './tour.ts';

const PLAIN = 'The site is served over plain HTTP: this is a matter of the proxy that ends TLS before it.';
const expectOverTls: Check['expect'] = ({ tls }) => (tls ? mustHold : doesNotApply(PLAIN));

/** Observes a site over TLS that replies over plain HTTP as well; of any other it says why it does not apply. */
const besideTls =
  (observe: (scene: Scene, plain: Exclude<PlainSide, { absent: string }>) => ReturnType<Check['observe']>) =>
  async (scene: Scene) => {
    const plain = await scene.plain();
    return 'absent' in plain ? notApplicable(plain.absent) : observe(scene, plain);
  };

export const PLAIN_HTTP_CHECKS: readonly Check[] = [
  {
    id: '51',
    title: 'Plain HTTP beside TLS neither sets the session cookie nor accepts it',
    source: 'ASVS 5 V3.3.1, V12.2.1',
    expect: expectOverTls,
    observe: besideTls(async (scene, plain) =>
      allOf([await setsNoCookie(scene, plain), await acceptsNoCookie(scene, plain)]),
    ),
  },
  {
    id: '52',
    title: 'Plain HTTP beside TLS redirects for good (301, 308) to https, at the same host and path',
    source: 'RFC 6797 §7.2; ASVS 5 V12.2.1',
    expect: expectOverTls,
    observe: besideTls(observeRedirects),
  },
  {
    id: '53',
    title:
      'Strict-Transport-Security lasts a year or longer on every reply over TLS, and is on none over plain HTTP',
    source: 'ASVS 5 V3.4.1; RFC 6797 §7.1, §7.2',
    expect: expectOverTls,
    observe: observeHsts,
  },
];

/** A stranger's requests, and a login with the right password, which may be redirected or refused. */
async function setsNoCookie(scene: Scene, plain: Exclude<PlainSide, { absent: string }>) {
  const { method, path } = scene.contract.operations.read;
  const browser = plain.browser();
  const replies = [
    await browser.send('GET', '/'),
    await browser.send(method, filledPath(path, {})),
    await plain.browser().perform('login', { user: scene.freshUser(), password: scene.password }),
  ];
  const setting = replies.filter((reply) =>
    cookiesOf([{ operation: 'read', reply }], secretCookies(scene)).some((line) => !isDeletion(line)),
  );
  return verdict(
    setting.length === 0,
    `${setting.length} of ${replies.length} replies over plain HTTP set a session cookie`,
  );
}

/** A cookie that a login over TLS has set, and that a client then sends in the clear. */
async function acceptsNoCookie(scene: Scene, plain: Exclude<PlainSide, { absent: string }>) {
  const { token } = await logIn(scene);
  // Behind round-robin only one of several servers may know it.
  const replies = await times(Math.max(3, 3 * scene.servers), () =>
    plain.browser().holding(token).perform('read'),
  );
  const accepted = replies.filter((reply) => isServed(reply) && namesUser(reply, scene.contract));
  return verdict(
    accepted.length === 0,
    `${accepted.length} of ${replies.length} reads over plain HTTP with the cookie of a login over TLS were served to its user`,
  );
}

const isServed = ({ status }: Reply) => status >= 200 && status < 300;

/** Pages of a stranger, and the read of a user: an API may refuse plain HTTP instead (ASVS 5 V4.1.2). */
async function observeRedirects(scene: Scene, plain: Exclude<PlainSide, { absent: string }>) {
  const { method, path } = scene.contract.operations.read;
  const read = filledPath(path, {});
  const { token } = await logIn(scene);
  const asked: [what: string, path: string, reply: Reply][] = [
    ['GET of the base', '/', await plain.browser().send('GET', '/')],
  ];
  // What is not a GET may be refused rather than sent again elsewhere.
  if (method === 'GET') {
    asked.push(['a read without a session', read, await plain.browser().send('GET', read)]);
    asked.push(['a read with one', read, await plain.browser().holding(token).send('GET', read)]);
  }
  const faults = new Set<string>();
  let redirected = 0;
  for (const [what, at, reply] of asked) {
    const fault = redirectFault(reply, siteUrl(scene, at));
    if (fault !== undefined) faults.add(`${what}: ${fault}`);
    else if (reply.status < 400) redirected += 1;
  }
  const evidence = `${redirected} of ${asked.length} requests to ${plain.url} were redirected to https`;
  if (faults.size === 0 && redirected === 0) {
    const statuses = firstFew(
      asked.map(([, , { status }]) => String(status)),
      3,
    );
    return notApplicable(
      `plain HTTP at ${plain.url} refuses everything (${statuses}), and redirects nothing`,
    );
  }
  return judgeFaults(faults, evidence);
}

/** The address at which browsers see the site, with the name that its contract gives it. */
function siteUrl({ target, contract }: Scene, path: string): URL {
  const url = urlAt(target, path);
  return contract.host === undefined ? url : new URL(`https://${contract.host}${url.pathname}`);
}

/** What is wrong with a reply over plain HTTP; a refusal is not. The port may be one that a container maps. */
function redirectFault({ status, headers: { location } }: Reply, to: URL): string | undefined {
  if (status >= 400) return undefined;
  if (status < 300) return `served (${status})`;
  if (location === undefined || !URL.canParse(location)) return `${status} without an absolute address`;
  const { protocol, hostname, pathname } = new URL(location);
  if (protocol !== 'https:') return `${status} to ${protocol.slice(0, 20)}//`;
  if (hostname !== to.hostname) return `${status} to another host`;
  if (pathname !== to.pathname) return `${status} to another path`;
  return status === 301 || status === 308 ? undefined : `${status}, which is not permanent`;
}

const YEAR_SECONDS = 31_536_000;

/** The replies of a visit. Errors are left out: many a correct server sends the header only with what it serves. */
async function observeHsts(scene: Scene) {
  if (!scene.subject.tls) return notApplicable(PLAIN);
  const { browser, reply } = await logIn(scene);
  const visit = [
    reply,
    await scene.browser().send('GET', '/'),
    await browser.perform('read'),
    await browser.perform('logout'),
  ].filter(({ status }) => status < 400);
  const values = visit.map(({ headers }) => headers['strict-transport-security'] as string | undefined);
  const plain = await scene.plain();
  const sent = 'absent' in plain ? undefined : await plain.browser().send('GET', '/');
  const onPlain = sent?.headers['strict-transport-security'] !== undefined;
  if (values.every((value) => value === undefined) && !onPlain && isNameless(scene))
    return notApplicable(
      'the site has no name, and a browser keeps no such rule for an address (RFC 6797 §8.1.1)',
    );
  const faults = new Set(values.flatMap((value) => hstsFault(value) ?? []));
  if (onPlain) faults.add('sent over plain HTTP (RFC 6797 §7.2)');
  const where = 'absent' in plain ? plain.absent : `plain HTTP at ${plain.url}`;
  return judgeFaults(faults, `${visit.length} replies over TLS; ${where}`);
}

function hstsFault(value: string | undefined): string | undefined {
  if (value === undefined) return 'a reply over TLS without it';
  if (value.includes(',')) return 'several on one reply';
  const ages = value
    .split(';')
    .map((directive) => /^\s*max-age\s*=\s*"?(\d+)"?\s*$/i.exec(directive)?.[1])
    .filter((age) => age !== undefined);
  if (ages.length !== 1) return 'not one max-age';
  return Number(ages[0]) < YEAR_SECONDS ? `max-age of ${ages[0]} s, less than a year` : undefined;
}

/** An address, or this machine. */
function isNameless(scene: Scene): boolean {
  const host = bareHost(siteUrl(scene, '/'));
  return isIP(host) !== 0 || /^(.+\.)?localhost$/.test(host);
}
