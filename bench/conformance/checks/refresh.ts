import {
  assume,
  browsersAtServers,
  type Copies,
  countAccepting,
  countSurviving,
  expectStatus,
  holdingBoth,
  logIn,
  refreshTokenIn,
  times,
  totalsOf,
} from '../acts.ts';
import type { Browser } from '../browser.ts';
import {
  allOf,
  type Check,
  cannotHold,
  doesNotApply,
  mustHold,
  notApplicable,
  type Observation,
  verdict,
} from '../check.ts';
import type { Scene } from '../scene.ts';
import { forgedRefreshes } from './forged-refresh.ts';
import { expectReply, roundsOf } from './logins.ts';
import { refreshVariant } from './refresh-site.ts';

const RACERS = 10;
const RACES = 50;
const LATE_USES = 3;

const expectFamilyKill: Check['expect'] = ({ refreshing, traits }) => {
  // A backend with such a mode is examined on a separate site.
  if (traits.revocation === 'at-refresh')
    return cannotHold(
      'A second use ends the login for good, but its newest access token works until it is over.',
    );
  if (refreshing !== undefined || traits.refresh === 'rotating') return mustHold;
  return doesNotApply(
    traits.state === 'client'
      ? 'Nothing keeps the family of a refresh token, so that a second use could not be noticed.'
      : 'There are no refresh tokens: a session is renewed by touching it.',
  );
};

export const REFRESH_CHECK: Check = {
  id: '36',
  title: 'A refresh token works once: its second use ends the whole login',
  source: 'RFC 9700 §4.14.2',
  expect: expectFamilyKill,
  async observe(scene) {
    const { subject } = scene;
    const expected = expectFamilyKill(subject);
    if (expected.outcome === 'n/a') return notApplicable(expected.because);
    const cookie = scene.contract.refreshCookie;
    if (cookie === undefined) return notApplicable('the contract has no cookie of refresh tokens');
    const site = scene.own === undefined ? scene : await refreshVariant(scene);
    const forged = await forgedRefreshes(site, cookie);
    return allOf([await observeFamily(site), forged]);
  },
};

async function observeFamily(scene: Scene): Promise<Observation> {
  // A second use of the token before the newest, and of a much older one.
  const reuses = await times(roundsOf(scene), (round) => reuseOnce(scene, round % 2 === 0 ? 1 : LATE_USES));
  const races = await times(roundsOf(scene, RACES), () => raceOnce(scene));
  const { unrotated, reused, survivors, asked } = totalsOf(reuses);
  const crowded = races.filter(({ winners }) => winners !== 1).length;
  const { survivors: outlived } = totalsOf(races);
  const evidence =
    `${unrotated} of ${reuses.length} uses did not renew the refresh token, ${reused} of ${reuses.length} second uses ` +
    `were taken, and ${survivors} of ${asked} requests with the newest tokens after it; ` +
    `${crowded} of ${races.length} races of ${RACERS} had another number of winners than one, after ${outlived} of which the login lived on`;
  return verdict(unrotated + reused + survivors + crowded + outlived === 0, evidence);
}

/** @param uses how often the tokens are renewed before the first of them is used again. */
async function reuseOnce(scene: Scene, uses: number) {
  const { browser } = await logIn(scene);
  const first = pairOf(scene, browser);
  for (let use = 0; use < uses; use += 1)
    expectStatus(await browser.perform('refresh'), 200, 'the first use of a refresh token');
  const newest = pairOf(scene, browser);
  const { accepted, of } = await countAccepting(scene, newest.token);
  assume(accepted === of, `expected ${of} servers to accept a renewed token, got ${accepted}`);
  const thief = holdingBoth(scene, scene.browser(), first);
  const reply = expectReply(await thief.perform('refresh'), 'the second use of a refresh token');
  const after = await familyAfter(scene, newest);
  return {
    unrotated: first.refresh === newest.refresh ? 1 : 0,
    reused: reply.status === 401 ? 0 : 1,
    ...after,
  };
}

/** Many concurrent uses of one token: one may win, and since the others are reuse, the login ends. */
async function raceOnce(scene: Scene) {
  const { browser } = await logIn(scene);
  const pair = pairOf(scene, browser);
  const racers = Array.from({ length: RACERS }, () => holdingBoth(scene, scene.browser(), pair));
  const replies = await Promise.all(racers.map((racer) => racer.perform('refresh')));
  const winners = racers.filter(
    (_, index) => replies[index] !== undefined && expectReply(replies[index], 'a race').status === 200,
  );
  const families = await Promise.all(winners.map((winner) => familyAfter(scene, pairOf(scene, winner))));
  return { winners: winners.length, survivors: families.some(({ survivors }) => survivors > 0) ? 1 : 0 };
}

/** How many servers still accept the access token or the refresh token. */
async function familyAfter(scene: Scene, pair: Copies) {
  const { accepted, of } = await countSurviving(scene, pair.token);
  const doors = browsersAtServers(scene);
  let renewed = 0;
  for (const door of doors) {
    const reply = await holdingBoth(scene, door, pair).perform('refresh');
    if (expectReply(reply, 'a refresh').status === 200) renewed += 1;
  }
  return { survivors: accepted + renewed, asked: of + doors.length };
}

/** Both tokens of a login at one time. */
function pairOf(scene: Scene, browser: Browser): Copies {
  const [token, refresh] = [browser.token(), refreshTokenIn(scene, browser)];
  assume(
    token !== undefined && refresh !== undefined,
    'expected a session and a refresh token in the jar, got one or none',
  );
  return { token, refresh };
}
