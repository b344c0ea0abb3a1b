import { findStore } from '../../stores/registry.ts';
import { parseVariant } from '../../stores/variant.ts';
import { usableRows } from '../results/blocks.ts';
import { cpuUs } from '../results/figures.ts';
import { armText, byArmAndOperation } from '../results/groups.ts';
import { MIN_SESSIONS } from '../results/layout.ts';
import type { Row } from '../results/row.ts';
import { fixed, shownCentre } from '../results/shown.ts';
import { whole } from '../results/text.ts';
import { completeMedian } from '../stats/median.ts';
import type { PriceList } from './prices.ts';

/** What requests and live sessions take, and what that costs. Pure. */

/** CPU and memory of servers and service; `undefined` where it is not known, 0 of a service where there is none. */
interface Parts {
  servers: number | undefined;
  service: number | undefined;
}

/** What one arm takes. */
export interface Use {
  name: string;
  /** The name of its service; `undefined` without one. */
  service: string | undefined;
  /** CPU seconds of a million requests: µs of one. */
  cpuSeconds: Parts & { both: number | undefined };
  /** GB (10⁹ bytes) that a million requests send and receive, as servers see it. */
  sentGB: number | undefined;
  receivedGB: number | undefined;
  /** GB of memory of a million live sessions. */
  memoryGB: Parts;
}

const MILLION = 1e6;
const GIGA = 1e9;
/** The mean of all months. */
export const HOURS_PER_MONTH = 730;

/** The use of each arm of a group, the control included: it is what the endpoint takes without a session. */
export function usesOf(group: readonly Row[]): Use[] {
  const usable = usableRows(group);
  return byArmAndOperation(usable, true).map((rows): Use => {
    const [row = {}] = rows;
    const service = findStore(row.store ?? '')?.service(parseVariant(row.store, row.variant))?.name;
    const ofService = (value: number | undefined) => (row.pool_size === undefined ? 0 : value);
    const centre = (of: (one: Row) => number | undefined) => shownCentre(rows, of)?.value;
    const total = (of: (one: Row) => number | undefined) =>
      scaled(completeMedian(rows.map(of)), MILLION / GIGA);
    const memory = (of: (one: Row) => number | undefined) =>
      total((one) => ((one.sessions_live ?? 0) < MIN_SESSIONS ? undefined : of(one)));
    return {
      name: armText(row),
      service,
      cpuSeconds: {
        both: centre(cpuUs),
        servers: centre((one) => one.cpu_us_per_req_server),
        service: ofService(centre((one) => one.cpu_us_per_req_store)),
      },
      sentGB: total((one) => one.resp_bytes),
      receivedGB: total((one) => one.req_bytes),
      memoryGB: {
        // Noise around none may be negative.
        servers: atLeast0(memory((one) => one.server_bytes_per_session)),
        service: ofService(atLeast0(memory((one) => one.store_bytes_per_session))),
      },
    };
  });
}

const scaled = (value: number | undefined, factor: number) =>
  value === undefined ? undefined : value * factor;
const atLeast0 = (value: number | undefined) => (value === undefined ? undefined : Math.max(0, value));

/** What a site has: requests per second on average, and live sessions. */
export interface Volume {
  rate: number;
  sessions: number;
}

/** What one arm costs; `undefined` where a part of it is not known. */
export interface Cost {
  millionRequests: number | undefined;
  /** For a month. */
  millionSessions: number | undefined;
  /** Of a service that is paid as a whole, a month; 0 where there is none. */
  service: number;
  /** A month at a volume. */
  total: number | undefined;
}

/** The price of a use. A service that is paid as a whole has its CPU and memory in that. */
export function costOf(use: Use, prices: PriceList, { rate, sessions }: Volume): Cost {
  const paid = use.service === undefined ? null : (prices.serviceMonth[use.service] ?? null);
  const { cpuSeconds, memoryGB } = use;
  const cpu = paid === null ? cpuSeconds.both : cpuSeconds.servers;
  const memory = paid === null ? sum(memoryGB.servers, memoryGB.service) : memoryGB.servers;
  const traffic = sum(scaled(use.sentGB, prices.trafficOutGB), scaled(use.receivedGB, prices.trafficInGB));
  const millionRequests = sum(scaled(cpu, prices.coreHour / 3600), traffic);
  const millionSessions = scaled(memory, prices.memoryGBHour * HOURS_PER_MONTH);
  const millions = (rate * HOURS_PER_MONTH * 3600) / MILLION;
  const service = paid ?? 0;
  const ofLoad = sum(scaled(millionRequests, millions), scaled(millionSessions, sessions / MILLION));
  return { millionRequests, millionSessions, service, total: sum(ofLoad, service) };
}

function sum(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? undefined : one + other;
}

/** Below this difference cost does not decide. */
export const LEAST_CORES = 0.1;

/** Cores, with more digits where they are few. */
export const coresText = (cores: number) => (cores < 0.1 ? fixed(4)(cores) : fixed(2)(cores));

/** Whether cost decides between arms that take so many cores at a rate. */
export function verdictAt(cores: readonly number[], rate: number): string {
  const difference = Math.max(...cores) - Math.min(...cores);
  const at = `At ${whole(rate)} requests/s`;
  return difference < LEAST_CORES
    ? `${at} cost does not decide: all of them differ by less than ${LEAST_CORES} core.`
    : `${at} they differ by up to ${coresText(difference)} cores.`;
}
