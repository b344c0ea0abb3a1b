import { defined, requestCells } from '../results/request-cells.ts';
import type { Row } from '../results/row.ts';
import { decodeHistogram } from '../stats/histogram.ts';
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
  const row = defined({
    engine: 'slices',
    pass: isOpen ? 'latency' : 'capacity',
    load_model: job.load.model === 'open' ? `open-${job.load.arrivals}` : 'closed',
    connections: job.connections,
    target_rps: job.load.model === 'open' ? job.load.ratePerSecond : undefined,
    seed: job.seed,
    node_version: process.versions.node,
    warmup_s: job.warmupSeconds,
    duration_s: load.durationSeconds,
    ...requestCells(all, load.durationSeconds, job.load.model === 'open' && job.load.arrivals === 'constant'),
    ...(load.durationSeconds > 0 ? {} : { rps_ok: 0 }),
    cpu_us_per_req_generator: all.sent === 0 ? undefined : load.cpuNs / 1000 / all.sent,
    gen_cpu_pct: cpuShare * 100,
    gen_lag_p99_us: load.open === undefined ? undefined : percentile99(load.open.lateness),
    backlog_max: load.open?.backlogMax,
    backlog_end: isOpen ? result.backlogEnd : undefined,
    bottleneck: !isOpen && cpuShare >= FULL ? 'generator' : undefined,
    status: result.isPartial ? 'interrupted' : 'ok',
  });
  const reasons = reasonsAgainst(job, result, row);
  return {
    ...row,
    valid: reasons.length === 0,
    ...(reasons.length === 0 ? {} : { invalid_reason: reasons.join('; ') }),
  };
}

/** The generator's own lateness: a figure about few requests is better than none. */
function percentile99(text: string): number | undefined {
  const lateness = decodeHistogram(text);
  return lateness.totalCount === 0 ? undefined : lateness.getValueAtPercentile(99);
}
