/** Shared by the checks of users and their logins. */

import {
  acceptedInTime,
  assume,
  browsersAtServers,
  type Copies,
  describeReply,
  isOver,
  type Login,
  logIn,
  times,
} from '../acts.ts';
import type { Browser, Reply } from '../browser.ts';
import { type Check, cannotHold, mustHold, seesAllSessions } from '../check.ts';
import type { Scene } from '../scene.ts';

/** Rounds of a check that depends not on chance, but on which server a request reaches. */
const ROUNDS = 10;
const DEVICES = 3;

/**
 * Actions on all logins of a user need an index of them that every server sees.
 * @param seen the effect where there is no index, where each server has only its own, where an ended login is only
 * not renewed, and where all of a user end together.
 */
export function needsUserIndex(seen: {
  noIndex: string;
  perServer: string;
  atRefresh?: string;
  together?: string;
}): Check['expect'] {
  return (subject) => {
    const { userIndex, revocation, endsAllLogins } = subject.traits;
    if (!userIndex) return cannotHold(seen.noIndex);
    if (endsAllLogins === true && seen.together !== undefined) return cannotHold(seen.together);
    if (revocation === 'at-refresh' && seen.atRefresh !== undefined) return cannotHold(seen.atRefresh);
    return seesAllSessions(subject) ? mustHold : cannotHold(seen.perServer);
  };
}

/** The number of rounds in this run. */
export function roundsOf(scene: Scene, most: number = ROUNDS): number {
  return Math.min(scene.tries, most);
}

/** Limit on concurrent logins of a user; `undefined` where it is unknown. */
export function capOf(scene: Scene): number | undefined {
  const cap = scene.own?.config.loginCap ?? scene.contract.loginCap;
  return cap === 0 ? undefined : cap;
}

/** One user on several devices, each at the balancer, at most as many as the limit allows. All are live. */
export async function logInDevices(scene: Scene, user: string, most: number = DEVICES): Promise<Login[]> {
  const count = Math.min(most, capOf(scene) ?? most);
  const logins = await times(count, () => logIn(scene, { user }));
  const live = await stillAccepted(scene, logins);
  assume(live === count, `expected ${count} live logins of one user, got ${live}`);
  return logins;
}

/** How many of these logins any server still accepts, or renews where they have a refresh token. */
export async function stillAccepted(scene: Scene, logins: readonly Copies[]): Promise<number> {
  const over = await Promise.all(logins.map((login) => isOver(scene, login)));
  return over.filter((isEnded) => !isEnded).length;
}

/** As {@link stillAccepted}, of logins that have been ended. @param allowed how many of them may live on. */
export function survivorsOf(scene: Scene, logins: readonly Copies[], allowed = 0): Promise<number> {
  return acceptedInTime(scene, () => stillAccepted(scene, logins), allowed);
}

/** A user with several live logins, as {@link logInDevices}. @throws ExperimentFailed where only one is allowed. */
export async function logInSeveral(scene: Scene): Promise<{ first: Login; others: Login[] }> {
  const [first, ...others] = await logInDevices(scene, scene.freshUser());
  assume(first !== undefined && others.length > 0, 'expected a limit that allows a user two logins');
  return { first, others };
}

/** Logs in with the correct password at every server. */
export async function logInEverywhere(
  scene: Scene,
  user: string,
): Promise<{ attempts: number; entered: number }> {
  const replies: Reply[] = [];
  for (const door of browsersAtServers(scene))
    replies.push(expectReply(await door.perform('login', { user, password: scene.password }), 'a login'));
  return { attempts: replies.length, entered: replies.filter(({ status }) => status === 200).length };
}

/** The administrator's browser; `undefined` where the contract has no administrator. */
export async function adminOf(scene: Scene): Promise<Browser | undefined> {
  return scene.contract.admin === undefined ? undefined : scene.admin();
}

/**
 * The reply, whatever its status: a refusal is an observation, including 501.
 * @throws ExperimentFailed when the site has failed.
 */
export function expectReply(reply: Reply, what: string): Reply {
  assume(
    reply.status < 500 || reply.status === 501,
    `expected a reply to ${what}, got ${describeReply(reply)}`,
  );
  return reply;
}

/** The distinct replies in a few words, such as `200, 401 unauthenticated`. */
export function describeReplies(replies: readonly Reply[]): string {
  return [...new Set(replies.map(describeReply))].sort().join(', ');
}
