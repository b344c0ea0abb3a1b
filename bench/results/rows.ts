import type { Status } from '../../servers/frozen.ts';
import { findStore } from '../../stores/registry.ts';
import { durabilityInForce } from '../../stores/service.ts';
import type { LoadResult, OperationResult } from '../load/job.ts';
import type { Trial } from '../run/plan.ts';
import { summaryOf } from '../stats/histogram.ts';
import { bottleneckOf } from './bottleneck.ts';
import { distanceCells, relayNote } from './distance-cells.ts';
import { equalLoadReasons } from './equal-load.ts';
import { expiryCells, expiryReasons } from './expiry.ts';
import { failureCells, failureNote, failureReasons } from './failure.ts';
import type { Expectation, Observed } from './observed.ts';
import { finalBacklog, openLoopFigures } from './open-loop.ts';
import { defined, requestCells } from './request-cells.ts';
import type { Row } from './row.ts';
import { whole } from './text.ts';
import {
  hostReasons,
  instrumentReasons,
  latenessReasons,
  openLoopReasons,
  steadyReasons,
  wrongReplies,
} from './validity.ts';

/** The rows of a trial that ran: `all` first, then each operation of a mix. Pure. */
export function rowsOf(
  trial: Trial,
  base: Row,
  result: LoadResult,
  observed: Observed,
  expected: Expectation,
): Row[] {
  const [all, ...operations] = result.operations;
  if (all === undefined) throw new Error('expected a row of all operations in the load result, got none');
  const cells: Row = { ...base, status: 'ok', duration_s: result.durationSeconds };
  const isLate = base.pass === 'equal-load' && isSentLate(result, observed, base);
  const requests = ({ response, ...one }: OperationResult) =>
    requestCells(
      { ...one, ...(response === undefined || isLate ? {} : { response }) },
      result.durationSeconds,
      base.load_model === 'open-constant',
    );
  const figures: Row = {
    ...requests(all),
    ...resourceCells(all, result, observed, base),
    ...hostCells(observed),
    ...openLoopCells(all, result, observed),
    ...failureCells(result, observed),
    ...bottleneckCells(result, observed, base, expected),
    ...expiryCells(observed, isLate),
  };
  const reasons = reasonsAgainst(trial, all, result, observed, expected, { ...base, ...figures });
  const validity: Row =
    reasons.length === 0 ? { valid: true } : { valid: false, invalid_reason: reasons.join('; ') };
  const late = isLate ? 'response times are left out: requests were sent late' : undefined;
  const notes = [
    noteOf(trial, all, result, observed, expected),
    coldNote(observed),
    relayNote(observed),
    late,
    lossNote(trial),
    unprovenNote(trial),
    ...(observed.elsewhere?.notes ?? []),
    // Its times are those of a busy machine; its logins and answers are counted all the same.
    result.failure === undefined ? undefined : busyMachineNote(observed.host.foreignShare),
  ];
  const note = notes.filter((one) => one !== undefined).join('; ');
  return [
    { ...cells, ...figures, ...validity, ...(note === '' ? {} : { note }) },
    ...operations.map((one) => ({ ...cells, ...requests(one), ...validity })),
  ];
}

/** The one row of a trial without figures. */
export function rowWithout(base: Row, status: Exclude<Status, 'ok'>, reason: string): Row {
  return { ...base, operation: 'all', status, valid: false, invalid_reason: reason };
}

function resourceCells(all: OperationResult, result: LoadResult, observed: Observed, base: Row): Row {
  const { roundTrips, elsewhere } = observed;
  const cpuNs =
    elsewhere === undefined ? observed.cpuNs : { ...observed.cpuNs, [elsewhere.role]: elsewhere.ns };
  // Per request sent: the readings end after the drain, so they include the requests in flight at the end.
  const perRequest = (amount: number | undefined) =>
    amount === undefined || all.completed === 0 ? undefined : amount / all.sent;
  const perRequestUs = (ns: number | undefined) => perRequest(scaled(ns, 1e-3));
  const seen = summaryOf(result.revocation?.visible) ?? {};
  return defined({
    cpu_us_per_req_server: perRequestUs(cpuNs.server),
    cpu_us_per_req_balancer: perRequestUs(cpuNs.balancer),
    cpu_us_per_req_store: perRequestUs(cpuNs.store),
    cpu_us_per_req_generator: perRequestUs(result.cpuNs),
    cpu_us_per_req_server_main: perRequestUs(observed.scheduling?.serverMainNs),
    server_wakeups_per_req: perRequest(observed.scheduling?.serverWakeUps),
    server_wait_us_per_req: perRequestUs(observed.scheduling?.serverWaitNs),
    store_wakeups_per_req: perRequest(observed.scheduling?.storeWakeUps),
    reqs_per_loop_turn: observed.loopTurns === undefined ? undefined : all.completed / observed.loopTurns,
    idle_cpu_us_per_s: scaled(observed.idleCpuNsPerSecond, 1e-3),
    store_commands_per_req: perRequest(roundTrips),
    inner_bytes_per_req: perRequest(observed.innerBytes),
    touches_per_req: base.touch_s === undefined ? undefined : perRequest(observed.touches),
    rss_server_bytes: observed.rssServerBytes,
    rss_store_bytes: observed.rssStoreBytes,
    loop_delay_p99_us: observed.loopDelayP99Us,
    gc_us_per_req: perRequestUs(observed.gcNs),
    ...cacheCells(observed),
    ...distanceCells(observed, perRequestUs),
    ...memoryCells(observed, base),
    gen_cpu_pct: result.durationSeconds > 0 ? (result.cpuNs / 1e9 / result.durationSeconds) * 100 : undefined,
    revoke_visible_p50_us: seen.p50,
    revoke_visible_p99_us: seen.p99 ?? seen.max,
    stale_accepts: result.revocation?.staleAccepts ?? result.failure?.staleAccepts,
  });
}

function memoryCells({ held }: Observed, { sessions_live: sessions = 0 }: Row): Row {
  if (sessions === 0) return {};
  return defined({
    server_bytes_per_session: scaled(held?.serverBytes, 1 / sessions),
    store_bytes_per_session: scaled(held?.storeBytes, 1 / sessions),
  });
}

function cacheCells({ verifyCache }: Observed): Row {
  if (verifyCache === undefined) return {};
  const { hits, misses, distinctTokens } = verifyCache;
  return defined({
    verify_cache_hit_pct: hits + misses === 0 ? undefined : (100 * hits) / (hits + misses),
    distinct_tokens: distinctTokens,
  });
}

function hostCells({ host, throttledNs, warmth, measuredTrendPct }: Observed): Row {
  return defined({
    steal_pct: scaled(host.stealShare, 100),
    foreign_cpu_pct: scaled(host.foreignShare, 100),
    throttled_ms: scaled(throttledNs, 1e-6),
    ...(warmth === undefined ? {} : { warmup_s: warmth.seconds, warmup_end: warmth.state }),
    warmup_requests: warmth === undefined ? undefined : Math.round(warmth.requestsPerServer),
    cpu_trend_pct: warmth?.trendPct,
    cpu_trend_measured_pct: measuredTrendPct,
  });
}

function openLoopCells(all: OperationResult, { open }: LoadResult, { backlogEnds }: Observed): Row {
  if (open === undefined) return {};
  return defined({
    backlog_max: open.backlogMax,
    backlog_end: finalBacklog({ scheduled: all.scheduled, backlogEnds }).waiting,
    gen_lag_p99_us: summaryOf(open.lateness)?.p99,
    sends_per_pump: open.sendsPerPump,
  });
}

function bottleneckCells(
  result: LoadResult,
  observed: Observed,
  base: Row,
  { storeCores, systemCores }: Expectation,
): Row {
  if (result.revocation !== undefined || result.failure !== undefined) return {};
  const processors = { machine: base.cpu_count ?? 1, system: systemCores, store: storeCores };
  return defined({ bottleneck: bottleneckOf(result, observed, processors) });
}

/** All reasons against a trial by itself, rule by rule; the other arms of its block are judged later. */
function reasonsAgainst(
  trial: Trial,
  all: OperationResult,
  result: LoadResult,
  observed: Observed,
  expected: Expectation,
  row: Row,
): string[] {
  if (result.failure !== undefined) return failureReasons(result.failure, observed, expected.missShare);
  const wrong = wrongReplies(all, { missShare: expected.missShare, firstFailure: result.firstFailure });
  return [
    ...wrong.map((reason) => `${trial.scenario}: ${reason}`),
    ...(result.open === undefined ? [] : reasonsAgainstOpenLoop(result, observed, expected, row)),
    ...hostReasons(observed.host),
    ...(observed.warmth === undefined ? [] : steadyReasons(observed.warmth)),
    ...(observed.expiry === undefined ? [] : expiryReasons(observed.expiry)),
  ];
}

function reasonsAgainstOpenLoop(
  result: LoadResult,
  observed: Observed,
  { nullServerRps, systemCores }: Expectation,
  row: Row,
): string[] {
  const offeredRps = row.target_rps;
  if (offeredRps === undefined) throw new Error('expected the rate in the row of an open loop, got none');
  const { bottleneck, lat_mean_us: meanResponseUs } = row;
  const figures = openLoopFigures(result, observed, offeredRps, meanResponseUs);
  return [
    ...openLoopReasons(figures),
    ...(row.pass === 'equal-load' ? equalLoadReasons(observed, systemCores) : latenessReasons(figures)),
    ...instrumentReasons({ offeredRps, nullServerRps, bottleneck }),
  ];
}

function noteOf(
  trial: Trial,
  all: OperationResult,
  result: LoadResult,
  { host }: Observed,
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
  if (result.failure !== undefined) return failureNote(result.failure, expected.missShare);
  if (expected.missShare === 0 || all.http4xx === 0) return busyMachineNote(host.foreignShare);
  const percent = Math.round((all.http4xx / all.completed) * 100);
  return `${percent} % missed: each server knows only the sessions made on it, and ${trial.affinity} goes to all ${trial.servers}; latency and CPU include the refused`;
}

/** Whether response times would be those of the generator. CPU at equal load does not depend on that. */
function isSentLate(result: LoadResult, observed: Observed, { target_rps: offeredRps }: Row): boolean {
  if (offeredRps === undefined || result.open === undefined) return false;
  return latenessReasons(openLoopFigures(result, observed, offeredRps, undefined)).length > 0;
}

/** Of a service on which the tests of its store have not run. */
function unprovenNote({ store, options }: Trial): string | undefined {
  const service = findStore(store)?.service(options);
  return service?.unproven === undefined ? undefined : `${service.title} is ${service.unproven}`;
}

/** Of a service that keeps nothing, whatever durability is asked for. */
function lossNote({ store, options }: Trial): string | undefined {
  const service = findStore(store)?.service(options);
  if (service === undefined || durabilityInForce(service, 'commit') !== 'none') return undefined;
  return `a restart of ${service.title} loses all: it has no durability but none`;
}

function coldNote({ warmth }: Observed): string | undefined {
  if (warmth?.state !== 'cold') return undefined;
  const requests = whole(warmth.requestsPerServer);
  return `cold: ${requests} requests to each server in the warm-up (30,000 without a trend are enough)`;
}

function scaled(value: number | undefined, factor: number): number | undefined {
  return value === undefined ? undefined : value * factor;
}

/** From this share of the processors on, other work is noted; from 25 % on the row is invalid. */
const FOREIGN_SHARE = 0.1;

function busyMachineNote(foreignShare: number | undefined): string | undefined {
  if (foreignShare === undefined || foreignShare < FOREIGN_SHARE) return undefined;
  return `other work took ${Math.round(foreignShare * 100)} % of this machine meanwhile: do not trust the figures`;
}
