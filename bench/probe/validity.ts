import type { OperationResult } from '../load/job.ts';
import type { OpenLoopFigures } from '../results/open-loop.ts';
import type { Row } from '../results/row.ts';
import { openLoopReasons, wrongReplies } from '../results/validity.ts';
import { decodeHistogram, summarize } from '../stats/histogram.ts';
import type { ProbeJob, ProbeResult } from './job.ts';

/** Why the figures of a probe must not be used; empty when they may. */
export function reasonsAgainst(job: ProbeJob, result: ProbeResult, cells: Row): string[] {
  const { load, isPartial } = result;
  const [all] = load.operations;
  if (all === undefined) return ['no request was sent'];
  const wrong = wrongReplies(all, { firstFailure: load.firstFailure });
  if (isPartial) {
    const stopped = `stopped after ${seconds(load.durationSeconds)} of ${seconds(job.durationSeconds)}`;
    return [stopped, ...wrong];
  }
  const figures = openLoopFigures(job, result, all, cells);
  return [...wrong, ...(figures === undefined ? [] : openLoopReasons(figures))];
}

/** A probe is one slice; `undefined` in a closed loop. */
export function openLoopFigures(
  job: ProbeJob,
  { backlogEnd, outstandingEnd, load: { open } }: ProbeResult,
  all: Pick<OperationResult, 'scheduled' | 'completed' | 'response'>,
  cells: Row,
): OpenLoopFigures | undefined {
  if (job.load.model !== 'open') return undefined;
  return {
    offeredRps: job.load.ratePerSecond,
    scheduled: all.scheduled,
    completed: all.completed,
    backlogEnds: [backlogEnd],
    outstandingEnds: [outstandingEnd],
    meanResponseUs: cells.lat_mean_us,
    lateness: open === undefined ? undefined : summarize(decodeHistogram(open.lateness)),
    response: all.response === undefined ? undefined : summarize(decodeHistogram(all.response)),
  };
}

const seconds = (value: number) => `${Number(value.toFixed(2))} s`;
