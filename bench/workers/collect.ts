import { lookAt } from '../conformance/external-site.ts';
import { BenchError } from '../errors.ts';
import { withResolvers } from '../load/running-loop.ts';
import type { ProbeResult } from '../probe/job.ts';
import { type Channel, listen } from './channel.ts';
import type { CollectConfig } from './config.ts';
import type { FromWorker, ToWorker, WorkerResult } from './job.ts';
import { mergeLoads, overlapOf, windowOf } from './merge.ts';
import { createPeer, type Peer } from './peer.ts';
import { shareOf } from './share.ts';
import { VERSION } from './version.ts';

/** What the workers measured together. */
export interface Collected {
  result: ProbeResult;
  workers: readonly Peer[];
  /** The share of the load in which all were under way, by the harness's clock. */
  overlap: number;
  /** Why the figures must not be used, beside what the figures themselves show; empty when there is nothing. */
  reasons: readonly string[];
}

export interface CollectWatch {
  /** A line that stays. */
  say(line: string): void;
  /** What the workers do now. */
  step(text: string): void;
}

const TICK_MS = 1_000;
/** A worker that is silent for this long is lost: it replies to a question each second. */
const SILENCE_MS = 3_000;
/** For the results so far, when a worker was lost. */
const LAST_WORDS_MS = 1_500;
/** In addition to the load: what is in flight at its end is awaited. */
const DRAIN_SECONDS = 40;
/** Rates and times of several workers are only one load's where they ran together. */
const LEAST_OVERLAP = 0.9;
const RUN_TIME = 'give it a --run-time of warm-up, duration and some seconds';

/**
 * Waits for the workers, gives each its share of the load, and adds up what they measured. Locust starts the load. An
 * aborted signal ends it early: the result is then partial, or `undefined` before the measured load.
 * @throws BenchError what `lookAt` throws; PORT_IN_USE; TIMEOUT when not all begin in time; WORKER_LOST when one is lost
 * before there are any figures.
 */
export async function collect(
  config: CollectConfig,
  signal: AbortSignal,
  watch: CollectWatch,
): Promise<Collected | undefined> {
  await lookAt(config.url, config.contract, signal);
  const peers: Peer[] = [];
  const channels: Channel<FromWorker, ToWorker>[] = [];
  const { promise: over, resolve: end } = withResolvers<BenchError | undefined>();
  let isEnding = false;
  let timer: NodeJS.Timeout | undefined;

  /** Ends the load of all, and takes what there is. */
  const stopAll = () => {
    if (isEnding) return;
    isEnding = true;
    clearTimeout(timer);
    timer = setTimeout(() => end(undefined), LAST_WORDS_MS);
    for (const peer of peers) if (peer.state !== 'ended') peer.send({ type: 'stop' });
    endIfAllHave();
  };
  const endIfAllHave = () => {
    if ((isEnding || peers.length === config.workers) && peers.every(({ state }) => state === 'ended'))
      end(undefined);
  };
  const lose = (peer: Peer, why: string) => {
    if (peer.state === 'ended') return;
    const seconds = peer.measuredSeconds();
    const when = seconds === undefined ? 'before the measured load' : `after ${seconds.toFixed(1)} s of it`;
    peer.state = 'ended';
    peer.lost = `${peer.label} was lost ${when}: ${why}`;
    watch.say(peer.lost);
    stopAll();
  };
  const measureTogether = () => {
    if (peers.length < config.workers || !peers.every(({ state }) => state === 'measuring')) return;
    watch.say(`measuring: ${config.workers} workers, ${config.durationSeconds} s`);
    clearTimeout(timer);
    const limitMs = (config.durationSeconds + DRAIN_SECONDS) * 1000;
    timer = setTimeout(() => {
      for (const peer of peers) lose(peer, `no result within ${limitMs / 1000} s`);
    }, limitMs);
  };
  const finish = (peer: Peer, result: WorkerResult | undefined) => {
    if (peer.state === 'ended') return;
    peer.state = 'ended';
    if (result !== undefined) peer.result = result;
    // Locust has stopped it.
    if (result === undefined || result.isPartial) stopAll();
    endIfAllHave();
  };
  const take = (channel: Channel<FromWorker, ToWorker>, name: string, version: string) => {
    const refusal = isEnding
      ? 'the load has ended'
      : version !== VERSION
        ? `version ${version} of session-bench, and collect is ${VERSION}`
        : peers.length === config.workers
          ? `there are ${config.workers} workers already: see --workers of collect`
          : undefined;
    if (refusal !== undefined) {
      watch.say(`refused a worker (${name} at ${channel.peer}): ${refusal}`);
      channel.send({ type: 'end', reason: refusal });
      return channel.close();
    }
    const peer = createPeer(channel, name, peers.length + 1);
    peer.send({ type: 'job', work: shareOf(config, peers.length) });
    peers.push(peer);
    watch.say(`${peer.label} has come, ${peers.length} of ${config.workers}`);
    channel.onLost = (why) => lose(peer, why);
    channel.onMessage = (message) => {
      peer.hear(message);
      if (message.type === 'measuring') measureTogether();
      else if (message.type === 'result') finish(peer, message.result);
      else if (message.type === 'failed') lose(peer, message.message);
    };
    peer.ask();
  };
  const onChannel = (channel: Channel<FromWorker, ToWorker>) => {
    channels.push(channel);
    channel.onMessage = (message) => {
      if (message.type === 'hello') take(channel, String(message.name), String(message.version));
      else channel.close();
    };
  };

  let lastTick = performance.now();
  const tick = () => {
    const now = performance.now();
    // This process stood still itself.
    if (now - lastTick > TICK_MS + SILENCE_MS / 2) for (const peer of peers) peer.forgive();
    lastTick = now;
    for (const peer of peers) {
      if (peer.state === 'ended') continue;
      if (peer.silentMs() > SILENCE_MS) lose(peer, `silent for ${SILENCE_MS / 1000} s`);
      else peer.ask();
    }
    watch.step(stepText(config, peers));
  };
  const server = await listen(config.listen, config.token, onChannel, (peer) =>
    watch.say(`refused ${peer}, which has no token or another one`),
  );
  timer = setTimeout(() => end(notBegun(config, peers)), config.waitSeconds * 1000);
  const ticking = setInterval(tick, TICK_MS);
  signal.addEventListener('abort', stopAll, { once: true });
  try {
    if (signal.aborted) stopAll();
    const failure = await over;
    for (const channel of channels) channel.send({ type: 'end' });
    if (failure !== undefined) throw failure;
    return await sumOf(config, peers, signal);
  } finally {
    clearTimeout(timer);
    clearInterval(ticking);
    signal.removeEventListener('abort', stopAll);
    for (const channel of channels) channel.close();
    server.close();
  }
}

/** @throws BenchError WORKER_LOST when there are no figures. */
async function sumOf(
  config: CollectConfig,
  workers: readonly Peer[],
  signal: AbortSignal,
): Promise<Collected | undefined> {
  const measured = workers.flatMap(({ result, clock }) =>
    result === undefined ? [] : [{ result, aheadMs: clock()?.aheadMs ?? 0 }],
  );
  const lost = workers.flatMap(({ lost: why }) => why ?? []);
  if (measured.length === 0) {
    if (signal.aborted) return undefined;
    throw workerLost(config, lost);
  }
  const results = measured.map(({ result }) => result);
  const windows = measured.map(({ result, aheadMs }) => windowOf(result, aheadMs));
  const isPartial = lost.length > 0 || results.some((result) => result.isPartial);
  const overlap = overlapOf(windows);
  const apart =
    isPartial || overlap >= LEAST_OVERLAP
      ? []
      : [`the workers' loads overlap in ${(overlap * 100).toFixed(0)} % of their time (limit 90 %)`];
  const isStopped = isPartial && lost.length === 0 && !signal.aborted;
  const early = isStopped ? [`Locust stopped the load before its end: ${RUN_TIME}`] : [];
  const total = (of: (result: WorkerResult) => number) => results.reduce((sum, one) => sum + of(one), 0);
  return {
    result: {
      load: await mergeLoads(results.map(({ load }) => load)),
      backlogEnd: total(({ backlogEnd }) => backlogEnd),
      outstandingEnd: total(({ outstandingEnd }) => outstandingEnd),
      isPartial,
    },
    workers,
    overlap,
    reasons: [...lost, ...early, ...apart],
  };
}

function stepText(config: CollectConfig, peers: readonly Peer[]): string {
  if (peers.length < config.workers) return `${peers.length} of ${config.workers} workers have come`;
  const waiting = peers.find(({ state }) => state === 'preparing');
  if (waiting !== undefined) return `${waiting.label}: ${waiting.step}`;
  const [ok, wrong] = (['ok', 'wrong'] as const).map((name) =>
    peers.reduce((sum, { lastSecond }) => sum + lastSecond[name], 0),
  );
  return `${ok} ok, ${wrong} wrong in the last second`;
}

function notBegun(config: CollectConfig, peers: readonly Peer[]): BenchError {
  const waiting = peers.filter(({ state }) => state === 'preparing');
  const got = [
    `${peers.length} of ${config.workers} workers`,
    ...waiting.map(({ label, step }) => `${label}: ${step}`),
  ].join('; ');
  return new BenchError({
    code: 'TIMEOUT',
    expected: `${config.workers} workers under load within ${config.waitSeconds} s`,
    got,
    remedy: `Start the workers and Locust (locust --master -u ${config.connections}), or raise --wait.`,
  });
}

function workerLost({ workers }: CollectConfig, lost: readonly string[]): BenchError {
  return new BenchError({
    code: 'WORKER_LOST',
    expected: `${workers} workers until the end of the load`,
    got: lost.length === 0 ? 'a stop by Locust before the measured load' : lost.join('; '),
    remedy:
      lost.length === 0 ? `Start all again, and ${RUN_TIME}.` : 'Read its output, then start all again.',
  });
}
