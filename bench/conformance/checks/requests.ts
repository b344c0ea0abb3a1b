/** Checks 37, 38 and 43: requests that another site causes, safe methods, and caches. */

import { describeReply, logInAtHome } from '../acts.ts';
import type { Browser, Reply } from '../browser.ts';
import { type Check, firstFew, mustHold, verdict } from '../check.ts';
import type { Scene } from '../scene.ts';
import { CROSS_SITE_CHECK } from './cross-site.ts';
import { describeReplies } from './logins.ts';
import { SAFE_METHODS_CHECK } from './safe-methods.ts';

export const REQUEST_CHECKS: readonly Check[] = [
  CROSS_SITE_CHECK,
  SAFE_METHODS_CHECK,
  {
    id: '43',
    title: 'Every reply that depends on the session says Cache-Control: no-store, refusals too',
    source: 'ASVS 5 V14.3.2',
    expect: () => mustHold,
    async observe(scene) {
      const replies = await collectReplies(scene);
      const storable = replies.filter((named) => isStorable(scene, named));
      const named = storable.map(({ what, reply }) => `${what} ${describeReply(reply)}`);
      const evidence =
        `${storable.length} of ${replies.length} replies may be stored by a cache` +
        `${named.length === 0 ? '' : ` (${firstFew(named, 5)})`}; replies: ${describeReplies(replies.map(({ reply }) => reply))}`;
      return verdict(storable.length === 0, evidence);
    },
  },
];

/** Statuses whose replies a cache may keep for a time of its own choice (RFC 9110 §15.1), without those of absent paths. */
const HEURISTIC = [200, 203, 204, 206, 300, 301, 308];

/**
 * Ours say no-store in every reply. Of an external site only those count that a cache may store without it (RFC 9111
 * §3): a reply to a write, or a refusal, only if it says how long.
 */
function isStorable({ own }: Scene, { method, reply: { status, headers } }: Named): boolean {
  const directives = (headers['cache-control'] ?? '')
    .toLowerCase()
    .split(',')
    .map((directive) => directive.trim());
  if (directives.includes('no-store')) return false;
  if (own !== undefined) return true;
  const isTimed =
    headers.expires !== undefined || directives.some((one) => /^(max-age|s-maxage)=|^public$/.test(one));
  return isTimed || ((method === 'GET' || method === 'HEAD') && HEURISTIC.includes(status));
}

interface Named {
  what: string;
  method: string;
  reply: Reply;
}

/** Operations of one user, who begins logged in. The order matters: the last ones end the login. */
function stepsOf(user: string, password: string): readonly Parameters<Browser['perform']>[] {
  return [
    ['read'],
    ['csrf'],
    ['list'],
    ['update', { data: 'kept' }],
    // A version that is not the current one, a body that is not JSON, another site's origin, data that is too long.
    ['update', { data: 'stale', version: 99_999_999 }],
    ['update', {}, { body: '{"data":' }],
    ['update', { data: 'forged' }, { headers: { origin: 'https://attacker.example' } }],
    ['update', { data: 'x'.repeat(60_000) }],
    ['rotate'],
    ['endLogin', { handle: 'no-such-login' }],
    // Not by an administrator.
    ['revoke', { user }],
    ['disable', { user, disabled: true }],
    ['password', { password: 'not-the-password', next: 'another-password' }],
    ['refresh'],
    ['logoutOthers'],
    ['logout'],
    ['read'],
    ['login', { user, password: 'not-the-password' }],
    ['login', { user, password }],
    ['visit'],
    ['logoutAll'],
  ];
}

async function collectReplies(scene: Scene): Promise<Named[]> {
  const { operations } = scene.contract;
  const { browser, user, reply } = await logInAtHome(scene);
  const replies: Named[] = [{ what: 'login', method: operations.login.method, reply }];
  async function send(what: string, method: string, path: string): Promise<void> {
    replies.push({ what, method, reply: await browser.send(method, path) });
  }
  // Ours never say what may be stored. Elsewhere a path that is not there has nothing of the session.
  if (scene.own !== undefined) {
    await send('an unknown path', 'GET', '/no-such-path');
    await send('a method that is not there', 'PUT', operations.read.path);
  }
  await send('a HEAD', 'HEAD', operations.read.path);
  for (const [name, ...rest] of stepsOf(user, scene.password)) {
    // An operation that the contract lacks has no reply.
    const method = operations[name]?.method;
    if (method !== undefined)
      replies.push({ what: name, method, reply: await browser.perform(name, ...rest) });
  }
  return replies;
}
