import type { Wire } from '../config/wire.ts';
import type { LoadResult, OperationResult } from '../load/job.ts';
import type { SliceLoad } from '../load/slice-loop.ts';

/** Messages between `pnpm bench probe` and the process of its generator over IPC, and their limits. */

/** What to load and how. */
export interface ProbeJob {
  /** `http://HOST:PORT`, or https. */
  origin: string;
  /** Of each request, but for those of a list that name another. */
  method: string;
  /** Path and query; of no effect with a list. */
  path: string;
  /** By name in lower case. `host` replaces that of the origin. */
  headers: Record<string, string>;
  /** Goes with every method that may have one. */
  body?: ProbeBody;
  /** How connections are made; default as the origin says. */
  wire?: Wire;
  connections: number;
  /** Discarded load; none when 0. */
  warmupSeconds: number;
  durationSeconds: number;
  load: SliceLoad;
  /** Seed of the arrivals. */
  seed: number;
}

export interface ProbeBody {
  base64: string;
  /** Absent when a header says it. */
  contentType?: string;
  /** GET was asked for by name. */
  goesWithGet: boolean;
}

/** The generator's results for the measured load. */
export interface ProbeResult {
  load: LoadResult;
  /** Requests due and not yet sent when the last one became due; 0 in a closed loop. */
  backlogEnd: number;
  /** The same, plus those sent and without a reply at that moment. */
  outstandingEnd: number;
  /** Of each stage, the requests that were due in it. */
  stages?: readonly StageResult[];
  /** Of a list. */
  targets?: TargetResult;
  /** True when it was stopped early: the figures are those until then. */
  isPartial: boolean;
}

export interface StageResult {
  all: OperationResult;
  /** As in `ProbeResult`, at its own end. */
  backlogEnd: number;
  outstandingEnd: number;
}

/** How often each request of a list was sent, and had a right reply. */
export interface TargetResult {
  /** In the list; sent at least once; without a right reply at least once. */
  listed: number;
  sent: number;
  failing: number;
  /** Those with most failures first, then in the list's order; at most TARGETS_SHOWN. */
  counts: readonly { index: number; sent: number; ok: number }[];
}

/** More are not reported one by one. */
export const TARGETS_SHOWN = 1_000;

/** What happened since the last report. */
export interface ProbeSecond {
  /** Since the begin of the measured load. */
  endSeconds: number;
  /** About 1, and less at the very end. */
  seconds: number;
  counts: SecondCounts;
  /** Of the replies in it: response times in an open loop, else service times. Absent without replies. */
  p50Us?: number;
  p99Us?: number;
  /** At its end: sent and without a reply; due and not yet sent. */
  inFlight: number;
  backlog: number;
}

/** The counts of a second, and of the whole load. */
export const SECOND_COUNTS = [
  'scheduled',
  'sent',
  'completed',
  'ok',
  'http4xx',
  'http5xx',
  'checkFailed',
  'connErrors',
  'timeouts',
  'dropped',
  'resent',
] as const;
export type SecondCounts = Record<(typeof SECOND_COUNTS)[number], number>;

export type ProbePhase = 'warm-up' | 'measured load';

export type ToProbe =
  /** A part of the list, in order: lines of `PATH` or `METHOD PATH`. */
  | { type: 'targets'; lines: string }
  /** After all parts. @param reports whether each second is reported. */
  | { type: 'probe'; job: ProbeJob; reports: boolean }
  /** Replied to at once by `probed`, with what has been measured. */
  | { type: 'stop' };

export type FromProbe =
  | { type: 'ready'; port: number }
  | { type: 'phase'; phase: ProbePhase }
  | { type: 'second'; second: ProbeSecond }
  /** Without a result when it was stopped before the measured load. */
  | { type: 'probed'; result?: ProbeResult }
  | { type: 'failed'; message: string };
