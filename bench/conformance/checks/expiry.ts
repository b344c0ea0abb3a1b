/** Checks 18 to 20: when a session ends by itself. */

import {
  assume,
  browsersAtServers,
  countAccepting,
  expectStatus,
  isStillLoggedIn,
  type Login,
  logInAtHome,
  times,
  totalsOf,
} from '../acts.ts';
import { type Check, holds, mustHold, notApplicable, type Observation, violated } from '../check.ts';
import type { OwnSite, Scene } from '../scene.ts';
import { expectReply } from './logins.ts';
import { observeRealExpiry } from './real-expiry.ts';

const EXTERNAL = notApplicable('the clock of an external site cannot be moved');
/** Distance from a boundary: longer than the reads themselves take, and the resolution of a token's expiry. */
const MARGIN_MS = 10_000;
const SECOND_MS = 1000;
/** Realistic lifetimes, except for an absolute time that takes few steps. */
const LIVES = { idleSeconds: 1800, absoluteSeconds: 14_400, touchIntervalSeconds: 60 };

const IDLE_MS = LIVES.idleSeconds * SECOND_MS;
const ABSOLUTE_MS = LIVES.absoluteSeconds * SECOND_MS;
const TOUCH_MS = LIVES.touchIntervalSeconds * SECOND_MS;

/** A site whose clock is independent of the other checks. */
async function clockSite(scene: Scene): Promise<{ site: Scene; own: OwnSite }> {
  const site = await scene.variant({ name: 'clock', server: LIVES });
  const { own } = site;
  assume(own !== undefined, 'expected one of our sites, got an external one');
  return { site, own };
}

/** Combines claims that must all be true. @param claims what must be true, in words, and whether it was. */
function judgeAll(claims: Readonly<Record<string, boolean>>, seen: string): Observation {
  const untrue = Object.keys(claims).filter((claim) => claims[claim] !== true);
  return untrue.length === 0 ? holds(seen) : violated(`not so: ${untrue.join('; ')} (${seen})`);
}

/** The current token of a browser: a touch may have issued another. */
const newest = (login: Login) => login.browser.token() ?? login.token;

export const EXPIRY_CHECKS: readonly Check[] = [
  {
    id: '18',
    title:
      'A session ends between the idle time less the touch interval and the idle time after its last use',
    source: 'ASVS 5 V7.3.1',
    expect: () => mustHold,
    async observe(scene) {
      if (scene.own === undefined) return EXTERNAL;
      const [clock, real] = await Promise.all([idleByClock(scene), observeRealExpiry(scene)]);
      const store =
        real.inStore === undefined
          ? ''
          : `, its data ${real.inStore ? 'not yet swept' : 'gone'} from the service`;
      return judgeAll(
        {
          ...clock.claims,
          'in real time a use renews the idle time': real.renewed,
          'in real time a session left alone ends': real.left.accepted === 0,
        },
        `${clock.seen}; in real time with ${real.idleSeconds} s of idle time ${real.left.accepted} of ${real.left.of} ` +
          `servers took one left alone${store}`,
      );
    },
  },
  {
    id: '19',
    title: 'A session ends at its absolute time, however much it is used',
    source: 'ASVS 5 V7.3.2',
    expect: () => mustHold,
    async observe(scene) {
      if (scene.own === undefined) return EXTERNAL;
      const [clock, real] = await Promise.all([absoluteByClock(scene), observeRealExpiry(scene)]);
      return judgeAll(
        { ...clock.claims, 'in real time a session in use ends': real.used.accepted === 0 },
        `${clock.seen}; in real time with an absolute time of ${real.absoluteSeconds} s ` +
          `${real.used.accepted} of ${real.used.of} servers took one in use after it`,
      );
    },
  },
  {
    id: '20',
    title: 'A session that has expired is refused, though the client kept its cookie',
    source: 'OWASP Session Management cheat sheet, Session Expiration',
    expect: () => mustHold,
    async observe(scene) {
      if (scene.own === undefined) return EXTERNAL;
      const { site, own } = await clockSite(scene);
      const kept = await times(KEPT_COOKIES, () => logInAtHome(site));
      const lasting = kept.filter((login) => promisedMs(login, site.contract.cookie) > ABSOLUTE_MS).length;
      await own.advanceClock(IDLE_MS + SECOND_MS);
      const tokens = kept.map(({ token }) => token);
      const replayed = await countAccepting(site, ...tokens);
      const revived = await reviveAll(site, tokens);
      const { accepted, of } = totalsOf([replayed, await countAccepting(site, ...tokens)]);
      return judgeAll(
        {
          'no server takes the cookie': accepted === 0,
          'no write or rotation brings it back': revived.taken === 0,
          'no cookie promises to outlive the session': lasting === 0,
        },
        `${accepted} of ${of} reads and ${revived.taken} of ${revived.tries} writes and ` +
          `rotations with ${kept.length} cookies kept past their expiry were taken`,
      );
    },
  },
];

async function idleByClock(scene: Scene) {
  const { site, own } = await clockSite(scene);
  const used = await logInAtHome(site);
  const left = await logInAtHome(site);
  // A use just within the touch interval, which the throttle need not record.
  await own.advanceClock(Math.max(0, TOUCH_MS - SECOND_MS));
  const early = (await isStillLoggedIn(site, used.browser)) && (await isStillLoggedIn(site, left.browser));
  await own.advanceClock(IDLE_MS - TOUCH_MS - MARGIN_MS);
  const before = await isStillLoggedIn(site, used.browser);
  await own.advanceClock(TOUCH_MS + MARGIN_MS + SECOND_MS);
  const leftSeen = await countAccepting(site, newest(left));
  const renewed = await isStillLoggedIn(site, used.browser);
  await own.advanceClock(IDLE_MS + SECOND_MS);
  const usedSeen = await countAccepting(site, newest(used));
  const revived = (await isStillLoggedIn(site, left.browser)) || (await isStillLoggedIn(site, used.browser));
  return {
    claims: {
      'no client renews a session that has idled away': !revived,
      'a session is alive within the touch interval': early,
      'a session is alive just before the idle time less the touch interval': before,
      'a use renews the idle time': renewed,
      'no server takes a session after its idle time': leftSeen.accepted + usedSeen.accepted === 0,
    },
    seen:
      `with the clocks moved ${leftSeen.accepted + usedSeen.accepted} of ${leftSeen.of + usedSeen.of} reads were taken ` +
      `1 s after the idle time of ${LIVES.idleSeconds} s, and ${before ? 'one' : 'none'} ${MARGIN_MS / SECOND_MS} s ` +
      `before it less the touch interval of ${LIVES.touchIntervalSeconds} s`,
  };
}

async function absoluteByClock(scene: Scene) {
  const { site, own } = await clockSite(scene);
  const used = await logInAtHome(site);
  // Its user renews the token halfway, which must not extend its life.
  const rotated = await logInAtHome(site);
  const stepMs = IDLE_MS / 2;
  let passedMs = 0;
  let uses = 0;
  let early = 0;
  async function use(ms: number): Promise<void> {
    await own.advanceClock(ms);
    passedMs += ms;
    for (const { browser } of [used, rotated]) {
      uses += 1;
      if (!(await isStillLoggedIn(site, browser))) early += 1;
    }
  }
  while (passedMs + stepMs < ABSOLUTE_MS - MARGIN_MS) {
    const wasFirstHalf = passedMs < ABSOLUTE_MS / 2;
    await use(stepMs);
    if (wasFirstHalf && passedMs >= ABSOLUTE_MS / 2)
      expectStatus(await rotated.browser.perform('rotate'), 200, 'a rotation halfway');
  }
  await use(ABSOLUTE_MS - MARGIN_MS - passedMs);
  await own.advanceClock(MARGIN_MS + SECOND_MS);
  const { accepted, of } = await countAccepting(site, newest(used), newest(rotated));
  const revived =
    (await isStillLoggedIn(site, used.browser)) || (await isStillLoggedIn(site, rotated.browser));
  return {
    claims: {
      'no client renews a session past its absolute time': !revived,
      'a session in use is alive before its absolute time': early === 0,
      'no server takes it after its absolute time': accepted === 0,
    },
    seen:
      `with the clocks moved ${uses - early} of ${uses} uses every ${stepMs / SECOND_MS} s were taken, and ${accepted} of ` +
      `${of} reads 1 s after the absolute time of ${LIVES.absoluteSeconds} s, one of two ` +
      'sessions rotated halfway',
  };
}

const KEPT_COOKIES = 3;

/** How long the cookie of a login claims to last; 0 when it ends with the browser. */
function promisedMs({ reply }: Login, cookie: string): number {
  const line = reply.setCookies.find((candidate) => candidate.startsWith(`${cookie}=`)) ?? '';
  const maxAge = /;\s*max-age=(-?\d+)/i.exec(line)?.[1];
  if (maxAge !== undefined) return Number(maxAge) * SECOND_MS;
  const expires = /;\s*expires=([^;]+)/i.exec(line)?.[1];
  return expires === undefined ? 0 : Date.parse(expires) - Date.parse(reply.headers.date ?? expires);
}

/** Writes and rotates with the old cookies at every server. */
async function reviveAll(site: Scene, tokens: readonly string[]): Promise<{ taken: number; tries: number }> {
  let taken = 0;
  let tries = 0;
  for (const token of tokens) {
    for (const door of browsersAtServers(site)) {
      const replies = [
        expectReply(await door.holding(token).perform('update', { data: 'revived' }), 'an update'),
        expectReply(await door.holding(token).perform('rotate'), 'a rotation'),
      ];
      tries += replies.length;
      taken += replies.filter(({ status }) => status < 400).length;
    }
  }
  return { taken, tries };
}
