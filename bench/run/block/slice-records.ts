import type { SliceRecord } from '../../results/slices.ts';
import type { Arm } from './arms.ts';
import type { IdleRate } from './ledger.ts';
import type { Turns } from './turns.ts';

const MICRO = 1e-3;

/**
 * The slices of one arm, whose accounts are closed. A slice's CPU runs to the arm's next turn, without idle use where
 * that is known.
 */
export function recordSlices(
  { trial }: Arm,
  phase: SliceRecord['phase'],
  { ledger, slices }: Turns,
  idle?: IdleRate,
): SliceRecord[] {
  const spent = ledger.each(idle);
  return slices.map(
    ({ round, place, after, scheduled, completed, seconds, latencyUs = {}, cpuNs }, index) => {
      const { server, balancer, store } = spent[index] ?? {};
      return {
        phase,
        round,
        place,
        arm: trial.arm,
        ...(trial.side === undefined ? {} : { side: trial.side }),
        ...(after === undefined ? {} : { after: after.trial.orderIndex }),
        order_index: trial.orderIndex,
        scheduled,
        completed,
        seconds: Math.round(seconds * 1e6) / 1e6,
        p50_us: latencyUs.p50,
        p95_us: latencyUs.p95,
        p99_us: latencyUs.p99,
        cpu_us_server: inUs(server),
        cpu_us_balancer: inUs(balancer),
        cpu_us_store: inUs(store),
        cpu_us_generator: Math.round(cpuNs * MICRO),
      };
    },
  );
}

const inUs = (ns: number | undefined) => (ns === undefined ? undefined : Math.round(ns * MICRO));

/** CPU of servers and store per request of each slice, microseconds; without those that cannot be read. */
export function costsOf(slices: readonly SliceRecord[]): number[] {
  return slices.flatMap(({ completed, cpu_us_server: server, cpu_us_store: store }) =>
    server === undefined || completed === 0 ? [] : [(server + (store ?? 0)) / completed],
  );
}
