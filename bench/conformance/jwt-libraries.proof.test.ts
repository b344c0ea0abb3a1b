import { afterAll, beforeAll, expect, test } from 'vitest';
import { LIBRARIES } from '../../stores/jwt/signer.ts';
import { printSeed } from '../../stores/suite/seed.ts';
import { checksOf } from './catalogue.ts';
import { type Choice, openTestRig, subjectOfChoice, titleOf } from './fixtures/sites.ts';
import { runChecks } from './run.ts';
import { openSite } from './site.ts';

/** What holds of tokens holds whichever library signs them, and with a cache of verified ones. */

const TOKEN_CHECKS = Array.from({ length: 11 }, (_, index) => String(26 + index));
/** What a cache could break: revocation, and a token under another key. stores/jwt tests expiry with a moved clock. */
const CACHE_CHECKS = ['14', '15', '16', '20', '21', '22', '23'];
const TRIES = 20;
const SITE_TIMEOUT_MS = 120_000;

const stores = ['jwt', 'jwt-blacklist'];
// One server: what several agree on does not depend on the library, and the matrix uses three.
const plain = stores.flatMap((store) =>
  LIBRARIES.map((lib): Choice => ({ store, options: { lib }, servers: 1 })),
);
const cached = stores.map(
  (store): Choice => ({ store, options: { lib: 'fast-jwt', cache: '1000' }, servers: 2 }),
);

const seed = printSeed('JWT libraries');
let shared: Awaited<ReturnType<typeof openTestRig>>;
beforeAll(async () => {
  shared = await openTestRig('node');
});
afterAll(() => shared.close());

test.each([...plain, ...cached].map((choice) => [titleOf(choice), choice] as const))(
  '%s behaves as expected',
  async (_, choice) => {
    const ids = cached.includes(choice) ? [...CACHE_CHECKS, ...TOKEN_CHECKS] : TOKEN_CHECKS;
    const site = await openSite({ subject: subjectOfChoice(choice), rig: shared.rig, seed, tries: TRIES });
    try {
      const cells = await runChecks(site, checksOf(ids));
      expect(cells.map(({ id }) => id)).toEqual(expect.arrayContaining(['26', '36']));
      expect(cells.filter(({ surprise }) => surprise)).toEqual([]);
    } finally {
      await site.close();
    }
  },
  SITE_TIMEOUT_MS,
);
