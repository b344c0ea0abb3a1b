import type { LoadModel, LoadResult } from '../load/job.ts';

/** Messages between `pnpm bench probe` and the process of its generator over IPC. Types only. */

/** What to load and how. */
export interface ProbeJob {
  /** `http://HOST:PORT`. */
  origin: string;
  /** Path and query. */
  path: string;
  /** By name in lower case. */
  headers: Record<string, string>;
  connections: number;
  /** Discarded load; none when 0. */
  warmupSeconds: number;
  durationSeconds: number;
  load: Extract<LoadModel, { model: 'closed' | 'open' }>;
  /** Seed of the arrivals. */
  seed: number;
}

/** The generator's results for the measured load. */
export interface ProbeResult {
  load: LoadResult;
  /** Requests due and not yet sent when the last one became due; 0 in a closed loop. */
  backlogEnd: number;
  /** The same, plus those sent and without a reply at that moment. */
  outstandingEnd: number;
  /** True when it was stopped early: the figures are those until then. */
  isPartial: boolean;
}

export type ProbePhase = 'warm-up' | 'measured load';

export type ToProbe =
  | { type: 'probe'; job: ProbeJob }
  /** Replied to at once by `probed`, with what has been measured. */
  | { type: 'stop' };

export type FromProbe =
  | { type: 'ready'; port: number }
  | { type: 'phase'; phase: ProbePhase }
  /** Without a result when it was stopped before the measured load. */
  | { type: 'probed'; result?: ProbeResult }
  | { type: 'failed'; message: string };
