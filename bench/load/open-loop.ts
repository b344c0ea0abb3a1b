import { createHistogram, type LatencyHistogram, recordUs } from '../stats/histogram.ts';
import type { ArrivalTimes } from './arrivals.ts';
import type { Slot } from './built-request.ts';
import type { Channel, Traffic } from './channel.ts';
import { type LoopEnd, type RunningLoop, startSweeping, withResolvers } from './running-loop.ts';
import type { StageLog } from './stage-log.ts';
import type { Ticker } from './ticker.ts';

/** How well the generator kept up, over slices. */
export interface OpenFigures {
  /** From the moment a request was due and a connection free to its write, microseconds. */
  lateness: LatencyHistogram;
  /** Maximum of requests that were due and not yet sent. */
  backlogMax: number;
  /** How often the loop sent what was due, and how many requests it then sent in all. */
  pumps: number;
  pumped: number;
}

export const createOpenFigures = (): OpenFigures => ({
  lateness: createHistogram(),
  backlogMax: 0,
  pumps: 0,
  pumped: 0,
});

export interface OpenLoopOptions {
  channels: readonly Channel[];
  traffic: Traffic;
  seconds: number;
  arrivals: Pick<ArrivalTimes, 'nextMs' | 'advance' | 'end'>;
  /** Where the rate changes by stages. */
  stages?: StageLog | undefined;
  ticker: Ticker;
  figures: OpenFigures;
  maxBacklog: number;
}

/** The queue of free connections may have this many places for each. */
const MAX_PLACES = 4;

/**
 * Open loop: requests become due by the schedule, whatever is in flight. A due request goes to the connection that has
 * been free for longest, so that all sessions are used; without a free one it waits in a queue. Its response time runs
 * from when it was due. Whenever the loop wakes, for a reply or the ticker, it sends everything that is due. Requests
 * in the queue when the schedule ends are still sent, for at most the timeout.
 */
export function startOpenLoop(options: OpenLoopOptions): RunningLoop {
  const { channels, traffic, seconds, arrivals, stages, ticker, figures, maxBacklog } = options;
  const { promise, resolve } = withResolvers<LoopEnd>();
  const startMs = performance.now();
  let lengthMs = seconds * 1000;
  let backlogEnd: number | undefined;
  let outstandingEnd: number | undefined;
  const backlog = createQueue<number>();
  const free = createQueue<Channel>();
  // Longest free first, also across slices: otherwise short ones would never reach the last connections.
  const byTurn = channels.filter((channel) => channel.isFree).sort((a, b) => a.freeSinceMs - b.freeSinceMs);
  for (const channel of byTurn) free.push(channel);
  for (const channel of channels) channel.renew();
  const anySlot = channels.find((channel) => channel.nextSlot !== undefined)?.nextSlot;
  let drops = 0;
  let sent = 0;
  let hasStopped = false;

  function keepFree(): void {
    const isFree = new Set<Channel>();
    for (let channel = free.shift(); channel !== undefined; channel = free.shift())
      if (channel.isFree) isFree.add(channel);
    for (const channel of isFree) free.push(channel);
  }

  function sendDue(dueMs: number): boolean {
    let channel = free.shift();
    while (channel !== undefined && !channel.isFree) channel = free.shift();
    if (channel === undefined) return false;
    stages?.select(dueMs - startMs);
    const couldMs = Math.max(dueMs, channel.freeSinceMs);
    channel.send(dueMs);
    sent += 1;
    recordUs(figures.lateness, (traffic.lastSendMs - couldMs) * 1000);
    return true;
  }

  /** It was assigned to no connection: it is counted where one of them would have counted its next. */
  function drop(dueMs: number): void {
    stages?.select(dueMs - startMs);
    const slot: Slot | undefined = channels[drops % channels.length]?.nextSlot ?? anySlot;
    drops += 1;
    if (slot === undefined) return;
    slot.tally.scheduled += 1;
    slot.tally.dropped += 1;
  }

  function pump(): void {
    if (hasStopped) return;
    const sentBefore = sent;
    stages?.observe(performance.now() - startMs, backlog.size, backlog.size + traffic.inFlight);
    while (backlog.size > 0 && sendDue(backlog.first() as number)) backlog.shift();
    while (arrivals.nextMs < lengthMs && startMs + arrivals.nextMs <= performance.now()) {
      const dueMs = startMs + arrivals.nextMs;
      stages?.observe(arrivals.nextMs, backlog.size, backlog.size + traffic.inFlight);
      arrivals.advance();
      if (backlog.size > 0 || !sendDue(dueMs)) {
        if (backlog.size < maxBacklog) backlog.push(dueMs);
        else drop(dueMs);
      }
    }
    if (sent > sentBefore) {
      figures.pumps += 1;
      figures.pumped += sent - sentBefore;
    }
    if (backlog.size > figures.backlogMax) figures.backlogMax = backlog.size;
    if (backlog.size > 0 || traffic.inFlight === 0) endWhenUsedUp();
    if (arrivals.nextMs < lengthMs) ticker.wakeAt(startMs + arrivals.nextMs);
    else finishing();
  }

  /** Finite lists that are used up end the schedule early. */
  function endWhenUsedUp(): void {
    if (traffic.inFlight > 0 || channels.some((channel) => channel.nextSlot !== undefined)) return;
    lengthMs = Math.min(lengthMs, performance.now() - startMs);
    dropBacklog();
  }

  function dropBacklog(): void {
    for (; backlog.size > 0; backlog.shift()) drop(backlog.first() as number);
  }

  /** Everything in the schedule has become due. */
  function finishing(): void {
    backlogEnd ??= backlog.size;
    outstandingEnd ??= backlog.size + traffic.inFlight;
    const endMs = startMs + lengthMs;
    if (performance.now() < endMs) ticker.wakeAt(endMs);
    else if (backlog.size === 0 && traffic.inFlight === 0) stop();
  }

  const stopSweeping = startSweeping(channels, traffic, (nowMs) => {
    if (nowMs < startMs + lengthMs + traffic.timeoutMs) return;
    dropBacklog();
    finishing();
  });

  function stop(): void {
    if (hasStopped) return;
    hasStopped = true;
    stopSweeping();
    ticker.cancel();
    // It may be stopped early.
    const ranMs = Math.min(lengthMs, performance.now() - startMs);
    arrivals.end(ranMs);
    const endMs = Math.max(startMs + ranMs, traffic.lastSendMs);
    const waiting = backlog.size;
    resolve({
      endMs,
      backlogEnd: backlogEnd ?? waiting,
      outstandingEnd: outstandingEnd ?? waiting + traffic.inFlight,
    });
  }

  ticker.onWake = pump;
  traffic.onFree = (channel) => {
    // Connections that are lost while they are free leave their places behind.
    if (free.size > MAX_PLACES * channels.length) keepFree();
    free.push(channel);
    pump();
  };
  traffic.onBlocked = pump;
  pump();
  return { startMs, ended: promise, waiting: () => backlog.size, stop };
}

interface Queue<T> {
  readonly size: number;
  push(item: T): void;
  first(): T | undefined;
  shift(): T | undefined;
}

/** First in, first out, at constant cost whatever its length. */
function createQueue<T>(): Queue<T> {
  let items: T[] = [];
  let head = 0;
  return {
    get size() {
      return items.length - head;
    },
    push: (item) => void items.push(item),
    first: () => items[head],
    shift() {
      const item = items[head];
      if (head < items.length) head += 1;
      if (head === items.length || head > 4_096) {
        items = items.slice(head);
        head = 0;
      }
      return item;
    },
  };
}
