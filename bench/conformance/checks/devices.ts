import {
  type Copies,
  countAccepting,
  fieldOf,
  type Login,
  logIn,
  refreshTokenIn,
  times,
  totalsOf,
} from '../acts.ts';
import type { Reply } from '../browser.ts';
import { type Check, verdict } from '../check.ts';
import type { Scene } from '../scene.ts';
import {
  describeReplies,
  expectReply,
  logInSeveral,
  needsUserIndex,
  roundsOf,
  stillAccepted,
  survivorsOf,
} from './logins.ts';

/** One line of the reply to `list`: `{ logins: [{ handle, current }] }`. */
interface Listed {
  handle: string;
  current: boolean;
}

/** Faults in one round; all 0 where the property holds. */
interface Faults {
  /** The list did not show each login once, with the calling one marked. */
  incompleteLists: number;
  /** Logins that a server accepted after their user had ended them. */
  survivors: number;
  /** Logins that ended although nobody ended them. */
  struck: number;
  /** A handle that opens a session, or by which another user ended one. */
  powerfulHandles: number;
}

export const DEVICE_CHECK: Check = {
  id: '24',
  title: 'A user lists the own logins and ends the one that is named, the others, or all of them',
  source: 'ASVS 5 V7.5.2',
  expect: needsUserIndex({
    atRefresh: 'A phone that its user has logged out from afar works until its access token is over.',
    together:
      'A user who ends the login of a lost phone, or all others, is logged out here too: logins end together.',
    noIndex:
      'A user who lost a phone sees no list of devices and can end none: the phone stays logged in until its token expires.',
    perServer:
      'A user who lost a phone sees the devices of one server only, and cannot end what lies on the others.',
  }),
  async observe(scene) {
    const replies: Reply[] = [];
    const rounds = await times(roundsOf(scene), (round) => useDeviceList(scene, replies, round));
    const { incompleteLists, survivors, struck, powerfulHandles } = totalsOf(rounds);
    const faults = rounds.filter((round) => Object.values(round).some((count) => count > 0)).length;
    const evidence =
      `${faults} of ${rounds.length} users with several devices met a fault (replies: ${describeReplies(replies)}): ` +
      `${incompleteLists} incomplete lists, ${survivors} ended logins still accepted, ` +
      `${struck} others ended with them, ${powerfulHandles} handles with a power of their own`;
    return verdict(faults === 0, evidence);
  },
};

async function useDeviceList(scene: Scene, replies: Reply[], round: number): Promise<Faults> {
  const { first, others } = await logInSeveral(scene);
  const logins = [first, ...others];
  const asked = async (reply: Promise<Reply>) => {
    const listed = expectReply(await reply, 'a request for the own devices');
    replies.push(listed);
    return listed;
  };

  const listed = listIn(await asked(first.browser.perform('list')));
  const isComplete =
    new Set(listed.map(({ handle }) => handle)).size === logins.length &&
    listed.length === logins.length &&
    listed.filter(({ current }) => current).length === 1;
  // The device itself tells which handle is its own. One after the other, so that none is ended for its place in the
  // list.
  const lost = others[round % others.length] as Login;
  const kept = logins.filter((login) => login !== lost);
  const chosen = listIn(await asked(lost.browser.perform('list'))).find(({ current }) => current)?.handle;
  const powerfulHandles = chosen === undefined ? 0 : await powersOf(scene, chosen, logins);

  let survivors = 0;
  let struck = 0;
  // Without a list there is no handle to use: the login that was to be ended is a survivor.
  if (chosen === undefined) survivors += 1;
  else {
    await asked(first.browser.perform('endLogin', { handle: chosen }));
    survivors += await survivorsOf(scene, [lost]);
    struck += kept.length - (await stillAccepted(scene, kept));
  }
  await asked(first.browser.perform('logoutOthers'));
  survivors += await survivorsOf(scene, others);
  // Its jar may hold a newer token, where a read renews it.
  struck += 1 - (await stillAccepted(scene, [newest(scene, first)]));
  const extra = await logIn(scene, { user: first.user });
  const last = [newest(scene, first), extra];
  await asked(first.browser.perform('logoutAll'));
  survivors += await survivorsOf(scene, last);
  return { incompleteLists: isComplete ? 0 : 1, survivors, struck, powerfulHandles };
}

/** The current tokens of a login. */
function newest(scene: Scene, { browser, token, refresh }: Login): Copies {
  return { token: browser.token() ?? token, refresh: refreshTokenIn(scene, browser) ?? refresh };
}

/** A handle is only a name: it opens nothing as a token, and ends nothing for another user. */
async function powersOf(scene: Scene, handle: string, logins: readonly Login[]): Promise<number> {
  const opened = (await countAccepting(scene, handle)).accepted > 0;
  const stranger = await logIn(scene);
  expectReply(
    await stranger.browser.perform('endLogin', { handle }),
    'a request to end the login of another',
  );
  const ended = (await stillAccepted(scene, logins)) < logins.length;
  return (opened ? 1 : 0) + (ended ? 1 : 0);
}

/** Empty when the reply is not such a list. */
function listIn(reply: Reply): Listed[] {
  const logins = reply.status === 200 ? fieldOf(reply, 'logins') : undefined;
  if (!Array.isArray(logins)) return [];
  return (logins as Partial<Listed>[]).flatMap(({ handle, current }) =>
    typeof handle === 'string' ? [{ handle, current: current === true }] : [],
  );
}
