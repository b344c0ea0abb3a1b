import { hash } from 'node:crypto';
import type { RateLimiterAbstract } from 'rate-limiter-flexible';
import { type FailedLoginRule, type FailedLogins, StoreUnavailableError } from './store.ts';

/*
 * Failed logins by account (ASVS 5 V6.3.1), counted where a backend keeps its state, by rate-limiter-flexible where that
 * has a limiter for it. Nothing is created, queried or scheduled before a backend's `failedLogins` is called.
 */

export type CountFailedLogins = (rule: FailedLoginRule) => FailedLogins;

/** The longest Node timer is 2^31 - 1 ms; a longer one fires at once. */
const MAX_WINDOW_SECONDS = 24 * 86_400;

/**
 * @throws RangeError for values that the library or a service would silently interpret otherwise, such as "for ever".
 */
export function limiterOptions(keyPrefix: string, { limit, windowSeconds }: FailedLoginRule) {
  if (!Number.isSafeInteger(limit) || limit < 1)
    throw new RangeError(`expected a limit on failed logins of 1 or more, got ${limit}`);
  if (!Number.isInteger(windowSeconds) || windowSeconds < 1 || windowSeconds > MAX_WINDOW_SECONDS)
    throw new RangeError(
      `expected a window of failed logins of 1 to ${MAX_WINDOW_SECONDS} whole seconds, got ${windowSeconds}`,
    );
  return { keyPrefix, points: limit, duration: windowSeconds };
}

/**
 * The counts of a limiter of the library.
 * @param ask converts failures to the store's error type, where that has not been done.
 */
export function counts(
  limiter: RateLimiterAbstract,
  { limit }: FailedLoginRule,
  ask: <T>(operation: string, reply: Promise<T>) => Promise<T>,
): FailedLogins {
  return {
    async isOver(userId) {
      const found = await ask('isOver', limiter.get(accountOf(userId)));
      if (found === null) return false;
      // NaN is below no limit.
      if (!Number.isFinite(found.consumedPoints))
        throw new StoreUnavailableError(
          'isOver',
          new TypeError('expected a count of failed logins, got none'),
        );
      return found.consumedPoints >= limit;
    },
    // Not `consume`, which rejects beyond the limit.
    async add(userId) {
      await ask('addFailedLogin', limiter.penalty(accountOf(userId)));
    },
    async clear(userId) {
      await ask('clearFailedLogins', limiter.delete(accountOf(userId)));
    },
  };
}

/**
 * An account as a key: fixed length and harmless characters, whatever name was typed. Hashed as UTF-16, for in UTF-8
 * all lone surrogates are the same.
 */
export function accountOf(userId: string): string {
  return hash('sha256', Buffer.from(userId, 'utf16le'), 'base64url');
}
