import type { Credentials } from './client.ts';
import type { LiveSession, PlannedRequest } from './scenarios.ts';

/** How the site under load is spoken to: requests, the checks of their replies, and what a login gives. */
export interface Dialect {
  /** The name of a user by its number. */
  userName(number: number): string;
  login(user: string): PlannedRequest;
  read(session: LiveSession): PlannedRequest;
  update(session: LiveSession): PlannedRequest;
  logout(session: Pick<LiveSession, 'credentials'>): PlannedRequest;
  /** The first request of a new client, without a session. */
  visit(): PlannedRequest;
  /** What continues the session of a right reply to a login, from its raw headers. @throws Error when it issues none. */
  credentials(raw: readonly string[]): Credentials;
  /**
   * A first read of a session, untimed, where it shows what later reads must show; `undefined` where that is known.
   * @param show receives it.
   */
  firstRead?(session: LiveSession, show: (shown: unknown) => void): PlannedRequest;
}
