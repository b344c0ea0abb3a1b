/** Check 50: bodies that are no requests, and what is written down about them. */

import { randomBytes } from 'node:crypto';
import { type Login, logInAtHome, shown } from '../acts.ts';
import type { Browser, Reply } from '../browser.ts';
import { type Check, holds, mustHold, type Observation, violated } from '../check.ts';
import type { OperationName } from '../contract.ts';
import { HUGE } from '../hostile.ts';
import { type Malformed, malformedBodies } from '../malformed.ts';
import { abreast, besideBystander, sendRaw, statusesOf } from '../offers.ts';
import type { Scene } from '../scene.ts';
import { logOfLogins } from './login-log.ts';

/** An operation that takes a body, with a right one. */
interface Target {
  name: OperationName;
  browser: Browser;
  method: string;
  path: string;
  right: Readonly<Record<string, unknown>>;
  /** Fields that may be missing. */
  optional: readonly string[];
}

/** What is right but for one fault must not succeed by being right: passwords are wrong, so that a login stays refused. */
async function targetsOf(scene: Scene, login: Login, canary: string): Promise<Target[]> {
  const wrong = `${canary}-password`;
  const values: Readonly<Record<string, unknown>> = {
    user: login.user,
    password: wrong,
    next: `${canary}-next`,
    data: `${canary}-data`,
    version: 1,
    disabled: false,
  };
  const admin = scene.contract.admin === undefined ? undefined : await scene.admin();
  const visitor = scene.servers === 0 ? scene.browser() : scene.browserOf(0);
  const browsers: readonly [OperationName, Browser | undefined][] = [
    ['login', visitor],
    ['update', login.browser],
    ['password', login.browser],
    ['disable', admin],
  ];
  return browsers.flatMap(([name, browser]) => {
    const operation = scene.contract.operations[name];
    if (operation?.body === undefined || browser === undefined) return [];
    const filled = Object.entries(operation.body).map(([field, value]) => {
      const key = typeof value === 'string' ? /^\{(\w+)\}$/.exec(value)?.[1] : undefined;
      return [field, key === undefined ? value : values[key]] as const;
    });
    const optional = Object.entries(operation.body).flatMap(([field, value]) =>
      value === '{version}' ? [field] : [],
    );
    const path = operation.path.replace('{user}', 'nobody');
    const right = Object.fromEntries(filled);
    return [{ name, browser, method: operation.method, path, right, optional }];
  });
}

/** Longest body of a refusal: a code, and perhaps a sentence. */
const REFUSAL_CHARACTERS = 400;

/** What is wrong with a refusal; `undefined` when nothing is. 501 refuses the operation as such. */
function faultOf(reply: Reply, canary: string): string | undefined {
  const { status, body, headers } = reply;
  if (status === 501) return undefined;
  if (status < 400 || status >= 500) return `${shown(reply)} where a 4xx was expected`;
  if (body.includes(canary)) return `${status} that repeats what it was sent`;
  if (body.length > REFUSAL_CHARACTERS) return `${status} with a body of ${body.length} characters`;
  return /json/.test(headers['content-type'] ?? '') ? undefined : `${status} whose body is no JSON`;
}

/** Bodies that leave out what may be left out are right. */
const isWrong = ({ optional, right }: Target, { how, body }: Malformed) =>
  how !== 'a missing field' ||
  !optional.some((field) => body === JSON.stringify({ ...right, [field]: undefined }));

async function sendAll(target: Target, canary: string, faults: Set<string>): Promise<number> {
  const { name, browser, method, path } = target;
  const bodies = malformedBodies(target.right, canary).filter((malformed) => isWrong(target, malformed));
  for (const { how, body, contentType } of bodies) {
    const headers = contentType === undefined ? {} : { headers: { 'content-type': contentType } };
    const fault = faultOf(await browser.send(method, path, { body, ...headers }), canary);
    if (fault !== undefined) faults.add(`${name} answers ${how} with ${fault}`);
  }
  return bodies.length;
}

/** Larger than any server should read: refused by whoever sees it first, in whatever words. */
async function sendHuge(
  scene: Scene,
  { name, method, path, browser }: Target,
  faults: Set<string>,
): Promise<number> {
  const { origin } = scene.contract;
  const jar = [...browser.cookies].map(([key, value]) => `${key}=${value}`).join('; ');
  const body = JSON.stringify({ data: HUGE, user: HUGE });
  const head =
    `${method} ${path} HTTP/1.1\r\nHost: site\r\nConnection: close\r\nContent-Type: application/json\r\n` +
    `${origin === undefined ? '' : `Origin: ${origin}\r\n`}${jar === '' ? '' : `Cookie: ${jar}\r\n`}`;
  const chunked = `${head}Transfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
  const whole = `${head}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
  const servers = [undefined, ...Array.from({ length: scene.servers }, (_, server) => server)];
  const requests = servers.flatMap((server) => [whole, chunked].map((text) => ({ server, text })));
  await abreast(requests, async ({ server, text }) => {
    const statuses = statusesOf(await sendRaw(scene, server, text));
    const wrong = statuses.find((status) => status < 400 || status >= 500);
    if (wrong !== undefined) faults.add(`${name} answers 1 MB with ${wrong}`);
  });
  return requests.length;
}

/** What stands in the log and must not; by name, for the texts themselves are secret. */
function leaksOf(
  scene: Scene,
  written: string,
  tokens: readonly string[],
  canary: string,
  names: readonly string[],
): string[] {
  const secrets = [
    { name: 'the password of the users', text: scene.password },
    { name: 'the password of the administrator', text: scene.contract.admin?.password },
    { name: 'what a body or header held', text: canary },
    ...names.map((text) => ({ name: 'the name of a user or of a session', text })),
    ...tokens.map((text) => ({ name: 'a token', text })),
    // A signed token is as good as its last part to who sees the rest elsewhere.
    ...tokens.map((token) => ({ name: 'the signature of a token', text: token.split('.')[2] })),
  ];
  const found = secrets.filter(({ text }) => text !== undefined && text !== '' && written.includes(text));
  return [...new Set(found.map(({ name }) => name))];
}

async function observeBodies(scene: Scene): Promise<Observation> {
  const canary = `canary${randomBytes(8).toString('hex')}`;
  const login = await logInAtHome(scene);
  const tokens = [login.token];
  const faults = new Set<string>();
  let sent = 0;
  const targets = await targetsOf(scene, login, canary);
  for (const target of targets) {
    sent += await sendAll(target, canary, faults);
    sent += await sendHuge(scene, target, faults);
    tokens.push(...target.browser.cookies.values());
  }
  // Refused as well, but in the head, where logs of requests look.
  await login.browser.send('GET', `/${canary}?${canary}=${canary}`, { headers: { 'x-canary': canary } });
  await login.browser.perform('read', {}, { headers: { cookie: `${scene.contract.cookie}=${canary}` } });
  const log = await logOfLogins(scene);
  if (log !== undefined && log.lines < log.logins)
    faults.add(`of ${log.logins} logins only ${log.lines} were logged`);
  const written = scene.own?.written();
  for (const leak of leaksOf(
    scene,
    written ?? '',
    tokens.filter((text) => text.length >= 20),
    canary,
    [login.user, ...(log?.names ?? [])],
  ))
    faults.add(`${leak} was logged`);
  const told =
    written === undefined || log === undefined
      ? 'the log is not ours to read'
      : `${written.length} characters of log without a secret or a name, ${log.lines} lines of ${log.logins} logins among them`;
  const evidence = `${sent} malformed bodies to ${targets.map(({ name }) => name).join(', ')}`;
  if (faults.size > 0) return violated(`${evidence}: ${[...faults].slice(0, 5).join('; ')}`);
  return holds(`${evidence}, each answered with a 4xx; ${told}`);
}

export const BODY_CHECKS: readonly Check[] = [
  {
    id: '50',
    title:
      'Malformed, mistyped and huge bodies get a clear 4xx; a login is logged, and nothing secret or personal is',
    source: 'ASVS 5 V2.2, V16.2.5, V16.3.1',
    expect: () => mustHold,
    observe: (scene) => besideBystander(scene, () => observeBodies(scene)),
  },
];
