import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { printSeed } from '../../stores/suite/seed.ts';
import type { Traits } from '../../stores/traits.ts';
import { checksOf } from './catalogue.ts';
import type { Cell, Subject } from './check.ts';
import { buildFaulty } from './fixtures/build-faulty.ts';
import type { FaultName } from './fixtures/faults.ts';
import { type Choice, openTestRig, subjectOfChoice } from './fixtures/sites.ts';
import { runChecks } from './run.ts';
import { openSite, type Site } from './site.ts';

/**
 * The matrix can turn red: each kind of fault and each false trait is planted, and the right checks detect it. Sites side
 * by side, for they mostly wait.
 */

const TRIES = 40;
const SITE_TIMEOUT_MS = 120_000;

interface Planted {
  fault: FaultName;
  choice: Choice;
  /** The checks that must turn red. */
  red: readonly string[];
}

const REDIS: Choice = { store: 'redis' };
const MARIADB: Choice = { store: 'mariadb' };
const MEMCACHED: Choice = { store: 'memcached' };
const BLACKLIST: Choice = { store: 'jwt-blacklist' };
const PUSHED: Choice = { store: 'jwt-blacklist', options: { check: 'pushed' } };
const GENERATION: Choice = { store: 'jwt-blacklist', options: { check: 'generation' } };
const AT_REFRESH: Choice = {
  store: 'jwt-blacklist',
  options: { check: 'at-refresh', refresh: 'rotating' },
};
const ROTATING: Choice = { store: 'jwt-blacklist', options: { refresh: 'rotating' } };

const PLANTED: readonly Planted[] = [
  { fault: 'no-rotation', choice: REDIS, red: ['1', '2a', '2b'] },
  { fault: 'loses-cart', choice: REDIS, red: ['57'] },
  { fault: 'client-only-logout', choice: REDIS, red: ['14', '15'] },
  { fault: 'alg-none', choice: { store: 'jwt' }, red: ['27'] },
  { fault: 'alg-none', choice: BLACKLIST, red: ['27'] },
  { fault: 'upsert-on-update', choice: REDIS, red: ['16'] },
  { fault: 'upsert-of-row', choice: MARIADB, red: ['16', '41'] },
  { fault: 'limit-then-create', choice: MARIADB, red: ['25'] },
  { fault: 'blind-set', choice: MEMCACHED, red: ['16'] },
  { fault: 'blacklist-on-one-server', choice: BLACKLIST, red: ['14', '33'] },
  { fault: 'blacklist-by-token', choice: BLACKLIST, red: ['16', '34'] },
  { fault: 'epoch-in-seconds', choice: BLACKLIST, red: ['21', '23'] },
  { fault: 'refresh-unverified', choice: BLACKLIST, red: ['36'] },
  { fault: 'refresh-survives-logout', choice: ROTATING, red: ['14', '15', '16'] },
  { fault: 'limit-then-create', choice: REDIS, red: ['25'] },
  { fault: 'limit-then-create', choice: MEMCACHED, red: ['25'] },
  { fault: 'cookie-without-httponly', choice: REDIS, red: ['7'] },
  { fault: 'cookie-without-samesite', choice: REDIS, red: ['9'] },
  { fault: 'cookie-without-secure', choice: REDIS, red: ['8'] },
];

interface Lie {
  choice: Choice;
  claim: Partial<Traits>;
  /** Options that are said to be in force, and are not. */
  options?: Readonly<Record<string, string>>;
  /** Number of the check that finds it out. */
  check: string;
}

/** Not a fault of the server but of what is said of it; the last two make it worse than it is. */
const LIES: readonly Lie[] = [
  { choice: { store: 'jwt' }, claim: { revocation: 'immediate' }, check: '14' },
  { choice: { store: 'jwt' }, claim: { clientReadable: false }, check: '42' },
  { choice: { store: 'jwt' }, claim: { userIndex: true }, check: '21' },
  { choice: { store: 'memory' }, claim: { shared: true }, check: '14' },
  { choice: { store: 'memory' }, claim: { shared: true }, check: '54' },
  { choice: { store: 'memory' }, claim: { shared: true }, check: '57' },
  { choice: BLACKLIST, claim: {}, options: { 'on-outage': 'open' }, check: '55' },
  { choice: PUSHED, claim: {}, options: { 'on-outage': 'open' }, check: '55' },
  { choice: AT_REFRESH, claim: { revocation: 'immediate' }, check: '14' },
  { choice: GENERATION, claim: { endsAllLogins: undefined }, check: '24' },
  { choice: BLACKLIST, claim: { revocation: 'at-expiry' }, check: '56' },
  { choice: REDIS, claim: { dataInToken: true, revocation: 'at-expiry' }, check: '56' },
  { choice: { store: 'memory', servers: 1 }, claim: { survivesServerRestart: true }, check: '49' },
  { choice: { store: 'redis', options: { write: 'lww' } }, claim: { compareAndSwap: true }, check: '41' },
  { choice: { store: 'redis', durability: 'none' }, claim: { survivesStoreCrash: true }, check: '49' },
  { choice: MEMCACHED, claim: { survivesStoreCrash: true }, check: '49' },
  { choice: REDIS, claim: { revocation: 'at-expiry' }, check: '14' },
  { choice: REDIS, claim: { clientReadable: true }, check: '42' },
];

const seed = printSeed('planted faults');
let shared: Awaited<ReturnType<typeof openTestRig>>;
beforeAll(async () => {
  shared = await openTestRig('node');
});
afterAll(() => shared.close());

async function onSite<T>(
  subject: Subject,
  serverProgram: string | undefined,
  observe: (site: Site) => Promise<T>,
): Promise<T> {
  const program = serverProgram === undefined ? {} : { serverProgram };
  const site = await openSite({ subject, rig: shared.rig, seed, tries: TRIES, ...program });
  try {
    return await observe(site);
  } finally {
    await site.close();
  }
}

describe.concurrent('a planted fault', () => {
  test.each(PLANTED)(
    '$fault of $choice.store turns $red red',
    async ({ fault, choice, red }) => {
      const program = await buildFaulty(fault);
      const cells = await onSite(subjectOfChoice(choice), program, async (site) => {
        return runChecks(site, checksOf(red));
      });
      const asRed = red.map((id) => ({ id, expected: 'pass', observed: 'fail', surprise: true }));
      expect(cells).toEqual(asRed.map((cell) => expect.objectContaining(cell)));
    },
    SITE_TIMEOUT_MS,
  );

  const stores = [...new Set(PLANTED.map(({ choice }) => choice.store))];
  test.each(stores)(
    'is the only reason: %s without one is as expected',
    async (store) => {
      const ids = PLANTED.filter(({ choice }) => choice.store === store).flatMap(({ red }) => red);
      const cells = await onSite(subjectOfChoice({ store }), undefined, (site) =>
        runChecks(site, checksOf(ids)),
      );
      expect(cells.length).toBe(new Set(ids).size);
      expect(surprising(cells)).toEqual([]);
    },
    SITE_TIMEOUT_MS,
  );
});

describe.concurrent('a trait that lies', () => {
  test.each(LIES)(
    '$choice.store with $claim is found out by $check',
    async ({ choice, claim, options, check }) => {
      const subject = subjectOfChoice(choice);
      const liar: Subject = {
        ...subject,
        traits: { ...subject.traits, ...claim },
        options: { ...subject.options, ...options },
      };
      const [truth, lie] = await onSite(subject, undefined, async (site) => [
        await runChecks(site, checksOf([check])),
        await runChecks({ ...site, subject: liar }, checksOf([check])),
      ]);
      expect(surprising(truth ?? [])).toEqual([]);
      expect(surprising(lie ?? [])).not.toEqual([]);
      expect(lie?.map(({ observed }) => observed)).not.toContain('error');
    },
    SITE_TIMEOUT_MS,
  );
});

/** The cells that would be marked in red, with what was seen. */
function surprising(cells: readonly Cell[]): Pick<Cell, 'id' | 'expected' | 'observed' | 'evidence'>[] {
  return cells
    .filter(({ surprise }) => surprise)
    .map(({ id, expected, observed, evidence }) => ({ id, expected, observed, evidence }));
}
