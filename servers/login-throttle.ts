import type { FailedLogins, SessionStore } from '../stores/store.ts';
import { accountQueue } from './account-queue.ts';
import type { Accounts } from './accounts.ts';
import type { ServerConfig } from './config.ts';

/**
 * `throttled`: the account has failed too often recently, or has too many concurrent attempts; the password was not
 * checked. `version`: which of the user's passwords matched.
 */
export type Verdict = { is: 'right'; version: string } | { is: 'wrong' } | { is: 'throttled' };

/** Checks a user's password; synchronous where nothing must be read. */
export type CredentialCheck = (user: string, password: string) => Verdict | Promise<Verdict>;

/** Attempts at one account that may wait in one server. */
const MAX_WAITING = 100;

/** The password check, throttled by account when a limit is configured and the backend can count (ASVS 5 V6.3.1). */
export function credentialCheck(
  config: Pick<ServerConfig, 'failedLoginLimit' | 'failedLoginWindowSeconds'>,
  accounts: Accounts,
  store: Pick<SessionStore, 'failedLogins'>,
): CredentialCheck {
  const { failedLoginLimit: limit, failedLoginWindowSeconds: windowSeconds } = config;
  const failures = limit > 0 ? store.failedLogins?.({ limit, windowSeconds }) : undefined;
  return failures === undefined ? unthrottled(accounts) : throttled(accounts, failures);
}

function unthrottled(accounts: Accounts): CredentialCheck {
  return (user, password) => {
    const version = accounts.check(user, password);
    return version instanceof Promise ? version.then(verdictOf) : verdictOf(version);
  };
}

function verdictOf(version: string | undefined): Verdict {
  return version === undefined ? { is: 'wrong' } : { is: 'right', version };
}

/**
 * Counts failures only, so that any number of correct logins may run at once. Attempts at an account run one after the
 * other; otherwise a burst would be checked before its first failure is counted. So each further server allows at most
 * one attempt beyond the limit. Attempts beyond it are neither checked nor counted, so that the account opens again at
 * the end of the window, however long the guessing continues.
 */
function throttled(accounts: Accounts, failures: FailedLogins): CredentialCheck {
  const queue = accountQueue(MAX_WAITING);
  return (user, password) => {
    const turn = queue.enter(user, async (): Promise<Verdict> => {
      if (await failures.isOver(user)) return { is: 'throttled' };
      const verdict = verdictOf(await accounts.check(user, password));
      if (verdict.is === 'right') await failures.clear(user);
      else await failures.add(user);
      return verdict;
    });
    return turn ?? { is: 'throttled' };
  };
}
