import type { Expiry, Observed } from './observed.ts';
import { defined } from './request-cells.ts';
import type { Row } from './row.ts';

/** The cells of sessions that expired in the measured time. @param isLate whether requests were sent late. */
export function expiryCells({ expiry }: Observed, isLate: boolean): Row {
  if (expiry === undefined) return {};
  const { held, freed, extraUs, leftShare } = expiry;
  return defined({
    ...(isLate ? {} : { p99_before_expiry_us: expiry.p99BeforeUs, p99_in_expiry_us: expiry.p99InUs }),
    expiry_cpu_ms_server: inMs(extraUs.server),
    expiry_cpu_ms_store: inMs(extraUs.store),
    expiring_server_bytes: held.serverBytes,
    freed_server_bytes: freed.serverBytes,
    expiring_store_bytes: held.storeBytes,
    freed_store_bytes: freed.storeBytes,
    expired_left_pct: leftShare === undefined ? undefined : 100 * leftShare,
    expired_swept_s: expiry.sweptSeconds,
  });
}

const inMs = (us: number | undefined) => (us === undefined ? undefined : us / 1000);

/** Why the figures of their expiry are none. */
export function expiryReasons({ hasTimeBefore, hasAllExpired }: Expiry): string[] {
  return [
    ...(hasTimeBefore ? [] : ['expiry: sessions expired before the measured time, for logins were slow']),
    ...(hasAllExpired ? [] : ['expiry: some sessions expire after the measured time (raise --duration)']),
  ];
}
