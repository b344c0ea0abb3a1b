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
      const storable = replies.filter(({ reply }) => !isNoStore(reply));
      const named = storable.map(({ what, reply }) => `${what} ${describeReply(reply)}`);
      const evidence =
        `${storable.length} of ${replies.length} replies may be stored by a cache` +
        `${named.length === 0 ? '' : ` (${firstFew(named, 5)})`}; replies: ${describeReplies(replies.map(({ reply }) => reply))}`;
      return verdict(storable.length === 0, evidence);
    },
  },
];

function isNoStore({ headers }: Reply): boolean {
  return (headers['cache-control'] ?? '')
    .toLowerCase()
    .split(',')
    .some((directive) => directive.trim() === 'no-store');
}

interface Named {
  what: string;
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
  const replies: Named[] = [{ what: 'login', reply }];
  const keep = (what: string, reply: Reply) => replies.push({ what, reply });
  keep('an unknown path', await browser.send('GET', '/no-such-path'));
  keep('a method that is not there', await browser.send('PUT', operations.read.path));
  keep('a HEAD', await browser.send('HEAD', operations.read.path));
  for (const [name, ...rest] of stepsOf(user, scene.password)) {
    // An operation that the contract lacks has no reply.
    if (operations[name] !== undefined) keep(name, await browser.perform(name, ...rest));
  }
  return replies;
}
