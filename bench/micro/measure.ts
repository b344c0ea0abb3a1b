import { setImmediate } from 'node:timers/promises';
import { Bench, type Statistics, type Task } from 'tinybench';
import { BenchError, messageOf } from '../errors.ts';

/** One operation to be timed. It throws when it does not do its work, so that a failure is not timed as a success. */
export interface Operation {
  name: string;
  /** `async` operations are awaited, as by every caller: the await is part of their cost. */
  kind: 'sync' | 'async';
  /** Runs it once. The result is kept from the optimiser. */
  run: () => unknown;
  /** Creates what the next `count` calls of `run` consume; not timed. Not with several in flight. */
  prepare?: (count: number) => Promise<void>;
  /** Removes what the calls since the last `prepare` left behind; not timed. Not with several in flight. */
  finish?: () => Promise<void>;
  /** Concurrent calls; default 1. Only for `async`. */
  inFlight?: number;
}

/** The figures of an operation. All times are wall-clock times per operation. */
export interface Measurement {
  name: string;
  medianUs: number;
  /** `undefined` below 1,000 samples. */
  p99Us: number | undefined;
  /** Half width of the 95 % confidence interval of the mean, in percent of it; assumes independent samples. */
  rmePct: number;
  samples: number;
  /** Operations per second of this process, from the mean (with several in flight: from the window). */
  opsPerSecond: number;
  /** Operations per sample: above 1, a sample is the mean of this many. */
  batch: number;
}

export interface MeasureOptions {
  /** Timed part for each operation, after a warm-up of a third of it. */
  timeMs: number;
  signal: AbortSignal;
}

/** An operation this long is timed alone: two readings of the clock (about 0.1 µs) are at most 2 % of it. */
const MIN_SINGLE_MS = 0.005;
/** Length of a batch of shorter ones. */
const BATCH_MS = 0.02;
const MAX_BATCH = 8192;
/** Long enough for the optimising compiler, before a duration is used. */
const CALIBRATION_MS = 10;
const MIN_SAMPLES_FOR_P99 = 1_000;
/** Maximum wait of timers, sockets and Ctrl-C for operations that never leave the microtask queue. */
const MAX_BUSY_MS = 50;

/** Holds results, so that the compiler cannot eliminate the work. */
const sink: { last: unknown } = { last: undefined };

/**
 * Times one operation with tinybench. Short ones are timed in batches, for the clock's own cost would dominate.
 * @throws BenchError CHECK_FAILED when the operation throws; the signal's reason when it is aborted.
 */
export async function measure(operation: Operation, options: MeasureOptions): Promise<Measurement> {
  const { timeMs } = options;
  await shareLoops();
  // tinybench never removes its listeners from a signal, so each operation has its own.
  const own = new AbortController();
  const { signal } = own;
  const forward = () => own.abort(options.signal.reason);
  options.signal.addEventListener('abort', forward);
  try {
    options.signal.throwIfAborted();
    if ((operation.inFlight ?? 1) > 1) return await measureInFlight(operation, { timeMs, signal });
    const batch = await calibrate(operation);
    const bench = new Bench({ time: timeMs, warmupTime: timeMs / 3, signal, throws: true });
    bench.add(operation.name, taskOf(operation, batch), {
      async: isAsync(operation),
      afterEach: createBreather(),
    });
    const latency = await latencyOf(bench, signal);
    return { ...figures(operation, latency), batch, opsPerSecond: 1_000 / latency.mean };
  } catch (cause) {
    if (options.signal.aborted) throw options.signal.reason;
    throw new BenchError({
      code: 'CHECK_FAILED',
      expected: `"${operation.name}" to do its work at each call`,
      got: reasonOf(cause),
      remedy: 'Leave its group out with --only, and report it.',
      cause,
    });
  } finally {
    options.signal.removeEventListener('abort', forward);
  }
}

/** The first of several failures represents all; a store has the service's message only in the cause. */
function reasonOf(error: unknown): string {
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  const deeper = first instanceof Error && first.cause !== undefined ? `: ${messageOf(first.cause)}` : '';
  return `${messageOf(first)}${deeper}`;
}

/** Concurrent calls: each is a sample, from its start to its result, including the wait for the others. */
async function measureInFlight(operation: Operation, options: MeasureOptions): Promise<Measurement> {
  const { timeMs, signal } = options;
  let [startMs, windowMs] = [0, 0];
  const bench = new Bench({
    time: timeMs,
    warmupTime: timeMs / 3,
    // Bounded only by the time: here tinybench takes these as a maximum, elsewhere as a minimum.
    iterations: 0,
    warmupIterations: 0,
    concurrency: 'task',
    threshold: operation.inFlight ?? 1,
    signal,
    throws: true,
  });
  bench.add(operation.name, operation.run, {
    async: true,
    beforeAll: () => {
      startMs = performance.now();
    },
    afterAll: () => {
      windowMs = performance.now() - startMs;
    },
  });
  const latency = await latencyOf(bench, signal);
  return {
    ...figures(operation, latency),
    batch: 1,
    opsPerSecond: (latency.samplesCount / windowMs) * 1_000,
  };
}

async function latencyOf(bench: Bench, signal: AbortSignal): Promise<Statistics> {
  const [task] = (await bench.run()) as [Task];
  signal.throwIfAborted();
  if (task.result.state !== 'completed') throw new Error(`tinybench ended as ${task.result.state}`);
  return task.result.latency;
}

function figures(operation: Operation, latency: Statistics) {
  const { p50, p99, rme, samplesCount } = latency;
  return {
    name: operation.name,
    medianUs: p50 * 1_000,
    p99Us: samplesCount < MIN_SAMPLES_FOR_P99 ? undefined : p99 * 1_000,
    rmePct: rme,
    samples: samplesCount,
  };
}

/**
 * The function for tinybench: a batch that returns its mean per operation. It also reports its whole cost, which
 * tinybench counts against the time; otherwise an operation of nanoseconds whose preparation takes microseconds would
 * run for ever.
 */
function taskOf(operation: Operation, batch: number): () => unknown {
  const sample = ({ timedMs, wholeMs }: BatchTimes) => ({
    overriddenDuration: timedMs / batch,
    overriddenIterationCost: wholeMs,
  });
  if (!isAsync(operation)) {
    return () => {
      const timedMs = loop(operation.run, batch);
      return sample({ timedMs, wholeMs: timedMs });
    };
  }
  return async () => sample(await timeBatch(operation, batch));
}

/** Whether one of its steps must be awaited. */
function isAsync({ kind, prepare, finish }: Operation): boolean {
  return kind === 'async' || prepare !== undefined || finish !== undefined;
}

interface BatchTimes {
  /** Time of the operations only. */
  timedMs: number;
  /** Including preparation and removal. */
  wholeMs: number;
}

async function timeBatch({ kind, run, prepare, finish }: Operation, count: number): Promise<BatchTimes> {
  const startMs = performance.now();
  await prepare?.(count);
  const timedMs = kind === 'async' ? await awaitLoop(run, count) : loop(run, count);
  await finish?.();
  return { timedMs, wholeMs: performance.now() - startMs };
}

function loop(run: () => unknown, count: number): number {
  const startMs = performance.now();
  for (let i = 0; i < count; i += 1) sink.last = run();
  return performance.now() - startMs;
}

async function awaitLoop(run: () => unknown, count: number): Promise<number> {
  const startMs = performance.now();
  for (let i = 0; i < count; i += 1) sink.last = await run();
  return performance.now() - startMs;
}

/** The number of operations in a sample. Uses the fastest round, for an interrupted one is not representative. */
async function calibrate(operation: Operation): Promise<number> {
  let [count, spentMs, fastestMs] = [1, 0, Number.POSITIVE_INFINITY];
  while (spentMs < CALIBRATION_MS) {
    const { timedMs, wholeMs } = await timeBatch(operation, count);
    fastestMs = Math.min(fastestMs, timedMs / count);
    spentMs += wholeMs;
    if (wholeMs < CALIBRATION_MS / 10) count *= 2;
  }
  if (fastestMs >= MIN_SINGLE_MS) return 1;
  return Math.min(MAX_BATCH, Math.ceil(BATCH_MS / fastestMs));
}

/** An untimed hook that lets the event loop turn now and then. */
function createBreather(): () => Promise<void> | void {
  let lastMs = performance.now();
  return () => {
    if (performance.now() - lastMs < MAX_BUSY_MS) return;
    return setImmediate().then(() => {
      lastMs = performance.now();
    });
  };
}

let shared: Promise<void> | undefined;

/**
 * The loops see several functions before the first is timed. Otherwise the compiler would inline the first one and not
 * the later ones (and the closure of its task), and the results would depend on the order of the table.
 */
function shareLoops(): Promise<void> {
  shared ??= (async () => {
    const strangers = [() => 1, () => '', () => null, () => true, () => 0n, () => 1.5];
    for (const run of strangers) {
      for (const kind of ['sync', 'async'] as const) await taskOf({ name: 'stranger', kind, run }, 10_000)();
    }
  })();
  return shared;
}
