import type { OperationResult } from '../load/job.ts';
import type { Row } from '../results/row.ts';
import { decodeHistogram, type LatencySummary, summarize } from '../stats/histogram.ts';
import type { ProbeJob, ProbeResult } from './job.ts';
import { reasonsAgainst } from './validity.ts';

/** A generator that uses this share of a processor is the bottleneck of a closed loop. */
const FULL = 0.9;

/** The figures of a probe under the names of the result columns. Unknown ones are absent. */
export function cellsOf(job: ProbeJob, result: ProbeResult): Row {
  const { load } = result;
  const [all] = load.operations;
  if (all === undefined) throw new Error('expected a row of all operations in the load result, got none');
  const isOpen = job.load.model === 'open';
  const cpuShare = load.cpuNs / 1e9 / load.durationSeconds;
  const cells: { [C in keyof Row]: Row[C] | undefined } = {
    engine: 'slices',
    pass: isOpen ? 'latency' : 'capacity',
    load_model: job.load.model === 'open' ? `open-${job.load.arrivals}` : 'closed',
    operation: 'all',
    connections: job.connections,
    target_rps: job.load.model === 'open' ? job.load.ratePerSecond : undefined,
    seed: job.seed,
    node_version: process.versions.node,
    warmup_s: job.warmupSeconds,
    duration_s: load.durationSeconds,
    ...countCells(all, load.durationSeconds),
    ...timeCells(job, all),
    cpu_us_per_req_generator: all.sent === 0 ? undefined : load.cpuNs / 1000 / all.sent,
    gen_cpu_pct: cpuShare * 100,
    gen_lag_p99_us: load.open === undefined ? undefined : percentile99(load.open.lateness),
    backlog_max: load.open?.backlogMax,
    backlog_end: isOpen ? result.backlogEnd : undefined,
    bottleneck: !isOpen && cpuShare >= FULL ? 'generator' : undefined,
    status: result.isPartial ? 'interrupted' : 'ok',
  };
  const known = Object.entries(cells).filter(([, value]) => value !== undefined);
  const row = Object.fromEntries(known) as Row;
  const reasons = reasonsAgainst(job, result, row);
  return {
    ...row,
    valid: reasons.length === 0,
    ...(reasons.length === 0 ? {} : { invalid_reason: reasons.join('; ') }),
  };
}

function countCells(all: OperationResult, seconds: number): Row {
  return {
    scheduled: all.scheduled,
    sent: all.sent,
    completed: all.completed,
    ok: all.ok,
    http_4xx: all.http4xx,
    http_5xx: all.http5xx,
    check_failed: all.checkFailed,
    conn_errors: all.connErrors,
    timeouts: all.timeouts,
    dropped: all.dropped,
    inflight_end: all.inflightEnd,
    rps_ok: seconds === 0 ? 0 : all.ok / seconds,
    ...(all.sent === 0 ? {} : { req_bytes: all.requestBytes / all.sent }),
    ...(all.completed === 0 ? {} : { resp_bytes: all.responseBytes / all.completed }),
  };
}

function timeCells(job: ProbeJob, all: OperationResult): Row {
  // Evenly spaced arrivals make a tail percentile as reliable with half the samples.
  const constantArrivals = job.load.model === 'open' && job.load.arrivals === 'constant';
  const times = (text: string) => summarize(decodeHistogram(text), { constantArrivals });
  return {
    ...summaryCells('svc', times(all.histogram)),
    ...(all.response === undefined ? {} : summaryCells('lat', times(all.response))),
  };
}

function summaryCells(prefix: 'svc' | 'lat', summary: LatencySummary): Row {
  return Object.fromEntries(Object.entries(summary).map(([name, us]) => [`${prefix}_${name}_us`, us])) as Row;
}

/** The generator's own lateness: a figure about few requests is better than none. */
function percentile99(text: string): number | undefined {
  const lateness = decodeHistogram(text);
  return lateness.totalCount === 0 ? undefined : lateness.getValueAtPercentile(99);
}
