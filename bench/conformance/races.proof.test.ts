import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { printSeed } from '../../stores/suite/seed.ts';
import { expectStatus, logIn } from './acts.ts';
import type { Browser, Reply } from './browser.ts';
import { type Counted, countInTabs, parallelLogins, summed } from './fixtures/contests.ts';
import { isAlive, race, statusCounts, timed, tryMany } from './fixtures/race.ts';
import { browsersOf, type Choice, openTestRig, subjectOfChoice, titleOf } from './fixtures/sites.ts';
import { openSite, type Site } from './site.ts';

/** Races over real HTTP through the balancer: real services, several servers, thousands of tries. */

const BACKENDS: readonly Choice[] = [
  { store: 'redis' },
  { store: 'memcached' },
  { store: 'postgres' },
  { store: 'mariadb' },
  { store: 'jwt-blacklist' },
  { store: 'jwt-blacklist', options: { db: 'postgres' } },
  { store: 'memory', servers: 1 },
];
const COMPARING: readonly Choice[] = [
  { store: 'redis' },
  { store: 'memcached' },
  { store: 'postgres' },
  { store: 'mariadb', options: { driver: 'mysql2' } },
  { store: 'memory', servers: 1 },
];
const OVERWRITING: readonly Choice[] = [
  { store: 'redis', options: { write: 'lww' } },
  { store: 'memcached', options: { write: 'lww' } },
  { store: 'postgres', options: { write: 'lww' } },
  { store: 'mariadb', options: { write: 'lww' } },
  { store: 'jwt' },
  { store: 'jwt-blacklist' },
];
const REFRESHING: readonly Choice[] = [
  { store: 'jwt-blacklist', options: { refresh: 'rotating' } },
  { store: 'jwt-blacklist', options: { refresh: 'rotating', db: 'postgres' } },
];

const LOGOUT_TRIES = 500;
const ROTATION_TRIES = 150;
const ROTATORS = 6;
const UPDATE_SESSIONS = 12;
const TABS = 4;
const UPDATES_PER_TAB = 10;
const ALL_UPDATES = UPDATE_SESSIONS * TABS * UPDATES_PER_TAB;
const LIMIT_ROUNDS = 10;
const PARALLEL_LOGINS = 50;
const CAP = 5;
const REVOCATION_TRIES = 150;
const REFRESH_TRIES = 150;
const REFRESHERS = 4;
const AT_A_TIME = 8;
/** All racing requests start within this many milliseconds, about the length of a request. */
const SPREAD_MS = 3;

const seed = printSeed('races');
let shared: Awaited<ReturnType<typeof openTestRig>>;
beforeAll(async () => {
  shared = await openTestRig('node');
});
afterAll(() => shared.close());

/** A site for the tests of one block: opened before the first, closed after the last. */
function siteOf(choice: Choice): { site: () => Site; fresh: () => Browser } {
  let site: Site | undefined;
  let fresh: (() => Browser) | undefined;
  beforeAll(async () => {
    site = await openSite({ subject: subjectOfChoice(choice), rig: shared.rig, seed, tries: 1 });
    fresh = browsersOf(site);
  });
  afterAll(() => site?.close());
  return { site: () => site as Site, fresh: () => (fresh as () => Browser)() };
}

const named = (choices: readonly Choice[]) => choices.map((choice) => [titleOf(choice), choice] as const);
const report = (choice: Choice, text: string) => console.log(`${titleOf(choice)}: ${text}`);

describe.each(named(BACKENDS))('%s', (_title, choice) => {
  const { site, fresh } = siteOf(choice);

  test('an update in flight does not bring back a login that is ended', async () => {
    const replies: Reply[] = [];
    const alive = await tryMany(LOGOUT_TRIES, AT_A_TIME, async (index) => {
      const { token } = await logIn(site(), { browser: fresh() });
      const writer = fresh().holding(token);
      const [update, logout] = await race(site().random, SPREAD_MS, [
        () => writer.perform('update', { data: `step ${index}` }),
        () => fresh().holding(token).perform('logout'),
      ]);
      expectStatus(logout, 200, 'a logout');
      replies.push(update);
      // The update may have issued another token.
      const tokens = [...new Set([token, writer.token() ?? token])];
      const answers = await Promise.all(tokens.map((one) => isAlive(fresh(), one)));
      return answers.includes(true);
    });
    const statuses = statusCounts(replies);
    report(choice, `updates during a logout got ${JSON.stringify(statuses)}`);
    expect(alive.filter(Boolean)).toEqual([]);
    expect(Object.keys(statuses).filter((status) => status !== '200' && status !== '401')).toEqual([]);
  });

  test('of parallel rotations exactly one wins, and the old token is dead', async () => {
    const outcomes = await tryMany(ROTATION_TRIES, AT_A_TIME, async () => {
      const { token } = await logIn(site(), { browser: fresh() });
      const browsers = Array.from({ length: ROTATORS }, () => fresh().holding(token));
      const replies = await race(
        site().random,
        SPREAD_MS,
        browsers.map((browser) => () => browser.perform('rotate')),
      );
      const winners = browsers.filter((_, index) => replies[index]?.status === 200);
      const losers = replies.filter(({ status }) => status === 401).length;
      const [winner] = winners;
      const next = winner?.token() ?? token;
      return {
        winners: winners.length,
        losers,
        old: await isAlive(fresh(), token),
        next: await isAlive(fresh(), next),
      };
    });
    const asItShould = { winners: 1, losers: ROTATORS - 1, old: false, next: true };
    expect(outcomes).toEqual(outcomes.map(() => asItShould));
  });

  test('under 50 parallel logins the limit holds: the oldest are evicted', async () => {
    const rounds = await tryMany(LIMIT_ROUNDS, 1, () => parallelLogins(site(), fresh, PARALLEL_LOGINS));
    const all = { 200: PARALLEL_LOGINS };
    expect(rounds).toEqual(Array.from({ length: LIMIT_ROUNDS }, () => ({ statuses: all, live: CAP })));
  });

  test('under 50 parallel logins the limit holds: the others are refused', async () => {
    const refusing = await site().variant({ name: 'refuse', server: { loginCap: CAP, onCap: 'refuse' } });
    const ofVariant = browsersOf(refusing);
    const rounds = await tryMany(LIMIT_ROUNDS, 1, () => parallelLogins(refusing, ofVariant, PARALLEL_LOGINS));
    const some = { 200: CAP, 429: PARALLEL_LOGINS - CAP };
    expect(rounds).toEqual(Array.from({ length: LIMIT_ROUNDS }, () => ({ statuses: some, live: CAP })));
  });

  test('a revocation of all logins ends those before it, and none after it', async () => {
    const admin = await site().admin();
    const counts = { during: 0, duringAlive: 0 };
    const wrong = await tryMany(REVOCATION_TRIES, AT_A_TIME, async () => {
      const user = site().freshUser();
      const login = async () => {
        const browser = fresh();
        const values = { user, password: site().password };
        const call = await timed(() => browser.perform('login', values));
        expectStatus(call.reply, 200, 'a login');
        return { ...call, token: browser.token() ?? '' };
      };
      const before = [await login(), await login()];
      const [first, revocation, second] = await race(site().random, SPREAD_MS, [
        login,
        () => timed(() => admin.perform('revoke', { user })),
        login,
      ]);
      expectStatus(revocation.reply, 200, 'a revocation');
      const faults: string[] = [];
      for (const one of [...before, first, second, await login()]) {
        const alive = await isAlive(fresh(), one.token);
        if (one.endedMs < revocation.startedMs) {
          if (alive) faults.push('alive, though its reply came before the revocation began');
        } else if (one.startedMs > revocation.endedMs) {
          if (!alive) faults.push('dead, though it began after the reply to the revocation');
        } else {
          counts.during += 1;
          if (alive) counts.duringAlive += 1;
        }
      }
      return faults;
    });
    report(choice, `of ${counts.during} logins during a revocation ${counts.duringAlive} live on`);
    expect(wrong.flat()).toEqual([]);
  });
});

describe.each(named(COMPARING))('compare and swap: %s', (_title, choice) => {
  const { site, fresh } = siteOf(choice);

  test('no parallel update is lost', async () => {
    const { acknowledged, kept } = await countAll(site(), fresh);
    report(choice, `${kept} of ${acknowledged} acknowledged updates are kept`);
    expect({ acknowledged, kept }).toEqual({ acknowledged: ALL_UPDATES, kept: ALL_UPDATES });
  });
});

describe.each(named(OVERWRITING))('last write wins: %s', (_title, choice) => {
  const { site, fresh } = siteOf(choice);

  test('parallel updates are lost, and their number is reported', async () => {
    const { acknowledged, kept } = await countAll(site(), fresh);
    const lost = acknowledged - kept;
    const rate = ((100 * lost) / acknowledged).toFixed(1);
    report(choice, `${lost} of ${acknowledged} acknowledged updates are lost (${rate} %)`);
    expect(acknowledged).toBe(ALL_UPDATES);
    expect(lost).toBeGreaterThan(0);
  });
});

describe.each(named(REFRESHING))('refresh tokens: %s', (_title, choice) => {
  const { site, fresh } = siteOf(choice);

  test('of parallel uses at most one wins, and the reuse ends the login with all that it was given', async () => {
    const cookie = site().contract.refreshCookie as string;
    const replies: Reply[] = [];
    const outcomes = await tryMany(REFRESH_TRIES, AT_A_TIME, async () => {
      const { browser, token } = await logIn(site(), { browser: fresh() });
      const refreshToken = browser.cookies.get(cookie);
      if (refreshToken === undefined) throw new Error('expected a refresh token with the login');
      const holders = Array.from({ length: REFRESHERS }, () => {
        const holder = fresh();
        holder.cookies.set(cookie, refreshToken);
        return holder;
      });
      const answers = await race(
        site().random,
        SPREAD_MS,
        holders.map((holder) => () => holder.perform('refresh')),
      );
      replies.push(...answers);
      const winners = holders.filter((_, index) => answers[index]?.status === 200);
      const tokens = [token, ...winners.map((winner) => winner.token() ?? '')];
      const alive = await Promise.all(tokens.map((one) => isAlive(fresh(), one)));
      const again = await Promise.all(winners.map((winner) => winner.perform('refresh')));
      return {
        winners: winners.length,
        alive: alive.filter(Boolean).length,
        renewed: again.filter(({ status }) => status === 200).length,
      };
    });
    report(choice, `parallel refreshes got ${JSON.stringify(statusCounts(replies))}`);
    expect(outcomes.filter(({ winners }) => winners !== 1)).toEqual([]);
    expect(outcomes.filter(({ alive, renewed }) => alive + renewed > 0)).toEqual([]);
  });
});

function countAll(site: Site, fresh: () => Browser): Promise<Counted> {
  const count = () => countInTabs(site, fresh(), TABS, UPDATES_PER_TAB);
  return tryMany(UPDATE_SESSIONS, 2, count).then(summed);
}
