import { dueIn } from '../load/stages.ts';
import { defined, requestCells } from '../results/request-cells.ts';
import type { Row } from '../results/row.ts';
import { decodeHistogram } from '../stats/histogram.ts';
import type { ProbeJob, ProbeResult } from './job.ts';
import { noteOf, reasonsAgainst } from './validity.ts';

/** A generator that uses this share of a processor is the bottleneck of a closed loop. */
const FULL = 0.9;

/** The figures of a probe under the names of the result columns. Unknown ones are absent. */
export function cellsOf(job: ProbeJob, result: ProbeResult): Row {
  const { load } = result;
  const [all] = load.operations;
  if (all === undefined) throw new Error('expected a row of all operations in the load result, got none');
  const isOpen = job.load.model !== 'closed';
  const cpuShare = load.cpuNs / 1e9 / load.durationSeconds;
  const row = defined({
    engine: 'slices',
    pass: isOpen ? 'latency' : 'capacity',
    load_model: job.load.model === 'closed' ? 'closed' : `open-${job.load.arrivals}`,
    connections: job.connections,
    target_rps: rateOf(job),
    seed: job.seed,
    node_version: process.versions.node,
    warmup_s: job.warmupSeconds,
    duration_s: load.durationSeconds,
    ...requestCells(all, load.durationSeconds, isConstant(job)),
    ...(load.durationSeconds > 0 ? {} : { rps_ok: 0 }),
    cpu_us_per_req_generator: all.sent === 0 ? undefined : load.cpuNs / 1000 / all.sent,
    gen_cpu_pct: cpuShare * 100,
    gen_lag_p99_us: load.open === undefined ? undefined : percentile99(load.open.lateness),
    backlog_max: load.open?.backlogMax,
    backlog_end: isOpen ? result.backlogEnd : undefined,
    bottleneck: !isOpen && cpuShare >= FULL ? 'generator' : undefined,
    status: result.isPartial ? 'interrupted' : 'ok',
    note: noteOf(job, load),
  });
  const reasons = reasonsAgainst(job, result, row);
  return {
    ...row,
    valid: reasons.length === 0,
    ...(reasons.length === 0 ? {} : { invalid_reason: reasons.join('; ') }),
  };
}

/** The figures of each stage of a probe, in order; none without stages. A stage that was not reached has no requests. */
export function stageCellsOf(job: ProbeJob, result: ProbeResult): StageCells[] {
  if (job.load.model !== 'stages') return [];
  return job.load.stages.flatMap((stage, index) => {
    const all = result.stages?.[index]?.all;
    if (all === undefined) return [];
    return {
      stage: index + 1,
      from_rps: stage.fromRps,
      to_rps: stage.toRps,
      duration_s: stage.seconds,
      target_rps: dueIn(stage) / stage.seconds,
      ...requestCells(all, stage.seconds, isConstant(job)),
    };
  });
}

/** Result columns, and which stage it is. */
export type StageCells = Row & { stage: number; from_rps: number; to_rps: number };

const isConstant = ({ load }: ProbeJob) => load.model !== 'closed' && load.arrivals === 'constant';

/** Of stages the mean. */
function rateOf({ load, durationSeconds }: ProbeJob): number | undefined {
  if (load.model === 'closed') return undefined;
  if (load.model === 'open') return load.ratePerSecond;
  return load.stages.reduce((sum, stage) => sum + dueIn(stage), 0) / durationSeconds;
}

/** The generator's own lateness: a figure about few requests is better than none. */
function percentile99(text: string): number | undefined {
  const lateness = decodeHistogram(text);
  return lateness.totalCount === 0 ? undefined : lateness.getValueAtPercentile(99);
}
