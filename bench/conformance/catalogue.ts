import type { Check } from './check.ts';
import { ACCOUNT_CHECKS } from './checks/accounts.ts';
import { BLACKLIST_CHECKS } from './checks/blacklist.ts';
import { BODY_CHECK } from './checks/bodies.ts';
import { COOKIE_CHECKS } from './checks/cookies.ts';
import { DATA_CHECKS } from './checks/data.ts';
import { DUMP_CHECK } from './checks/dump.ts';
import { EXPIRY_CHECKS } from './checks/expiry.ts';
import { HOSTILE_ID_CHECK } from './checks/hostile-ids.ts';
import { IDENTITY_CHECKS } from './checks/identity.ts';
import { LOGOUT_CHECKS } from './checks/logout.ts';
import { OUTAGE_CHECKS } from './checks/outage.ts';
import { PLAIN_HTTP_CHECKS } from './checks/plain-http.ts';
import { REACH_CHECKS } from './checks/reach.ts';
import { REFRESH_CHECK } from './checks/refresh.ts';
import { REQUEST_CHECKS } from './checks/requests.ts';
import { SIZE_CHECKS } from './checks/sizes.ts';
import { TOKEN_CHECKS } from './checks/tokens.ts';

/** All of them, ordered by id. Checks that move the clock or kill processes use a separate site. */
const CHECKS: readonly Check[] = [
  ...IDENTITY_CHECKS,
  ...COOKIE_CHECKS,
  ...LOGOUT_CHECKS,
  ...EXPIRY_CHECKS,
  ...ACCOUNT_CHECKS,
  ...TOKEN_CHECKS,
  ...BLACKLIST_CHECKS,
  REFRESH_CHECK,
  ...REQUEST_CHECKS,
  ...SIZE_CHECKS,
  HOSTILE_ID_CHECK,
  DUMP_CHECK,
  BODY_CHECK,
  ...DATA_CHECKS,
  ...OUTAGE_CHECKS,
  ...PLAIN_HTTP_CHECKS,
  ...REACH_CHECKS,
].sort((a, b) => numberOf(a.id) - numberOf(b.id) || (a.id < b.id ? -1 : 1));

/** Checks are numbered from 1 to this number; some numbers have several, told apart by letters. */
export const LAST_NUMBER = Math.max(...CHECKS.map(({ id }) => numberOf(id)));

/** The checks with these ids, or all. A bare number includes all its letters: `2` is 2a and 2b. */
export function checksOf(ids: readonly string[] | undefined): readonly Check[] {
  if (ids === undefined) return CHECKS;
  return CHECKS.filter(({ id }) => ids.includes(id) || ids.includes(String(numberOf(id))));
}

/** Whether there is a check with this id. */
export function isCheckId(id: string): boolean {
  return CHECKS.some((check) => check.id === id || String(numberOf(check.id)) === id);
}

function numberOf(id: string): number {
  return Number.parseInt(id, 10);
}
