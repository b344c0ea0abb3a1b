/** Check 12: the token is accepted in its cookie and nowhere else. */

import { assume, currentUser, describeReply, fieldOf, logInAtHome, shownName } from '../acts.ts';
import type { Browser, Reply } from '../browser.ts';
import { type Check, judge, mustHold } from '../check.ts';
import { TOKEN_HEADERS } from '../credential.ts';
import type { Scene } from '../scene.ts';
import { mentions, tokensOf, tours } from './tour.ts';

/** Names that servers read from URLs and forms, besides the cookie's own. */
const NAMES = ['id', 'sid', 'session', 'session_id', 'token', 'access_token', 'jsessionid', 'PHPSESSID'];
/** Characters that precede a token in a link. */
const LINK_MARKS = ['=', '/', '%3D', '%2F', '%3d', '%2f'];

export const ID_OUTSIDE_COOKIE: Check = {
  id: '12',
  title: 'An id in the URL or in the body is refused, and none is ever put there',
  source: 'ASVS 4 3.1.1',
  expect: () => mustHold,
  async observe(scene) {
    const login = await logInAtHome(scene);
    const shown = await shownName(scene, login);
    const stranger = login.browser.holding('');
    let tries = 0;
    let accepted = 0;
    let emitted = 0;
    for (const attempt of attempts(scene, login.token)) {
      stranger.cookies.clear();
      const reply = await attempt(stranger);
      assume(reply.status < 500, `expected a refusal, got ${describeReply(reply)}`);
      tries += 1;
      const isServed = await isAccepted(scene, stranger, reply, shown);
      if (isServed) accepted += 1;
      // A page that repeats the URL that it does not know ("Cannot GET /…") knows the id from there alone.
      if ((isServed || scene.own !== undefined) && emits(reply, login.token)) emitted += 1;
    }
    // The token must have been valid all the time; otherwise its refusal would show nothing.
    assume(
      accepted > 0 || (await currentUser(scene, login.browser)) === shown,
      'expected the token to work in its cookie all the time',
    );
    for (const steps of await tours(scene)) {
      const tokens = tokensOf(scene, steps);
      tries += steps.length;
      emitted += steps.filter(({ reply }) => tokens.some((token) => emits(reply, token))).length;
    }
    const what = `requests had an id accepted outside its cookie (${accepted}) or got one in a reply (${emitted})`;
    return judge(accepted + emitted, tries, what);
  },
};

type Attempt = (stranger: Browser) => Promise<Reply>;

/** Requests that carry the token everywhere but in its cookie. */
function attempts(scene: Scene, token: string): Attempt[] {
  const { cookie, operations } = scene.contract;
  const names = [cookie, ...NAMES];
  const { method, path } = operations.read;
  const joint = path.includes('?') ? '&' : '?';
  const id = encodeURIComponent(token);
  const urls = [
    ...names.flatMap((name) => [`${path}${joint}${name}=${id}`, `${path};${name}=${id}`]),
    `${path}/${id}`,
    `/${id}${path}`,
    `/(S(${id}))${path}`,
  ];
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  const writes = (['update', 'rotate'] as const).filter((name) => operations[name] !== undefined);
  return [
    ...urls.map(
      (url): Attempt =>
        (stranger) =>
          stranger.send(method, url),
    ),
    ...writes.flatMap((write) =>
      names.flatMap((name): Attempt[] => [
        (stranger) => stranger.perform(write, {}, { body: { data: 'kept', [name]: token } }),
        (stranger) => stranger.perform(write, {}, { body: `${name}=${id}&data=kept`, headers: form }),
      ]),
    ),
  ];
}

/** Whether a stranger was served as the token's user, or is that user from now on. */
async function isAccepted(scene: Scene, stranger: Browser, reply: Reply, user: string): Promise<boolean> {
  const names =
    String(fieldOf(reply, scene.contract.fields.user)) === user || reply.body.includes(JSON.stringify(user));
  if (reply.status < 300 && names) return true;
  return stranger.token() !== undefined && (await currentUser(scene, stranger)) === user;
}

/**
 * Whether a reply contains the token in a header other than its own (such as Location), or in a link of its body.
 */
function emits({ headers, body }: Reply, token: string): boolean {
  const inHeader = Object.entries(headers).some(
    ([name, value]) =>
      !TOKEN_HEADERS.includes(name) && [value ?? ''].flat().some((text) => mentions(text, token)),
  );
  return inHeader || mentions(body, token, LINK_MARKS);
}
