import { beforeAll, describe, expect, test } from 'vitest';
import type { FailedLoginRule, FailedLogins, SessionStore } from '../store.ts';
import { offered } from './offered.ts';
import type { ConformanceScene } from './refresh.ts';

const RULE: FailedLoginRule = { limit: 3, windowSeconds: 600 };
const SHORT_WINDOW: FailedLoginRule = { limit: 1, windowSeconds: 2 };
const WINDOW_GUARD_MS = 10_000;

/** The part of the suite on failed logins. */
export function describeFailedLogins({ traits, open, freshUser }: ConformanceScene): void {
  const keeps = traits.state !== 'nowhere' && traits.state !== 'client';
  if (!keeps) {
    test('failed logins: nothing counts them', async () => {
      expect((await open()).failedLogins).toBeUndefined();
    });
    return;
  }

  describe('failed logins', () => {
    let store: SessionStore;
    let other: SessionStore;
    beforeAll(async () => {
      [store, other] = [await open(), await open()];
    });

    test('an account is over its limit from it on, until cleared; other accounts are not', async () => {
      const failures = countsOf(store, RULE);
      const [user, bystander] = [freshUser(), freshUser()];
      for (let failed = 0; failed < 5; failed += 1) {
        expect(await failures.isOver(user)).toBe(failed >= RULE.limit);
        await failures.add(user);
      }
      expect(await failures.isOver(user)).toBe(true);
      expect(await failures.isOver(bystander)).toBe(false);
      await failures.clear(user);
      await failures.clear(bystander);
      expect(await failures.isOver(user)).toBe(false);
      await failures.add(user);
      expect(await failures.isOver(user)).toBe(false);
    });

    test('servers count together exactly when they share their state, and lose none of many at once', async () => {
      const rule = { ...RULE, limit: 40 };
      const [here, there] = [countsOf(store, rule), countsOf(other, rule)];
      const user = freshUser();
      const add = (count: number) =>
        Promise.all(Array.from({ length: count }, (_, i) => (i % 2 === 0 ? here : there).add(user)));
      await add(39);
      expect(await here.isOver(user)).toBe(false);
      await add(1);
      expect([await here.isOver(user), await there.isOver(user)]).toEqual([traits.shared, traits.shared]);
      await there.clear(user);
      expect(await here.isOver(user)).toBe(false);
    });

    test('a window ends', async ({ expect }) => {
      const failures = countsOf(store, SHORT_WINDOW);
      const user = freshUser();
      await failures.add(user);
      expect(await failures.isOver(user)).toBe(true);
      await expect.poll(() => failures.isOver(user), { timeout: WINDOW_GUARD_MS }).toBe(false);
      await failures.add(user);
      expect(await failures.isOver(user)).toBe(true);
    });

    test('hostile names count each for itself', async () => {
      const failures = countsOf(store, { ...RULE, limit: 1 });
      const names = [
        '',
        ' ',
        '*',
        ':',
        '=',
        'a:f:b',
        '%',
        "'; --",
        '\0',
        '\r\n',
        '__proto__',
        '\ud800',
        '\ud801',
      ];
      names.push('🦊', 'x'.repeat(100_000), `${'x'.repeat(100_000)}y`);
      for (const name of names) {
        expect(await failures.isOver(name), JSON.stringify(name.slice(0, 20))).toBe(false);
        await failures.add(name);
        expect(await failures.isOver(name)).toBe(true);
      }
    });

    test('a rule that would count nothing, or for ever, is refused', () => {
      for (const windowSeconds of [0, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 30 * 86_400])
        expect(() => countsOf(store, { limit: 3, windowSeconds })).toThrow(RangeError);
      for (const limit of [0, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY])
        expect(() => countsOf(store, { limit, windowSeconds: 60 })).toThrow(RangeError);
    });
  });
}

function countsOf(store: SessionStore, rule: FailedLoginRule): FailedLogins {
  return offered(store, 'failedLogins')(rule);
}
