import { median } from '../stats/median.ts';
import type { Observed } from './observed.ts';
import { defined } from './request-cells.ts';
import type { Row } from './row.ts';

/** With fewer round trips their 95th percentile would be the longest. */
const SAMPLES_FOR_P95 = 20;
/** A relay that uses this share of a processor delays by more than it was asked for. */
const FULL = 0.9;

/** The cells of `--store-distance`. @param perRequestUs CPU in nanoseconds as microseconds for each request. */
export function distanceCells(
  { distance }: Pick<Observed, 'distance'>,
  perRequestUs: (ns: number | undefined) => number | undefined,
): Row {
  if (distance === undefined) return {};
  const sorted = [...distance.roundTripsUs].sort((a, b) => a - b);
  const p95 = sorted.length < SAMPLES_FOR_P95 ? undefined : sorted[Math.ceil(sorted.length * 0.95) - 1];
  const rounded = (us: number | undefined) => (us === undefined ? undefined : Math.round(us));
  return defined({
    store_rtt_p50_us: rounded(median(sorted)),
    store_rtt_p95_us: rounded(p95),
    cpu_us_per_req_store_relay: perRequestUs(distance.relayNs),
  });
}

/** That the relay itself was full, which the distance then includes; `undefined` otherwise. */
export function relayNote({
  distance,
  windowSeconds,
}: Pick<Observed, 'distance' | 'windowSeconds'>): string | undefined {
  const share = (distance?.relayNs ?? 0) / 1e9 / windowSeconds;
  if (share < FULL) return undefined;
  return 'the relay of --store-distance was full: the service was as far away as store_rtt_p50_us says, not as was asked';
}
