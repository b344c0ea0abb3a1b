import { assume, type Copies, describeReply, refreshTokenIn, times } from '../acts.ts';
import { type Check, notApplicable, verdict } from '../check.ts';
import type { Scene } from '../scene.ts';
import { capOf, needsUserIndex, roundsOf, survivorsOf } from './logins.ts';

const PARALLEL_LOGINS = 50;
/** Each round logs in 50 times, and reads each login at every server. */
const LIMIT_ROUNDS = 5;

export const LOGIN_LIMIT_CHECK: Check = {
  id: '25',
  title: 'The limit on concurrent logins of a user holds under parallel logins',
  source: 'ASVS 5 V7.1.2',
  expect: needsUserIndex({
    atRefresh: 'Of the logins that the limit ended each works until its access token is over.',
    noIndex: 'A shared password is used from any number of devices at once: nothing counts the logins.',
    perServer: 'A user has as many logins as the limit allows at each of the servers, not in all.',
  }),
  async observe(scene) {
    const cap = capOf(scene);
    if (cap === undefined) return notApplicable('no limit on concurrent logins is set');
    const live = await times(roundsOf(scene, LIMIT_ROUNDS), async () => {
      const tokens = await logInConcurrently(scene, scene.freshUser());
      return survivorsOf(scene, tokens, cap);
    });
    const faults = live.filter((count) => count > cap || count < 1).length;
    const evidence =
      `${faults} of ${live.length} rounds of ${PARALLEL_LOGINS} parallel logins broke the limit of ${cap}: ` +
      `${Math.min(...live)} to ${Math.max(...live)} were live afterwards`;
    return verdict(faults === 0, evidence);
  },
};

/** One user from many devices at the same time; logins that the limit refused are omitted. */
async function logInConcurrently(scene: Scene, user: string): Promise<Copies[]> {
  const browsers = Array.from({ length: PARALLEL_LOGINS }, () => scene.browser());
  const results = await Promise.all(
    browsers.map(async (browser) => {
      const reply = await browser.perform('login', { user, password: scene.password });
      const token = browser.token();
      if (reply.status === 200 && token !== undefined)
        return [{ token, refresh: refreshTokenIn(scene, browser) }];
      assume(
        reply.status === 429,
        `expected one of many parallel logins to succeed or get 429, got ${describeReply(reply)}`,
      );
      return [];
    }),
  );
  return results.flat();
}
