/** What the checks of users and their logins share. */

import { type Copies, ExperimentFailed, isOver, type Login, logIn, shown, times } from '../acts.ts';
import type { Browser, Reply } from '../browser.ts';
import { cannotHold, type Expectation, mustHold, type Subject, seesAllSessions } from '../check.ts';
import type { Scene } from '../scene.ts';

/** Rounds of what is no matter of chance but of which server a request meets. */
const ROUNDS = 10;
const DEVICES = 3;

/**
 * What is done to all logins of a user needs an index of them, and one that every server sees.
 * @param seen what shows where nothing knows a user's logins, and where each server knows its own only.
 */
export function needsUserIndex(seen: {
  noIndex: string;
  perServer: string;
}): (subject: Subject) => Expectation {
  return (subject) => {
    if (!subject.traits.userIndex) return cannotHold(seen.noIndex);
    return seesAllSessions(subject) ? mustHold : cannotHold(seen.perServer);
  };
}

/** How many rounds this run takes. */
export function roundsOf(scene: Scene, most: number = ROUNDS): number {
  return Math.min(scene.tries, most);
}

/** Most concurrent logins of a user; `undefined` where no limit is known. */
export function capOf(scene: Scene): number | undefined {
  const cap = scene.own?.config.loginCap ?? scene.contract.loginCap;
  return cap === 0 ? undefined : cap;
}

/** One user on several devices, each before the balancer: no more than its limit allows. All are live. */
export async function logInDevices(scene: Scene, user: string, most: number = DEVICES): Promise<Login[]> {
  const count = Math.min(most, capOf(scene) ?? most);
  const logins = await times(count, () => logIn(scene, { user }));
  const live = await stillAccepted(scene, logins);
  if (live !== count) throw new ExperimentFailed(`expected ${count} live logins of one user, got ${live}`);
  return logins;
}

/** How many of these logins any server still accepts, or renews where they have a refresh token. */
export async function stillAccepted(scene: Scene, logins: readonly Copies[]): Promise<number> {
  const over = await Promise.all(logins.map((login) => isOver(scene, login)));
  return over.filter((isEnded) => !isEnded).length;
}

/** A new browser before each server; one before the balancer where they cannot be talked to one by one. */
export function entrances(scene: Scene): Browser[] {
  const { servers } = scene;
  return servers > 0
    ? Array.from({ length: servers }, (_, server) => scene.browserOf(server))
    : [scene.browser()];
}

/**
 * The reply, whatever it says: a refusal is an observation, also one that the backend cannot (501).
 * @throws ExperimentFailed when the site has failed.
 */
export function answered(reply: Reply, what: string): Reply {
  if (reply.status >= 500 && reply.status !== 501)
    throw new ExperimentFailed(`expected an answer to ${what}, got ${shown(reply)}`);
  return reply;
}

/** The different answers in a few words, such as `200, 401 unauthenticated`. */
export function answersOf(replies: readonly Reply[]): string {
  return [...new Set(replies.map(shown))].sort().join(', ');
}

export function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
