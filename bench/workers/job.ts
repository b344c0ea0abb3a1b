import type { LoadJob, LoadResult } from '../load/job.ts';
import type { SliceLoad } from '../load/slice-loop.ts';

/** Messages between `pnpm bench collect` and its workers, and between a worker and its load generator. */

/** The load of one worker: its share of connections, sessions and rate. */
export interface WorkerJob {
  job: LoadJob;
  /** Discarded load; none when 0. */
  warmupSeconds: number;
  durationSeconds: number;
  load: Exclude<SliceLoad, { model: 'stages' }>;
}

/** What a worker measured. Times are of its own clock, milliseconds of the epoch. */
export interface WorkerResult {
  load: LoadResult;
  /** Of the one slice, as in `SliceResult`. */
  backlogEnd: number;
  outstandingEnd: number;
  startedMs: number;
  endedMs: number;
  /** It was stopped before its time: the figures are those until then. */
  isPartial: boolean;
}

/** What a worker counted in about a second. */
export interface WorkerSecond {
  ok: number;
  wrong: number;
  /** Bytes of replies. */
  bytes: number;
  /** CPU of the generator, 100 is one processor. */
  cpuPercent: number;
  /** Of the replies: response times in an open loop, else service times, by bucket. */
  times: readonly { us: number; count: number }[];
}

/** From the harness. */
export type ToWorker =
  | { type: 'job'; work: WorkerJob }
  /** Replied to at once: it measures the worker's clock, and shows both that the other is there. */
  | { type: 'clock'; id: number }
  /** Ends the load now; the result so far follows, if there is any. */
  | { type: 'stop' }
  /** All is over. With a reason: this worker is not wanted. */
  | { type: 'end'; reason?: string };

export type FromWorker =
  /** The first message. */
  | { type: 'hello'; name: string; version: string }
  | { type: 'clock'; id: number; nowMs: number }
  /** What it is doing, for people. */
  | { type: 'step'; text: string }
  /** The measured load has begun. */
  | { type: 'measuring' }
  | { type: 'second'; ok: number; wrong: number }
  /** Without a result: it was stopped before the measured load. */
  | { type: 'result'; result?: WorkerResult }
  /** It cannot go on, and ends. */
  | { type: 'failed'; message: string };

/** From a worker to the process of its generator. */
export type ToLoad = { type: 'prepare'; work: WorkerJob } | { type: 'start' } | { type: 'stop' };

export type FromLoad =
  | { type: 'ready'; port: number }
  | { type: 'progress'; text: string }
  | { type: 'prepared' }
  | { type: 'measuring' }
  | { type: 'second'; second: WorkerSecond }
  | { type: 'loaded'; result?: WorkerResult }
  | { type: 'failed'; message: string };

/** The time of this machine's clock, milliseconds of the epoch, to the microsecond. */
export const wallMs = (): number => performance.timeOrigin + performance.now();
