import type { LoadResult, OperationResult } from '../load/job.ts';
import type { Trial } from '../plan.ts';
import { decodeHistogram, summarize } from '../stats/histogram.ts';
import type { Row } from './row.ts';

/** What was read of the processes before and after the measured window, and on what it ran. */
export interface Observed {
  windowSeconds: number;
  /** CPU time in the window by role, nanoseconds; `undefined` where no such process exists or can be read. */
  cpuNs: Record<'server' | 'balancer' | 'store', number | undefined>;
  /** CPU of the busiest single server. */
  busiestServerNs: number | undefined;
  machineBusyNs: number | undefined;
  roundTrips: number | undefined;
  rssServerBytes: number | undefined;
  rssStoreBytes: number | undefined;
}

/** What the traits of the backend predict of this trial, and its limits. */
export interface Expectation {
  /** Share of reads that miss by design: sessions live in one server only, and requests go to all. */
  missShare: number;
  /** Processors that the service can use: Redis one, Postgres any number. */
  storeCores: number;
  /** How long a token lives in the revocation scenario. */
  tokenLifetimeSeconds: number;
  /** Share of the machine that processes other than the run's took in the window; `undefined` where unknown. */
  foreignShare: number | undefined;
}

/** The rows of a trial that ran: `all` first, then each operation of a mix. Pure. */
export function rowsOf(
  trial: Trial,
  base: Row,
  result: LoadResult,
  observed: Observed,
  expected: Expectation,
): Row[] {
  const [all, ...operations] = result.operations;
  if (all === undefined) throw new Error('a load result has at least the row of all operations');
  const cells: Row = { ...base, status: 'ok', duration_s: result.durationSeconds };
  const validity = validityOf(trial, all, result, expected);
  const whole: Row = {
    ...cells,
    ...countCells(all, result),
    ...resourceCells(all, result, observed, base, expected),
    ...validity,
  };
  const note = noteOf(trial, all, result, expected);
  if (note !== undefined) whole.note = note;
  return [
    defined(whole),
    ...operations.map((one) => defined({ ...cells, ...countCells(one, result), ...validity })),
  ];
}

/** The one row of a trial without figures. */
export function rowWithout(base: Row, status: 'unsupported' | 'failed' | 'interrupted', reason: string): Row {
  return { ...base, operation: 'all', status, valid: false, invalid_reason: reason };
}

function countCells(one: OperationResult, result: LoadResult): Row {
  const svc = summarize(decodeHistogram(one.histogram));
  return {
    operation: one.operation,
    scheduled: one.sent,
    sent: one.sent,
    completed: one.completed,
    ok: one.ok,
    http_4xx: one.http4xx,
    http_5xx: one.http5xx,
    check_failed: one.checkFailed,
    conn_errors: one.connErrors,
    timeouts: one.timeouts,
    dropped: 0,
    inflight_end: one.inflightEnd,
    rps_ok: one.ok / result.durationSeconds,
    ...defined({
      svc_min_us: svc.min,
      svc_mean_us: svc.mean,
      svc_p50_us: svc.p50,
      svc_p75_us: svc.p75,
      svc_p90_us: svc.p90,
      svc_p95_us: svc.p95,
      svc_p99_us: svc.p99,
      svc_p999_us: svc.p999,
      svc_max_us: svc.max,
      req_bytes: one.requestBytes === 0 ? undefined : one.requestBytes / one.sent,
      resp_bytes: one.completed === 0 ? undefined : one.responseBytes / one.completed,
    }),
  };
}

function resourceCells(
  all: OperationResult,
  result: LoadResult,
  observed: Observed,
  base: Row,
  expected: Expectation,
): Row {
  const { cpuNs, roundTrips } = observed;
  // By what was sent: the readings end after the drain, so that they hold the requests under way at the end as well.
  const perRequest = (amount: number | undefined) =>
    amount === undefined || all.completed === 0 ? undefined : amount / all.sent;
  const perRequestUs = (ns: number | undefined) => perRequest(ns === undefined ? undefined : ns / 1000);
  const visible = result.revocation === undefined ? undefined : decodeHistogram(result.revocation.visible);
  const seen = visible === undefined ? {} : summarize(visible);
  return defined({
    cpu_us_per_req_server: perRequestUs(cpuNs.server),
    cpu_us_per_req_balancer: perRequestUs(cpuNs.balancer),
    cpu_us_per_req_store: perRequestUs(cpuNs.store),
    cpu_us_per_req_generator: perRequestUs(result.cpuNs),
    store_commands_per_req: perRequest(roundTrips),
    rss_server_bytes: observed.rssServerBytes,
    rss_store_bytes: observed.rssStoreBytes,
    gen_cpu_pct: (result.cpuNs / 1e9 / result.durationSeconds) * 100,
    revoke_visible_p50_us: seen.p50,
    revoke_visible_p99_us: seen.p99 ?? seen.max,
    stale_accepts: result.revocation?.staleAccepts,
    bottleneck:
      result.revocation === undefined
        ? bottleneckOf(result, observed, expected.storeCores, base.cpu_count ?? 1)
        : undefined,
  });
}

/** A process that uses this share of the processors it can use is full. */
const FULL = 0.9;

/**
 * What limits a closed loop: the first full process from the instrument inwards, for the instrument must not
 * be what is measured; `host` when all processors are busy and no single process is full. `undefined` otherwise.
 * Generator, balancer, each server and Redis work on one processor; `storeCores` says how many the service can use.
 */
export function bottleneckOf(
  result: Pick<LoadResult, 'cpuNs' | 'durationSeconds'>,
  observed: Pick<Observed, 'cpuNs' | 'machineBusyNs' | 'busiestServerNs' | 'windowSeconds'>,
  storeCores: number,
  cpuCount: number,
): string | undefined {
  const share = (ns: number | undefined, cores: number) => (ns ?? 0) / 1e9 / observed.windowSeconds / cores;
  const { balancer, store } = observed.cpuNs;
  if (result.cpuNs / 1e9 / result.durationSeconds >= FULL) return 'generator';
  if (share(balancer, 1) >= FULL) return 'balancer';
  if (share(store, Math.min(storeCores, cpuCount)) >= FULL) return 'store';
  if (share(observed.busiestServerNs, 1) >= FULL) return 'server';
  return share(observed.machineBusyNs, cpuCount) >= FULL ? 'host' : undefined;
}

/** How far the share of misses may lie above what the traits predict. */
const MISS_TOLERANCE = 0.05;

/** Rule 1 of the design card: a healthy scenario with any error is invalid; misses that the traits predict are none. */
function validityOf(trial: Trial, all: OperationResult, result: LoadResult, expected: Expectation): Row {
  const predicted = all.completed * (expected.missShare + MISS_TOLERANCE);
  const forgiven = expected.missShare > 0 && all.unauthorized <= predicted ? all.unauthorized : 0;
  const wrong: string[] = [];
  const count = (number: number, what: string) => {
    if (number > 0) wrong.push(`${number} ${what}`);
  };
  count(all.http4xx - forgiven, 'replies 4xx');
  count(all.http5xx, 'replies 5xx');
  count(all.checkFailed, 'replies with a wrong body');
  count(all.connErrors, 'connections lost');
  count(all.timeouts, 'timeouts');
  if (all.completed === 0) wrong.push('no request completed');
  if (wrong.length === 0) return { valid: true };
  const first =
    result.firstFailure === undefined || expected.missShare > 0 ? '' : `; first: ${result.firstFailure}`;
  return { valid: false, invalid_reason: `${trial.scenario}: ${wrong.join(', ')}${first}` };
}

function noteOf(
  trial: Trial,
  all: OperationResult,
  result: LoadResult,
  expected: Expectation,
): string | undefined {
  if (result.revocation !== undefined) {
    const { staleAccepts, neverRefused } = result.revocation;
    if (neverRefused > 0)
      return `${neverRefused} times a server still accepted when the scenario gave up waiting`;
    const lifetime = `${expected.tokenLifetimeSeconds} s after login, a lifetime cut short for this scenario`;
    return staleAccepts > 0
      ? `a logged-out token went on working until it expired, here ${lifetime}`
      : undefined;
  }
  if (expected.missShare === 0 || all.http4xx === 0) return busyNote(expected.foreignShare);
  const percent = Math.round((all.http4xx / all.completed) * 100);
  return `${percent} % missed: each server knows only the sessions made on it, and ${trial.affinity} goes to all ${trial.servers}; latency and CPU include the refused`;
}

/** The cells without those that are undefined: an unknown value is an absent cell. */
function defined(cells: { [C in keyof Row]: Row[C] | undefined }): Row {
  return Object.fromEntries(Object.entries(cells).filter(([, value]) => value !== undefined)) as Row;
}

/** From this share of the machine on, work of others is named. */
const FOREIGN_SHARE = 0.1;

function busyNote(foreignShare: number | undefined): string | undefined {
  if (foreignShare === undefined || foreignShare < FOREIGN_SHARE) return undefined;
  return `other work took ${Math.round(foreignShare * 100)} % of this machine meanwhile: do not trust the figures`;
}
