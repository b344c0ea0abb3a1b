/** Check 50: malformed bodies, and what is logged about them. */

import { randomBytes } from 'node:crypto';
import type { OperationName } from '../../config/contract.ts';
import { filledBody, type Values } from '../../load/operation.ts';
import { describeReply, type Login, logInAtHome } from '../acts.ts';
import type { Browser, Reply } from '../browser.ts';
import { type Check, judgeFaults, mustHold } from '../check.ts';
import { headersFor, jarOf, linesFor } from '../credential.ts';
import { HUGE } from '../hostile.ts';
import { type Malformed, malformedBodies } from '../malformed.ts';
import { besideBystander, forEachConcurrently, placesOf, sendRaw } from '../offers.ts';
import type { Scene } from '../scene.ts';
import { logOfLogins } from './login-log.ts';
import { adminOf } from './logins.ts';

/** An operation that takes a body, with a valid one. */
interface Target {
  name: OperationName;
  browser: Browser;
  method: string;
  path: string;
  right: Readonly<Record<string, unknown>>;
  /** Fields that may be omitted. */
  optional: readonly string[];
}

/** A body with one fault must not succeed because of the rest: passwords are wrong, so that a login stays refused. */
async function targetsOf(scene: Scene, login: Login, canary: string): Promise<Target[]> {
  const wrong = `${canary}-password`;
  const values: Values = {
    user: login.user,
    password: wrong,
    next: `${canary}-next`,
    data: `${canary}-data`,
    version: 1,
    disabled: false,
  };
  const admin = await adminOf(scene);
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
    const optional = Object.entries(operation.body).flatMap(([field, value]) =>
      value === '{version}' ? [field] : [],
    );
    const path = operation.path.replace('{user}', 'nobody');
    const right = filledBody(operation.body, values);
    return [{ name, browser, method: operation.method, path, right, optional }];
  });
}

/** Maximum length of a refusal: a code, and perhaps a sentence. */
const REFUSAL_CHARACTERS = 400;

/** A line of a stack of JavaScript, Java, C# or Python, also in HTML. */
const STACK = /(?:^|\n|\\n|<br>)(?:\s|&nbsp;)*(?:at [^\n]*[./(][^\n]*:(?:line )?\d|File ".*", line \d)/;

/** The fault of a refusal; `undefined` when it has none. 501 refuses the operation as such. */
function faultOf(
  scene: Scene,
  reply: Reply,
  { isComplete = false }: Malformed,
  canary: string,
): string | undefined {
  const { status, body, headers } = reply;
  const isOurs = scene.own !== undefined;
  if (status === 501) return undefined;
  if (isComplete && !isOurs && status < 400) return undefined;
  if (status < 400 || status >= 500) return `${describeReply(reply)} where a 4xx was expected`;
  if (body.includes(canary)) return `${status} that repeats what it was sent`;
  // An external site may refuse by a page, which says nothing of its inside.
  if (!isOurs) return STACK.test(body) ? `${status} with a stack` : undefined;
  if (body.length > REFUSAL_CHARACTERS) return `${status} with a body of ${body.length} characters`;
  return /json/.test(headers['content-type'] ?? '') ? undefined : `${status} with a body that is not JSON`;
}

/** Bodies without optional fields are valid. */
const isWrong = ({ optional, right }: Target, { how, body }: Malformed) =>
  how !== 'a missing field' ||
  !optional.some((field) => body === JSON.stringify({ ...right, [field]: undefined }));

async function sendAll(scene: Scene, target: Target, canary: string, faults: Set<string>): Promise<number> {
  const { name, browser, method, path } = target;
  const bodies = malformedBodies(target.right, canary).filter((malformed) => isWrong(target, malformed));
  for (const malformed of bodies) {
    const { how, body, contentType } = malformed;
    const headers = contentType === undefined ? {} : { headers: { 'content-type': contentType } };
    const fault = faultOf(scene, await browser.send(method, path, { body, ...headers }), malformed, canary);
    if (fault !== undefined) faults.add(`${name} to ${how}: ${fault}`);
  }
  return bodies.length;
}

/** Larger than any server should read: whichever component sees it first refuses it, in any words. */
async function sendHuge(
  scene: Scene,
  { name, method, path, browser }: Target,
  faults: Set<string>,
): Promise<number> {
  const { origin } = scene.contract;
  const body = JSON.stringify({ data: HUGE, user: HUGE });
  const head =
    `${method} ${path} HTTP/1.1\r\nHost: site\r\nConnection: close\r\nContent-Type: application/json\r\n` +
    `${origin === undefined ? '' : `Origin: ${origin}\r\n`}${linesFor(browser.cookies, scene.contract)}`;
  const chunked = `${head}Transfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
  const whole = `${head}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
  const requests = placesOf(scene).flatMap((server) => [whole, chunked].map((text) => ({ server, text })));
  await forEachConcurrently(requests, async ({ server, text }) => {
    const wrong = (await sendRaw(scene, server, text)).find((status) => status < 400 || status >= 500);
    if (wrong !== undefined) faults.add(`${name} to 1 MB: ${wrong}`);
  });
  return requests.length;
}

/** Texts in the log that must not be there; by name, for the texts are secret. */
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
    // The signature is as good as the token to a reader who sees the rest elsewhere.
    ...tokens.map((token) => ({ name: 'the signature of a token', text: token.split('.')[2] })),
  ];
  const found = secrets.filter(({ text }) => text !== undefined && text !== '' && written.includes(text));
  return [...new Set(found.map(({ name }) => name))];
}

export const BODY_CHECK: Check = {
  id: '50',
  title:
    'Malformed, mistyped and huge bodies get a clear 4xx; a login is logged, and nothing secret or personal is',
  source: 'ASVS 5 V2.2, V16.2.5, V16.3.1',
  expect: () => mustHold,
  observe: besideBystander(async (scene) => {
    const canary = `canary${randomBytes(8).toString('hex')}`;
    const login = await logInAtHome(scene);
    const tokens = [login.token];
    const faults = new Set<string>();
    let sent = 0;
    const targets = await targetsOf(scene, login, canary);
    for (const target of targets) {
      sent += await sendAll(scene, target, canary, faults);
      sent += await sendHuge(scene, target, faults);
      tokens.push(...target.browser.cookies.values());
    }
    // Refused as well, but in the head, which access logs include.
    await login.browser.send('GET', `/${canary}?${canary}=${canary}`, { headers: { 'x-canary': canary } });
    await login.browser.perform(
      'read',
      {},
      { headers: headersFor(jarOf(scene.contract, canary), scene.contract) },
    );
    const log = await logOfLogins(scene);
    if (log !== undefined && log.lines < log.logins)
      faults.add(`only ${log.lines} of ${log.logins} logins were logged`);
    const written = scene.own?.written();
    for (const leak of leaksOf(
      scene,
      written ?? '',
      tokens.filter((text) => text.length >= 20),
      canary,
      [login.user, ...(log?.names ?? [])],
    ))
      faults.add(`${leak} was logged`);
    const logged =
      written === undefined || log === undefined
        ? 'the log cannot be read'
        : `${written.length} characters of log without a secret or a name, ${log.lines} lines of ${log.logins} logins among them`;
    const evidence = `${sent} malformed bodies to ${targets.map(({ name }) => name).join(', ')}`;
    return judgeFaults(
      faults,
      faults.size > 0 ? evidence : `${evidence}, each refused with a 4xx; ${logged}`,
    );
  }),
};
