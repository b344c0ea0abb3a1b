import type { FailedLogins, SessionStore } from '../stores/store.ts';
import { accountQueue } from './account-queue.ts';
import type { Accounts } from './accounts.ts';
import type { ServerConfig } from './config.ts';

/**
 * `throttled`: the account has failed too often of late, or too many try at once; the password was not looked at.
 * `version`: which of the user's passwords it was that was right.
 */
export type Verdict = { is: 'right'; version: string } | { is: 'wrong' } | { is: 'throttled' };

/** What is to be answered to this user and password; at once where nothing must be looked up. */
export type CredentialCheck = (user: string, password: string) => Verdict | Promise<Verdict>;

/** Attempts at one account that wait in one server. */
const MOST_WAITING = 100;

/** The check of passwords, throttled by account where the configuration says so and the backend can count (ASVS 5 V6.3.1). */
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
 * Only failures count, so that any number of right logins may come at once. Each attempt sees what became of those
 * before it, or a burst would be judged whole before its first failure is counted: so at most one attempt for each
 * further server is judged beyond the limit. What comes beyond it is neither judged nor counted, so that the account
 * opens again when the window ends, however long somebody goes on.
 */
function throttled(accounts: Accounts, failures: FailedLogins): CredentialCheck {
  const queue = accountQueue(MOST_WAITING);
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
