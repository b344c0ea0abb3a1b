/** Check 45: how many passwords can be guessed one by one, in a burst, and by the change of password. */

import { assume, describeReply, fieldOf, logIn, times, totalsOf } from '../acts.ts';
import type { Reply } from '../browser.ts';
import { type Check, notApplicable, verdict } from '../check.ts';
import type { Scene } from '../scene.ts';
import { expectReply, logInEverywhere, needsUserIndex, roundsOf } from './logins.ts';

const PARALLEL_RIGHT_LOGINS = 25;
const WRONG_PASSWORD = 'certainly-not-the-password';
const GUESSING_ROUNDS = 3;
/**
 * A burst is this many times the limit; the correct password comes at this fraction of it, after the limit is reached.
 */
const BURST_FACTOR = 20;
const RIGHT_AT = 0.95;
/**
 * Servers that read a shared count at the same moment may each check a guess before the others' are added. This many
 * beyond one for each server are tolerated: a guesser gains nothing by them.
 */
const BURST_ALLOWANCE = 2;
const WARM_CONNECTIONS = 64;

export const THROTTLE_CHECK: Check = {
  id: '45',
  title: 'Failed logins are throttled per account, and nothing else is',
  source: 'ASVS 5 V6.3.1',
  expect: needsUserIndex({
    noIndex: 'Passwords can be guessed without end: nothing counts the failures.',
    perServer: 'A guesser has as many tries as the limit allows at each of the servers, not in all.',
  }),
  async observe(scene) {
    const limit = scene.own?.config.failedLoginLimit ?? scene.contract.failedLoginLimit;
    if (limit === undefined || limit === 0) return notApplicable('no limit on failed logins is set');
    const rounds = await times(roundsOf(scene, GUESSING_ROUNDS), () => guessOneByOne(scene, limit));
    const byChange = await guessByChange(scene, limit);
    const burst = await guessInBurst(scene, limit);
    const refused = await countRefusedCorrect(scene);
    const over = [...rounds, byChange].filter((round) => round.judged > limit).length;
    // The correct password while the account is over its limit: the guesser must not learn it.
    const { entered, attempts } = totalsOf([...rounds, byChange, burst]);
    const { strangers } = totalsOf(rounds);
    const evidence =
      `${Math.max(...rounds.map((round) => round.judged))} of ${2 * limit} wrong passwords, each from a new client, were ` +
      `judged where ${limit} may be, and ${byChange.judged} of ${byChange.guesses} by ${byChange.how}: in ${over} of ` +
      `${rounds.length + 1} rounds too many; of ${burst.guesses} at once ${burst.judged} were judged where ${burst.most} may ` +
      `be; with the limit reached ${entered} of ${attempts} right passwords still opened the account; ${strangers} ` +
      `of ${rounds.length} other users and ${refused} of ${PARALLEL_RIGHT_LOGINS} parallel right logins were refused`;
    const isCrowded = burst.judged > burst.most;
    return verdict(over + entered + strangers + refused === 0 && !isCrowded, evidence);
  },
};

/** A guesser who drops all cookies between tries, and so reaches any server. */
async function guessOneByOne(scene: Scene, limit: number) {
  const user = scene.freshUser();
  const replies = await times(2 * limit, () => guess(scene, user));
  const right = await logInEverywhere(scene, user);
  const other = await scene.browser().perform('login', { user: scene.freshUser(), password: scene.password });
  return {
    judged: countChecked(replies),
    ...right,
    strangers: expectReply(other, 'a login').status === 200 ? 0 : 1,
  };
}

/** A thief of a session guesses the password by changing it, and by logging in between: both count together. */
async function guessByChange(scene: Scene, limit: number) {
  const isOffered = scene.contract.operations.password !== undefined;
  const { user, browser } = await logIn(scene);
  const replies = await times(2 * limit, async (turn) => {
    if (!isOffered || turn % 2 === 1) return guess(scene, user);
    const values = { password: WRONG_PASSWORD, next: `${WRONG_PASSWORD}-next` };
    return refusal(await browser.perform('password', values));
  });
  const how = isOffered ? 'changes of password and logins in turn' : 'logins alone';
  return {
    judged: countChecked(replies),
    guesses: replies.length,
    how,
    ...(await logInEverywhere(scene, user)),
  };
}

/**
 * A burst over open connections that includes the correct password. It must not open the account: when it is sent, more
 * guesses than the limit have been replied to.
 */
async function guessInBurst(scene: Scene, limit: number) {
  const user = scene.freshUser();
  await Promise.all(Array.from({ length: WARM_CONNECTIONS }, () => scene.browser().perform('read')));
  const guesses = Math.max(BURST_FACTOR * limit, 2 * WARM_CONNECTIONS);
  const rightAt = Math.floor(guesses * RIGHT_AT);
  const replies = await Promise.all(
    Array.from({ length: guesses }, (_, turn) =>
      scene
        .browser()
        .perform('login', { user, password: turn === rightAt ? scene.password : WRONG_PASSWORD }),
    ),
  );
  const hits = replies.filter((reply) => expectReply(reply, 'a login in a burst').status === 200).length;
  const late = await logInEverywhere(scene, user);
  return {
    guesses,
    judged: countChecked(replies),
    most: limit + Math.max(scene.servers, scene.subject.servers) + BURST_ALLOWANCE,
    entered: late.entered + hits,
    attempts: late.attempts + 1,
  };
}

async function guess(scene: Scene, user: string): Promise<Reply> {
  return refusal(await scene.browser().perform('login', { user, password: WRONG_PASSWORD }));
}

function refusal(reply: Reply): Reply {
  const isRefused = reply.status >= 400 && reply.status < 500;
  assume(isRefused, `expected a wrong password to be refused, got ${describeReply(reply)}`);
  return reply;
}

/** The guesses whose reply says whether they are right. */
function countChecked(replies: readonly Reply[]): number {
  return replies.filter(({ status }) => status !== 429).length;
}

/** Many devices of one user who knows the password: the throttle must not treat them as a guesser. */
async function countRefusedCorrect(scene: Scene): Promise<number> {
  const user = scene.freshUser();
  await logIn(scene, { user });
  const replies = await Promise.all(
    Array.from({ length: PARALLEL_RIGHT_LOGINS }, () =>
      scene.browser().perform('login', { user, password: scene.password }),
    ),
  );
  // The limit on concurrent logins may refuse too, which is another property.
  return replies.filter((reply) => reply.status === 429 && fieldOf(reply, 'error') !== 'too_many_logins')
    .length;
}
