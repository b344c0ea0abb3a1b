import type { OperationResult } from '../load/job.ts';
import type { Stage } from '../load/stages.ts';
import { type OpenLoopFigures, openLoopFigures } from '../results/open-loop.ts';
import type { Row } from '../results/row.ts';
import { whole } from '../results/text.ts';
import { openLoopReasons, wrongReplies } from '../results/validity.ts';
import { summaryOf } from '../stats/histogram.ts';
import type { ProbeJob, ProbeResult, StageResult } from './job.ts';

/** Why the figures of a probe must not be used; empty when they may. */
export function reasonsAgainst(job: ProbeJob, result: ProbeResult, cells: Row): string[] {
  const { load, isPartial } = result;
  const [all] = load.operations;
  if (all === undefined) return ['no request was sent'];
  const wrong = [...wrongReplies(all, { firstFailure: load.firstFailure }), ...closedReasons(job, all)];
  if (isPartial) {
    const stopped = `stopped after ${seconds(load.durationSeconds)} of ${seconds(job.durationSeconds)}`;
    return [stopped, ...wrong];
  }
  if (job.load.model === 'stages') return [...wrong, ...stageReasons(job.load.stages, result)];
  const figures = probeFigures(job, result, cells);
  return [...wrong, ...(figures === undefined ? [] : openLoopReasons(figures))];
}

/** A probe is one slice; `undefined` in a closed loop, and with stages, each of which has its own. */
export function probeFigures(job: ProbeJob, result: ProbeResult, cells: Row): OpenLoopFigures | undefined {
  if (job.load.model !== 'open') return undefined;
  const ends = { backlogEnds: [result.backlogEnd], outstandingEnds: [result.outstandingEnd] };
  return openLoopFigures(result.load, ends, job.load.ratePerSecond, cells.lat_mean_us);
}

/** Of one stage. The rate is that at its end, where it is judged what was left over. */
export function stageFigures(
  { toRps }: Stage,
  { all, backlogEnd, outstandingEnd }: StageResult,
): OpenLoopFigures {
  const ends = { backlogEnds: [backlogEnd], outstandingEnds: [outstandingEnd] };
  return openLoopFigures({ operations: [all] }, ends, toRps, summaryOf(all.response)?.mean);
}

function stageReasons(stages: readonly Stage[], result: ProbeResult): string[] {
  return stages.flatMap((stage, index) => {
    const own = result.stages?.[index];
    if (own === undefined || own.all.scheduled === 0) return [];
    return openLoopReasons(stageFigures(stage, own)).map((reason) => `stage ${index + 1}: ${reason}`);
  });
}

/** Requests that were lost because the server had closed their connection, which only GET and HEAD survive. */
function closedReasons(job: ProbeJob, { closedIdle }: OperationResult): string[] {
  if (closedIdle === 0) return [];
  const what = `${whole(closedIdle)} of them ${ofKeepAlive(job)}`;
  return [
    `${what}; only GET and HEAD are sent again: use fewer connections, or raise the server's keep-alive`,
  ];
}

/** What a reader must know of requests that were sent again; `undefined` when none were. */
export function noteOf(job: ProbeJob, { operations: [all] }: ProbeResult['load']): string | undefined {
  if (all === undefined || all.resent === 0) return undefined;
  const count = all.resent === 1 ? '1 request was' : `${whole(all.resent)} requests were`;
  return `${count} sent again, ${ofKeepAlive(job)}; the time of each includes a new connection`;
}

/** A connection of an open loop is idle for connections ÷ rate between two requests. */
function ofKeepAlive({ connections, load }: ProbeJob): string {
  const closed = 'on a connection that the server closed as the request came';
  if (load.model === 'closed') return `${closed}, without "connection: close" before`;
  const idle =
    load.model === 'open'
      ? `, ${connections} ÷ ${Number(load.ratePerSecond.toPrecision(3))}/s = ${seconds(connections / load.ratePerSecond)}`
      : '';
  return `${closed}: its keep-alive is shorter than connections ÷ rate${idle}`;
}

const seconds = (value: number) => `${Number(value.toFixed(2))} s`;
