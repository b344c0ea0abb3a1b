import { CONFIDENCE } from '../stats/levels.ts';
import { median } from '../stats/median.ts';
import { signedRankEstimate } from '../stats/signed-rank.ts';
import { isOpen } from './groups.ts';
import { isOfSpeed, type Row } from './row.ts';

/** A figure that ranks the arms of a group. */
export interface Figure {
  name: 'cpu_us_per_req' | 'rps_ok' | 'lat_p50_us' | 'lat_p99_us';
  better: 'lower' | 'higher';
  /** Name in a sentence. */
  what: string;
  /** The advantage of the better arm in a sentence: `jwt 1.3× less CPU per request than redis`; later shorter. */
  has: string;
  more: string;
  /** `undefined` where it is not known. */
  of: (row: Row) => number | undefined;
}

const CPU: Figure = {
  name: 'cpu_us_per_req',
  better: 'lower',
  what: 'CPU per request',
  has: 'less CPU per request',
  more: 'less',
  of: cpuUs,
};
const THROUGHPUT: Figure = {
  name: 'rps_ok',
  better: 'higher',
  what: 'requests per second',
  has: 'more requests per second',
  more: 'more',
  of: (row) => row.rps_ok,
};
const responseTime = (name: 'lat_p50_us' | 'lat_p99_us', which: string): Figure => ({
  name,
  better: 'lower',
  what: `${which} response time`,
  has: `shorter ${which} response time`,
  more: 'shorter',
  of: (row) => row[name],
});
const RESPONSE_TIMES = [responseTime('lat_p50_us', 'median'), responseTime('lat_p99_us', 'p99')];

/**
 * The figures that rank arms: CPU per request; in a closed loop throughput; in an open loop, where throughput is the
 * offered rate, response time. None for revocation, which polls at its own pace; no CPU of external sites without `--cpu-from`,
 * where it is unknown.
 */
export function figuresOf(row: Row): readonly Figure[] {
  if (!isOfSpeed(row)) return [];
  const ofLoad = isOpen(row) ? RESPONSE_TIMES : [THROUGHPUT];
  return isCpuKnown(row) ? [CPU, ...ofLoad] : ofLoad;
}

/** Whether what requests cost is asked for at all: of an external site it is unknown without an exporter. */
export const isCpuKnown = ({ target, cpu_from: from }: Row): boolean =>
  target === undefined || from !== undefined;

/**
 * CPU of the servers and the store per request, microseconds: the cost of a backend. A backend without a service has no
 * CPU of one; if there is a service (its connections are a column) whose CPU could not be read, the sum is unknown.
 */
export function cpuUs(row: Row): number | undefined {
  const { cpu_us_per_req_server: server, cpu_us_per_req_store: store } = row;
  if (server === undefined || (store === undefined && row.pool_size !== undefined)) return undefined;
  return server + (store ?? 0);
}

/** The centre of a figure over blocks, in the unit of the figure. */
export interface Centre {
  blocks: number;
  median: number;
  /**
   * Hodges–Lehmann estimate and the interval of all centres that the signed-rank test does not reject, both of the
   * figures' logarithms. The interval also includes the blocks' effects on all arms: overlapping intervals say nothing.
   */
  estimate: number;
  lower: number;
  upper: number;
}

/** The centre of positive figures, one for each block; `undefined` for none, or when one is not a positive number. */
export function centreOf(figures: readonly number[]): Centre | undefined {
  const middle = median(figures);
  if (middle === undefined || figures.some((figure) => !(figure > 0))) return undefined;
  const { estimate = 0, lower, upper } = signedRankEstimate(figures.map(Math.log), CONFIDENCE);
  return {
    blocks: figures.length,
    median: middle,
    estimate: Math.exp(estimate),
    lower: Math.exp(lower),
    upper: Math.exp(upper),
  };
}
