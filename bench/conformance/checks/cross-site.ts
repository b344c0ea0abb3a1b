import type { OperationName } from '../../config/contract.ts';
import { assume, describeReply, expectStatus, fieldOf, logInAtHome } from '../acts.ts';
import type { Browser, Reply } from '../browser.ts';
import { type Check, firstFew, mustHold, ofCookie, verdict } from '../check.ts';
import type { Scene } from '../scene.ts';
import { elsewhere, type Headers } from './elsewhere.ts';
import { describeReplies } from './logins.ts';
import { findVictim, type Victim, type Write, writesOf } from './writes.ts';

/** Headers of a browser whose request another site has caused; the last is an old browser that sends none. */
function forgeries(origin: string | undefined): readonly Headers[] {
  return [
    ...otherOrigins(origin).map((other) => ({ origin: other })),
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    {},
  ];
}

/** Origins other than the site's, including those that a partial comparison would accept. */
function otherOrigins(origin: string | undefined): readonly string[] {
  const strangers = ['https://attacker.example', 'null'];
  if (origin === undefined) return strangers;
  const { protocol, host, hostname } = new URL(origin);
  return [
    ...strangers,
    `${origin}.attacker.example`,
    `${protocol}//evil${host}`,
    `${protocol}//evil.${host}`,
    `${protocol === 'https:' ? 'http:' : 'https:'}//${host}`,
    `${protocol}//${hostname}:8444`,
  ];
}

export const CROSS_SITE_CHECK: Check = ofCookie({
  id: '37',
  title: 'A write that another site had the browser make is refused',
  source: 'ASVS 5 V3.5.1',
  expect: () => mustHold,
  async observe(scene) {
    let victim = await findVictim(scene);
    const writes = writesOf(scene);
    const forged = forgeries(scene.contract.origin);
    const taken: string[] = [];
    const replies: Reply[] = [];
    let changed = 0;
    for (const write of writes) {
      for (const headers of forged) {
        for (const reply of await forge(scene, victim, write, headers)) {
          replies.push(reply);
          if (!isRefused(scene, reply, write.name)) taken.push(`${write.name} with ${nameOf(headers)}`);
        }
      }
      if (!(await victim.hasChanged())) continue;
      changed += 1;
      // A session that has changed cannot show a further change.
      victim = await findVictim(scene);
    }
    const bare = await withoutCookies(scene);
    taken.push(...bare.taken);
    replies.push(...bare.replies);
    const tokens = await useTokens(scene, victim);
    const named = taken.length === 0 ? '' : ` (${firstFew(taken, 3)})`;
    const evidence =
      `${taken.length} of ${replies.length} writes from elsewhere were not refused${named} and ${changed} of ` +
      `${writes.length} operations changed a session (replies: ${describeReplies(replies)}); ${tokens.seen}`;
    return verdict(taken.length + changed + tokens.faults === 0, evidence);
  },
});

/** Starting a session in another's browser needs no cookie (login CSRF); the origin reveals it all the same. */
async function withoutCookies(scene: Scene): Promise<{ taken: string[]; replies: Reply[] }> {
  const taken: string[] = [];
  const replies: Reply[] = [];
  const values = { user: scene.freshUser(), password: scene.password };
  const names = (['login', 'visit'] as const).filter((name) => scene.contract.operations[name] !== undefined);
  for (const name of names) {
    for (const origin of otherOrigins(scene.contract.origin)) {
      const open = () => scene.browser();
      for (const reply of await elsewhere(scene, open, name, values, { origin })) {
        replies.push(reply);
        if (!isRefused(scene, reply, name)) taken.push(`${name} without cookies from ${origin}`);
      }
    }
  }
  return { taken, replies };
}

const nameOf = (headers: Headers) =>
  Object.entries(headers)
    .map(([name, value]) => `${name} ${value}`)
    .join() || 'neither header';

function forge(scene: Scene, victim: Victim, { name }: Write, headers: Headers): Promise<Reply[]> {
  return elsewhere(scene, () => victim.browserFor(name), name, victim.values, headers);
}

/**
 * Our servers reply 403. One that does not know the administrator's session, where servers share none, may reply 401.
 * External ones may reply otherwise, but must refuse.
 */
function isRefused(scene: Scene, { status }: Reply, name: OperationName): boolean {
  if (scene.own === undefined) return status >= 400 && status < 500;
  const isStranger = !scene.subject.traits.shared && (name === 'revoke' || name === 'disable');
  return status === 403 || (isStranger && status === 401);
}

/** Old browsers send no origin: the token of this very session authorizes them, and no other token does. */
async function useTokens(scene: Scene, victim: Victim): Promise<{ faults: number; seen: string }> {
  const { csrfHeader, operations } = scene.contract;
  if (csrfHeader === undefined || operations.csrf === undefined || operations.update === undefined)
    return { faults: 0, seen: 'the contract has no CSRF token' };
  const stranger = await logInAtHome(scene);
  const own = await csrfTokenOf(victim.first.browser);
  const wrong = [
    await csrfTokenOf(stranger.browser),
    await csrfTokenOf(victim.second.browser),
    own.slice(0, -1),
    `${own}x`,
    '',
  ];
  const write = (token: string) =>
    victim.first.browser.perform(
      'update',
      { data: 'written-with-a-token' },
      { withoutOrigin: true, headers: { [csrfHeader]: token } },
    );
  let taken = 0;
  for (const token of wrong) if (!isRefused(scene, await write(token), 'update')) taken += 1;
  if (await victim.hasChanged()) taken += 1;
  const right = await write(own);
  const faults = taken + (right.status === 200 ? 0 : 1);
  const seen =
    `without an origin the session's own CSRF token got ${describeReply(right)}, and ${taken} of ${wrong.length} ` +
    'of other sessions or damaged were accepted';
  return { faults, seen };
}

async function csrfTokenOf(browser: Browser): Promise<string> {
  const reply = expectStatus(await browser.perform('csrf'), 200, 'a request for a CSRF token');
  const token = fieldOf(reply, 'token');
  assume(typeof token === 'string' && token.length > 1, 'expected a CSRF token, got none');
  return token;
}
