/** Check 23: what a change of password ends, and which password opens the account afterwards. */

import { browsersAtServers, currentUser, expectStatus, shownName, times, totalsOf } from '../acts.ts';
import { type Check, verdict } from '../check.ts';
import type { Scene } from '../scene.ts';
import {
  describeReplies,
  expectReply,
  logInSeveral,
  needsUserIndex,
  roundsOf,
  survivorsOf,
} from './logins.ts';

export const PASSWORD_CHECK: Check = {
  id: '23',
  title:
    "A change of password ends the user's other logins and every copy of the one that made it, and holds on every server",
  source: 'ASVS 5 V7.4.3',
  expect: needsUserIndex({
    atRefresh:
      'A user who changes a stolen password leaves the thief logged in until the access token is over.',
    noIndex: 'A user who changes a stolen password leaves the thief logged in until the token expires.',
    perServer:
      'A user who changes a stolen password leaves the thief logged in when that login is on another server.',
  }),
  async observe(scene) {
    const rounds = await times(roundsOf(scene), () => changePasswordOnce(scene));
    const { survivors, others, copies, lost, old, refused, doors } = totalsOf(rounds);
    const evidence =
      `after ${rounds.length} changes of password (replies: ${describeReplies(rounds.map((round) => round.reply))}) ` +
      `${survivors} of ${others} other logins and ${copies} of ${rounds.length} copies ` +
      `of the one that made it were still accepted by a server, ${lost} of ${rounds.length} users had to log in ` +
      `again; the old password opened the account at ${old} of ${doors} servers, the new one not at ${refused}`;
    return verdict(survivors + copies + lost + old + refused === 0, evidence);
  },
};

async function changePasswordOnce(scene: Scene) {
  const { password } = scene;
  const { first, others } = await logInSeveral(scene);
  const shown = await shownName(scene, first);
  const next = `${password}-next`;
  const reply = expectReply(
    await first.browser.perform('password', { password, next }),
    'a change of password',
  );
  const survivors = await survivorsOf(scene, others);
  const lost = (await currentUser(scene, first.browser)) === shown ? 0 : 1;
  const isChanged = reply.status < 300;
  const doors = isChanged
    ? await tryBoth(scene, first.user, password, next)
    : { doors: 0, old: 0, refused: 0 };
  // The user names of an external site may be used again.
  if (scene.own === undefined && isChanged) {
    const back = await first.browser.perform('password', { password: next, next: password });
    expectStatus(back, reply.status, 'a change back to the first password');
  }
  // Last: a second use of its refresh token, if it has one, ends the login.
  const copies = await survivorsOf(scene, [first]);
  return { reply, others: others.length, survivors, lost, copies, ...doors };
}

/**
 * Logs in with the old and the new password at every server. Alternating, so that a success resets the count of
 * failures; and logs out again, so that no limit ends the login that made the change.
 */
async function tryBoth(scene: Scene, user: string, old: string, next: string) {
  const seen = { doors: 0, old: 0, refused: 0 };
  for (const door of browsersAtServers(scene)) {
    seen.doors += 1;
    const enter = async (password: string) => {
      const reply = expectReply(await door.perform('login', { user, password }), 'a login');
      if (reply.status === 200) expectStatus(await door.perform('logout'), 200, 'a logout');
      return reply.status === 200;
    };
    if (await enter(old)) seen.old += 1;
    if (!(await enter(next))) seen.refused += 1;
  }
  return seen;
}
