import { createHistogram, type LatencyHistogram } from '../stats/histogram.ts';
import { createArrivals } from './arrivals.ts';
import { createChannel, type Slot, type Traffic } from './channel.ts';
import { startClosedLoop } from './closed-loop.ts';
import type { Arrivals, Operation, SliceResult } from './job.ts';
import type { ConnectionPlan } from './live-request.ts';
import { createOpenFigures, type OpenFigures, startOpenLoop } from './open-loop.ts';
import type { RunningLoop } from './running-loop.ts';
import type { PlannedRequest } from './scenarios.ts';
import { countsOf, createTally, type Tally } from './tally.ts';
import { startTicker, type Ticker } from './ticker.ts';

/** Our own load generator: kept-alive sockets, requests built beforehand, every reply checked. */

export interface SliceLoopOptions {
  /** Base URLs, http only. */
  targets: readonly string[];
  /** One for each connection; connection i goes to target i modulo their number. */
  plans: readonly ConnectionPlan[];
  /** Told of each reply that its check refuses and, with status 0, of what is no reply of HTTP. */
  onFailure: (request: PlannedRequest, status: number, body: string) => void;
  /** Of the arrivals. */
  seed: number;
  /** Open loop: most requests that are due and wait for a connection; beyond them they are dropped. 10,000 unless told. */
  maxBacklog?: number;
  /** A request without a whole reply for this long counts as timed out. 10 unless told. */
  timeoutSeconds?: number;
}

/** The sum of slices. */
export interface LoopTotals {
  seconds: number;
  /** CPU of this process within the slices, nanoseconds. */
  cpuNs: number;
  tallies: ReadonlyMap<Operation, Tally>;
  /** Only when a slice was an open loop. */
  open?: { lateness: LatencyHistogram; backlogMax: number };
}

/** How a slice's requests become due. */
export type SliceLoad = { model: 'closed' } | { model: 'open'; ratePerSecond: number; arrivals: Arrivals };

/** Connections that are kept between slices, and the sum of what the slices came to. */
export interface SliceLoop {
  /**
   * Runs one slice: load for so many seconds, then waits for what is due or under way, at most for the timeout. Connects
   * on first use; lost connections are made anew before a slice, untimed. One slice at a time.
   * Its time: of a closed loop from the first send to the last reply; of an open loop from the beginning to the end of
   * its schedule, or to the last send if that is later, so that requests over time is the rate that was achieved.
   * @throws Error naming the server when connections cannot be made on first use.
   */
  run(seconds: number, load: SliceLoad): Promise<SliceResult>;
  /** Replaces what the connections send, from its beginning. As many plans as before, and not within a slice. */
  replan(plans: readonly ConnectionPlan[]): void;
  /** The sum of all slices since the last time; starts anew. Within a slice, which is then to be ended: the sum until now. */
  take(): LoopTotals;
  /** Closes the connections. A slice under way ends. */
  close(): void;
}

const MAX_BACKLOG = 10_000;
const TIMEOUT_SECONDS = 10;

/** Between slices nobody is told anything. */
const AT_REST = {
  isRunning: false,
  onFree: () => undefined,
  onBlocked: () => undefined,
} satisfies Partial<Traffic>;

/** The slice under way. */
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

  const tallies = () => [...slots.values()].map((slot) => slot.tally);

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

  /** Answers what starts the loop: all that takes time has been done before. */
  async function prepare(seconds: number, load: SliceLoad): Promise<() => RunningLoop> {
    await connectAll();
    if (load.model === 'closed') return () => startClosedLoop(channels, traffic, seconds);
    ticker ??= await startTicker();
    figures ??= createOpenFigures();
    const open = { ticker, figures, maxBacklog: options.maxBacklog ?? MAX_BACKLOG };
    for (const { tally } of slots.values()) tally.response ??= createHistogram();
    arrivals.begin(load.ratePerSecond, load.arrivals);
    return () => startOpenLoop({ ...open, channels, traffic, seconds, arrivals });
  }

  /** Adds what the slice has used until now to the sums; answers the CPU of it. */
  function addUntil(endMs: number, slice: Running): number {
    const { user, system } = process.cpuUsage(slice.cpuFrom);
    const cpuNs = (user + system) * 1000;
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
      const cpuFrom = process.cpuUsage();
      traffic.isRunning = true;
      const loop = start();
      const slice = { loop, fromMs: loop.startMs, cpuFrom };
      running = slice;
      const { endMs, backlogEnd, outstandingEnd } = await loop.ended;
      running = undefined;
      Object.assign(traffic, AT_REST);
      const cpuNs = addUntil(endMs, slice);
      const after = countsOf(tallies());
      return {
        seconds: (endMs - loop.startMs) / 1000,
        scheduled: after.scheduled - before.scheduled,
        completed: after.completed - before.completed,
        ok: after.ok - before.ok,
        cpuNs,
        backlogEnd,
        outstandingEnd,
      };
    },
    replan,
    take() {
      if (running !== undefined) addUntil(performance.now(), running);
      const byOperation = new Map([...slots].map(([operation, slot]) => [operation, slot.tally]));
      const totals: LoopTotals = {
        ...sums,
        tallies: byOperation,
        ...(figures === undefined ? {} : { open: figures }),
      };
      for (const slot of slots.values()) slot.tally = createTally();
      figures = undefined;
      sums = { seconds: 0, cpuNs: 0 };
      return totals;
    },
    close() {
      traffic.isRunning = false;
      running?.loop.stop();
      for (const channel of channels) channel.close();
      void ticker?.close();
    },
  };
}

function createTraffic({ timeoutSeconds = TIMEOUT_SECONDS, onFailure }: SliceLoopOptions): Traffic {
  return {
    ...AT_REST,
    underWay: 0,
    lastSendMs: 0,
    lastEndMs: 0,
    timeoutMs: timeoutSeconds * 1000,
    onFailure,
  };
}
