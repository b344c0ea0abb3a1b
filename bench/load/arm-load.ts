import { createHistogram, encodeHistogram, type LatencyHistogram } from '../stats/histogram.ts';
import { runAutocannon } from './autocannon-loop.ts';
import { createClient } from './client.ts';
import { logInAndOut, logInToExpire } from './expiring.ts';
import { prepareFailure } from './failure.ts';
import type { LoadJob, LoadModel, LoadResult, SliceResult } from './job.ts';
import { loadResultOf } from './load-result.ts';
import { logInMany, readFirst } from './population.ts';
import { runRevocation } from './revocation.ts';
import { createSliceLoop, type LoopTotals, type SliceLoop } from './slice-loop.ts';
import { createSupply } from './supply.ts';
import { addTallies, countsOf } from './tally.ts';

/** One arm in the generator: its sessions, its connections, and the results of its slices. */
export interface ArmLoad {
  sessionsLive: number;
  /** Untimed: prepares a slice of this length. */
  replenish(seconds: number): Promise<void>;
  /** Untimed: makes the sessions that are left to expire. */
  fill(): Promise<void>;
  /**
   * @param onBegan called when the load begins, in the scenario failure.
   * @throws Error when the scenario does not support this load model.
   */
  slice(seconds: number, load: LoadModel, onBegan?: () => void): Promise<SliceResult>;
  /** The sum of the slices since the last call; resets it. */
  collect(): Promise<LoadResult>;
  /** For who looks at a slice or ends it early; none in revocation. */
  loop?: Pick<SliceLoop, 'look' | 'close'>;
}

/** Used until slices have measured it. */
const FIRST_RATE_PER_SECOND = 2_000;
/** A slice may be this much faster than the last one without running out of sessions to consume. */
const RATE_MARGIN = 1.5;
const PROGRESS_EVERY_MS = 500;

/**
 * Creates the arm's sessions. @throws UnsupportedError when the backend cannot hold them.
 * @param recent gets the time of each reply, as in `SliceLoopOptions`; not of revocation and failure.
 */
export function prepareArm(
  job: LoadJob,
  onProgress: (text: string) => void,
  recent?: LatencyHistogram,
): Promise<ArmLoad> {
  if (job.scenario === 'failure') return prepareBreakable(job, onProgress);
  return job.scenario === 'revocation' ? prepareRevocation(job) : preparePopulation(job, onProgress, recent);
}

async function preparePopulation(
  job: LoadJob,
  onProgress: (text: string) => void,
  given: LatencyHistogram | undefined,
): Promise<ArmLoad> {
  await logInAndOut(job);
  const sessions = await logInMany(job, 0, job.sessions, progressOf(job, onProgress));
  await readFirst(job, sessions);
  const supply = createSupply(job, sessions);
  let { plans } = supply;
  let firstFailure: string | undefined;
  const onFailure = (request: { operation: string }, status: number, body: string) => {
    const got = status === 0 ? `no HTTP reply, but ${body}` : `${status} ${body}`;
    firstFailure ??= `${request.operation} got ${got.slice(0, 124)}`;
  };
  const { targets, wire = {}, seed, staysAwake = false } = job;
  const own = job.expiring === undefined ? undefined : createHistogram();
  const recent = given ?? own;
  const options = { targets, wire, plans, onFailure, seed, staysAwake };
  const loop = createSliceLoop(recent === undefined ? options : { ...options, recent });
  let ratePerSecond = FIRST_RATE_PER_SECOND;
  let onAutocannon: LoopTotals | undefined;

  async function sliceOnAutocannon(seconds: number): Promise<SliceResult> {
    const totals = await runAutocannon({ targets, plans, seconds, onFailure });
    onAutocannon = onAutocannon === undefined ? totals : sumOf(onAutocannon, totals);
    const counts = countsOf(totals.tallies.values());
    const { seconds: took, cpuNs } = totals;
    return { seconds: took, ...counts, cpuNs, pollingNs: 0, backlogEnd: 0, outstandingEnd: 0 };
  }

  return {
    sessionsLive: job.sessions,
    loop,
    async replenish(seconds) {
      const changed = await supply.replenish(Math.ceil(ratePerSecond * seconds * RATE_MARGIN));
      if (changed === undefined) return;
      plans = changed;
      loop.replan(plans);
    },
    fill: () => logInToExpire(job),
    async slice(seconds, load) {
      if (load.model === 'revocation' || load.model === 'failure')
        throw new Error(`scenario ${job.scenario} does not support ${load.model}`);
      const slice =
        load.model === 'autocannon' ? await sliceOnAutocannon(seconds) : await loop.run(seconds, load);
      if (slice.seconds > 0) ratePerSecond = slice.completed / slice.seconds;
      if (own === undefined) return slice;
      const times = await encodeHistogram(own);
      own.reset();
      return { ...slice, times };
    },
    async collect() {
      const totals = onAutocannon ?? loop.take();
      const failure = firstFailure === undefined ? {} : { firstFailure };
      onAutocannon = undefined;
      firstFailure = undefined;
      return { ...(await loadResultOf(totals)), ...failure };
    },
  };
}

function sumOf(one: LoopTotals, other: LoopTotals): LoopTotals {
  return {
    seconds: one.seconds + other.seconds,
    cpuNs: one.cpuNs + other.cpuNs,
    tallies: addTallies(one.tallies, other.tallies),
  };
}

/** Revocation logs in during its slices; one login now shows whether the backend can hold such sessions. */
async function prepareRevocation(job: LoadJob): Promise<ArmLoad> {
  await logInMany(job, 0, 1);
  // A poll must not queue for a connection behind another.
  const client = createClient(job.sessions, job.wire);
  let result: LoadResult | undefined;
  return {
    sessionsLive: job.sessions,
    replenish: () => Promise.resolve(),
    fill: () => Promise.resolve(),
    async slice(seconds, load) {
      if (load.model !== 'revocation') throw new Error('the scenario revocation needs its own load model');
      result = await runRevocation(client, job, seconds);
      const [all] = result.operations;
      const { scheduled = 0, completed = 0, ok = 0 } = all ?? {};
      return {
        seconds: result.durationSeconds,
        scheduled,
        completed,
        ok,
        cpuNs: result.cpuNs,
        pollingNs: 0,
        backlogEnd: 0,
        outstandingEnd: 0,
      };
    },
    async collect() {
      if (result === undefined) throw new Error('expected a slice before collect, got none');
      const collected = result;
      result = undefined;
      return collected;
    },
  };
}

/** The sessions of the scenario failure, which something is done to while they are used. */
async function prepareBreakable(job: LoadJob, onProgress: (text: string) => void): Promise<ArmLoad> {
  const { run, collect } = await prepareFailure(job, progressOf(job, onProgress));
  return {
    sessionsLive: job.sessions,
    replenish: () => Promise.resolve(),
    fill: () => Promise.resolve(),
    async slice(seconds, load, onBegan) {
      if (load.model !== 'failure') throw new Error('the scenario failure needs its own load model');
      return run(seconds, load.ratePerSecond, onBegan);
    },
    collect,
  };
}

function progressOf(job: LoadJob, onProgress: (text: string) => void): (done: number) => void {
  let lastTold = 0;
  return (done) => {
    if (Date.now() - lastTold < PROGRESS_EVERY_MS) return;
    lastTold = Date.now();
    onProgress(`${done} of ${job.sessions} sessions created`);
  };
}
