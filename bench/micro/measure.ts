import { setImmediate } from 'node:timers/promises';
import { Bench, type Statistics, type Task } from 'tinybench';
import { BenchError, messageOf } from '../errors.ts';

/** One operation to be timed. It throws when it does not do its work, so that no failure is timed as a success. */
export interface Operation {
  name: string;
  /** `async` operations are awaited, as every caller of theirs must: the await is part of their cost. */
  kind: 'sync' | 'async';
  /** Does it once. What it answers is kept from the optimiser. */
  run: () => unknown;
  /** Makes what the next `count` calls of `run` consume; not timed. Not with several in flight. */
  prepare?: (count: number) => Promise<void>;
  /** Removes what the calls since the last `prepare` left behind; not timed. Not with several in flight. */
  finish?: () => Promise<void>;
  /** Calls under way at any moment; 1 unless given. Only for `async`. */
  inFlight?: number;
}

/** How an operation did. All times are wall-clock times per operation. */
export interface Measurement {
  name: string;
  medianUs: number;
  /** `undefined` below 1,000 samples. */
  p99Us: number | undefined;
  /** Half width of the 95 % confidence interval of the mean, in percent of it; takes samples as independent. */
  rmePct: number;
  samples: number;
  /** Operations per second of this process, from the mean (with several in flight: from the window). */
  opsPerSecond: number;
  /** Operations per sample: above 1, a sample is the mean of so many. */
  batch: number;
}

export interface MeasureOptions {
  /** Timed part for each operation, after a warm-up of a third of it. */
  timeMs: number;
  signal: AbortSignal;
}

/** An operation this long is timed alone: of it, two looks at the clock (about 0.1 µs) are at most 2 %. */
const LEAST_SINGLE_MS = 0.005;
/** A batch of shorter ones takes about this long. */
const BATCH_MS = 0.02;
const LARGEST_BATCH = 8192;
/** Long enough that the optimising compiler has seen the operation before its duration is believed. */
const CALIBRATION_MS = 10;
const LEAST_SAMPLES_FOR_P99 = 1_000;
/** Longest that timers, sockets and Ctrl-C wait for operations that never leave the microtask queue. */
const LONGEST_BUSY_MS = 50;

/** Where answers go, so that the compiler cannot leave out the work behind them. */
const sink: { last: unknown } = { last: undefined };

/**
 * Times one operation with tinybench. Short ones are timed in batches, for the clock's own cost would hide them.
 * @throws BenchError CHECK_FAILED when the operation throws; the signal's reason when it is aborted.
 */
export async function measure(operation: Operation, options: MeasureOptions): Promise<Measurement> {
  const { timeMs } = options;
  await shareLoops();
  // tinybench never takes its listeners off a signal: so each operation has one of its own.
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

/** The first of several failures at once stands for all; a store says only in its cause what the service said. */
function reasonOf(error: unknown): string {
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  const deeper = first instanceof Error && first.cause !== undefined ? `: ${messageOf(first.cause)}` : '';
  return `${messageOf(first)}${deeper}`;
}

/** Many at once: each call is a sample, from its start to its answer, the wait behind the others included. */
async function measureInFlight(operation: Operation, options: MeasureOptions): Promise<Measurement> {
  const { timeMs, signal } = options;
  let [startMs, windowMs] = [0, 0];
  const bench = new Bench({
    time: timeMs,
    warmupTime: timeMs / 3,
    // No bound but the time: here tinybench takes these as a most, elsewhere as a least.
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
    p99Us: samplesCount < LEAST_SAMPLES_FOR_P99 ? undefined : p99 * 1_000,
    rmePct: rme,
    samples: samplesCount,
  };
}

/**
 * What tinybench calls: a batch that answers its mean per operation. Without the cost of the whole, which it then
 * counts against the time, an operation of nanoseconds whose preparation takes microseconds would last for ever.
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
  /** Of the operations alone. */
  timedMs: number;
  /** With what was prepared and removed for them. */
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

/** How many operations make a sample. By the fastest round, for one that was interrupted tells nothing. */
async function calibrate(operation: Operation): Promise<number> {
  let [count, spentMs, fastestMs] = [1, 0, Number.POSITIVE_INFINITY];
  while (spentMs < CALIBRATION_MS) {
    const { timedMs, wholeMs } = await timeBatch(operation, count);
    fastestMs = Math.min(fastestMs, timedMs / count);
    spentMs += wholeMs;
    if (wholeMs < CALIBRATION_MS / 10) count *= 2;
  }
  if (fastestMs >= LEAST_SINGLE_MS) return 1;
  return Math.min(LARGEST_BATCH, Math.ceil(BATCH_MS / fastestMs));
}

/** A hook, untimed, that lets the event loop turn now and then. */
function createBreather(): () => Promise<void> | void {
  let lastMs = performance.now();
  return () => {
    if (performance.now() - lastMs < LONGEST_BUSY_MS) return;
    return setImmediate().then(() => {
      lastMs = performance.now();
    });
  };
}

let shared: Promise<void> | undefined;

/**
 * The loops see several functions before the first is timed. Otherwise the compiler inlines the first one and
 * not the later ones (with the closure of its task, too), and the order of the table would decide.
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
