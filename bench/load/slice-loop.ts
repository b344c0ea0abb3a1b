import type { Wire } from '../config/wire.ts';
import type { Arrivals } from '../config/words.ts';
import { createHistogram, type LatencyHistogram, summarize } from '../stats/histogram.ts';
import { createArrivals } from './arrivals.ts';
import { stayAwake } from './awake.ts';
import type { Slot } from './built-request.ts';
import { createChannel, type Traffic } from './channel.ts';
import { startClosedLoop } from './closed-loop.ts';
import type { Operation, SliceResult } from './job.ts';
import { createKnownReplies } from './known-reply.ts';
import type { ConnectionPlan } from './live-request.ts';
import { createOpenFigures, type OpenFigures, startOpenLoop } from './open-loop.ts';
import type { RunningLoop } from './running-loop.ts';
import type { PlannedRequest } from './scenarios.ts';
import { createStageLog, type StageLog, type StageTotals } from './stage-log.ts';
import { createStagedArrivals, type Stage } from './stages.ts';
import { addTallies, countsOf, createTally, type Tally, timesOf } from './tally.ts';
import { createPollingTicker, startTicker, type Ticker } from './ticker.ts';

/** The load generator: keep-alive sockets, prebuilt requests, every reply checked. */

export interface SliceLoopOptions {
  /** Base URLs. */
  targets: readonly string[];
  /** How connections are made; default as the URLs say. */
  wire?: Wire;
  /** One for each connection; connection i goes to target i modulo their number. */
  plans: readonly ConnectionPlan[];
  /** Receives each reply that fails its check and, with status 0, each that is not HTTP. */
  onFailure: (request: PlannedRequest, status: number, body: string) => void;
  /** Seed of the arrivals. */
  seed: number;
  /** Polls without sleeping within slices: for a generator with a processor of its own. Default false. */
  staysAwake?: boolean;
  /** Open loop: maximum of due requests that wait for a connection; further ones are dropped. Default 10,000. */
  maxBacklog?: number;
  /** A request without a complete reply for this long counts as timed out. Default 10. */
  timeoutSeconds?: number;
  /**
   * Sends a GET or HEAD once more, on a new connection, when a connection that was idle before is closed before a
   * byte of its reply: servers close idle connections at any moment. Default false: it is lost.
   */
  resends?: boolean;
  /** Gets the time of each reply, for a caller that resets it. */
  recent?: LatencyHistogram;
}

/** The sum of slices. */
export interface LoopTotals {
  seconds: number;
  /** CPU of this process within the slices, nanoseconds, without polling for nothing. */
  cpuNs: number;
  tallies: ReadonlyMap<Operation, Tally>;
  /** Only when a slice was an open loop. */
  open?: OpenFigures;
  /** Only of a slice with stages; the tallies are their sum. */
  stages?: readonly StageTotals[];
}

/** How a slice's requests become due. */
export type SliceLoad =
  | { model: 'closed'; requests?: number }
  | { model: 'open'; ratePerSecond: number; arrivals: Arrivals }
  /** An open loop whose rate changes; the slice is as long as all of them. */
  | { model: 'stages'; stages: readonly Stage[]; arrivals: Arrivals };

/** A look at a loop. */
export interface LoopState {
  /** Since the sum was last taken. They go on changing. */
  tallies: readonly Tally[];
  /** Sent, and without a reply. */
  inFlight: number;
  /** Due, and not yet sent. */
  waiting: number;
}

/** Connections that are kept between slices, and the sum of the slices' results. */
export interface SliceLoop {
  /**
   * Runs one slice: load for this many seconds, then waits for what is due or in flight, at most for the timeout.
   * Connects on first use; lost connections are replaced before a slice, untimed. One slice at a time. Its time: for a
   * closed loop from the first send to the last reply; for an open loop from the start to the end of its schedule, or
   * to the last send if that is later, so that requests over time is the achieved rate.
   * @throws Error naming the server when connections cannot be made on first use.
   */
  run(seconds: number, load: SliceLoad): Promise<SliceResult>;
  /** Replaces what the connections send, from its beginning. The same number of plans, and not within a slice. */
  replan(plans: readonly ConnectionPlan[]): void;
  /** The sum of all slices since the last call; resets it. Within a slice, which must then be ended: the sum so far. */
  take(): LoopTotals;
  /** What has been counted so far, within a slice too; changes nothing. */
  look(): LoopState;
  /** Closes the connections. A running slice ends. */
  close(): void;
}

const MAX_BACKLOG = 10_000;
const TIMEOUT_SECONDS = 10;

/** Between slices events are ignored. */
const AT_REST = {
  isRunning: false,
  onFree: () => undefined,
  onBlocked: () => undefined,
} satisfies Partial<Traffic>;

/** The running slice. */
interface Running {
  loop: RunningLoop;
  /** Since when its time and its CPU have not been added to the sums. */
  fromMs: number;
  cpuFrom: NodeJS.CpuUsage;
}

export function createSliceLoop(options: SliceLoopOptions): SliceLoop {
  const traffic = createTraffic(options);
  const servers = options.targets.map((target) => new URL(target));
  const channels = options.plans.map((_, index) =>
    createChannel(servers[index % servers.length] as URL, traffic),
  );
  const slots = new Map<Operation, Slot>();
  const arrivals = createArrivals(options.seed);
  let ticker: Ticker | undefined;
  let figures: OpenFigures | undefined;
  let sums = { seconds: 0, cpuNs: 0 };
  let hasConnected = false;
  let running: Running | undefined;
  let staged: StageLog | undefined;

  const tallies = () =>
    staged === undefined
      ? [...slots.values()].map((slot) => slot.tally)
      : staged.totals.flatMap((stage) => [...stage.tallies.values()]);

  function replan(plans: readonly ConnectionPlan[]): void {
    for (const [index, channel] of channels.entries()) {
      channel.plan(plans[index] as ConnectionPlan, ({ operation }) => {
        const slot = slots.get(operation) ?? { tally: createTally() };
        slots.set(operation, slot);
        return slot;
      });
    }
  }

  async function connectAll(): Promise<void> {
    const outcomes = await Promise.allSettled(channels.map((channel) => channel.open()));
    const refused = outcomes.find((outcome) => outcome.status === 'rejected');
    if (refused !== undefined && !hasConnected) throw refused.reason;
    hasConnected = true;
  }

  /** Returns the function that starts the loop: everything slow has been done before. */
  async function prepare(seconds: number, load: SliceLoad): Promise<() => RunningLoop> {
    await connectAll();
    if (load.model === 'closed') return () => startClosedLoop(channels, traffic, seconds, load.requests);
    ticker ??= options.staysAwake === true ? createPollingTicker() : await startTicker();
    figures ??= createOpenFigures();
    const open = { ticker, figures, maxBacklog: options.maxBacklog ?? MAX_BACKLOG };
    if (load.model === 'stages') {
      staged = createStageLog(load.stages, slots);
      const changing = createStagedArrivals(load.stages, load.arrivals, options.seed);
      return () => startOpenLoop({ ...open, channels, traffic, seconds, arrivals: changing, stages: staged });
    }
    for (const { tally } of slots.values()) tally.response ??= createHistogram();
    arrivals.begin(load.ratePerSecond, load.arrivals);
    return () => startOpenLoop({ ...open, channels, traffic, seconds, arrivals });
  }

  /** Adds what the slice has used so far to the sums; returns its CPU. */
  function addUntil(endMs: number, slice: Running, pollingNs: number): number {
    const { user, system } = process.cpuUsage(slice.cpuFrom);
    const cpuNs = Math.max(0, (user + system) * 1000 - pollingNs);
    sums.seconds += Math.max(0, endMs - slice.fromMs) / 1000;
    sums.cpuNs += cpuNs;
    slice.fromMs = endMs;
    slice.cpuFrom = process.cpuUsage();
    return cpuNs;
  }

  replan(options.plans);
  return {
    async run(seconds, load) {
      const start = await prepare(seconds, load);
      const before = countsOf(tallies());
      const timesBefore = timesOf(tallies());
      const cpuFrom = process.cpuUsage();
      traffic.isRunning = true;
      const awake = options.staysAwake === true ? stayAwake(traffic) : undefined;
      const loop = start();
      const slice = { loop, fromMs: loop.startMs, cpuFrom };
      running = slice;
      const { endMs, backlogEnd, outstandingEnd } = await loop.ended;
      running = undefined;
      Object.assign(traffic, AT_REST);
      const pollingNs = awake?.end() ?? 0;
      const cpuNs = addUntil(endMs, slice, pollingNs);
      const after = countsOf(tallies());
      const times = timesOf(tallies());
      if (timesBefore.totalCount > 0) times.subtract(timesBefore);
      const { p50, p95, p99 } = summarize(times);
      return {
        seconds: (endMs - loop.startMs) / 1000,
        scheduled: after.scheduled - before.scheduled,
        completed: after.completed - before.completed,
        ok: after.ok - before.ok,
        cpuNs,
        pollingNs,
        backlogEnd,
        outstandingEnd,
        latencyUs: { p50, p95, p99 },
      };
    },
    replan,
    take() {
      if (running !== undefined) addUntil(performance.now(), running, 0);
      const byOperation = new Map([...slots].map(([operation, slot]) => [operation, slot.tally]));
      const stages = staged?.totals;
      const totals: LoopTotals = {
        ...sums,
        tallies: stages === undefined ? byOperation : stages.map((stage) => stage.tallies).reduce(addTallies),
        ...(figures === undefined ? {} : { open: figures }),
        ...(stages === undefined ? {} : { stages }),
      };
      staged = undefined;
      for (const slot of slots.values()) slot.tally = createTally();
      figures = undefined;
      sums = { seconds: 0, cpuNs: 0 };
      return totals;
    },
    look: () => ({
      tallies: tallies(),
      inFlight: traffic.inFlight,
      waiting: running?.loop.waiting() ?? 0,
    }),
    close() {
      traffic.isRunning = false;
      running?.loop.stop();
      for (const channel of channels) channel.close();
      void ticker?.close();
    },
  };
}

function createTraffic(options: SliceLoopOptions): Traffic {
  const { wire = {}, timeoutSeconds = TIMEOUT_SECONDS, resends = false, recent, onFailure } = options;
  return {
    ...AT_REST,
    inFlight: 0,
    lastSendMs: 0,
    lastEndMs: 0,
    timeoutMs: timeoutSeconds * 1000,
    wire,
    resends,
    recent,
    replies: createKnownReplies(),
    onFailure,
  };
}
