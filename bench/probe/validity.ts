import { type OpenLoopFigures, openLoopFigures } from '../results/open-loop.ts';
import type { Row } from '../results/row.ts';
import { openLoopReasons, wrongReplies } from '../results/validity.ts';
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
  const figures = probeFigures(job, result, cells);
  return [...wrong, ...(figures === undefined ? [] : openLoopReasons(figures))];
}

/** A probe is one slice; `undefined` in a closed loop. */
export function probeFigures(job: ProbeJob, result: ProbeResult, cells: Row): OpenLoopFigures | undefined {
  if (job.load.model !== 'open') return undefined;
  const ends = { backlogEnds: [result.backlogEnd], outstandingEnds: [result.outstandingEnd] };
  return openLoopFigures(result.load, ends, job.load.ratePerSecond, cells.lat_mean_us);
}

const seconds = (value: number) => `${Number(value.toFixed(2))} s`;
