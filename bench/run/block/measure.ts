import { setTimeout } from 'node:timers/promises';
import type { VerifyCacheStats } from '../../../stores/store.ts';
import { memoryBytesOf } from '../../environment/machine/cpu.ts';
import { HOST } from '../../environment/machine/host.ts';
import { REVOCATION_IDLE_SECONDS } from '../../environment/server.ts';
import { difference, sumOf } from '../../environment/sums.ts';
import type { LoadResult } from '../../load/job.ts';
import type { Observed } from '../../results/observed.ts';
import type { SliceRecord } from '../../results/slices.ts';
import { changeOf } from '../../stats/trend.ts';
import type { Arm } from './arms.ts';
import { createElsewhere } from './elsewhere.ts';
import { fillExpiring } from './expiry.ts';
import { type IdleRate, idleRate } from './ledger.ts';
import { ownCpuNs, readCpu, readScheduling, schedulingBetween } from './readings.ts';
import { costsOf, recordSlices } from './slice-records.ts';
import { type BlockRun, createTurnTaker, isUntimed } from './turns.ts';
import type { WarmUp } from './warm-up.ts';

/** What the load and the accounts of one arm gave in a block. */
export interface Measured {
  arm: Arm;
  result: LoadResult;
  observed: Observed;
  slices: readonly SliceRecord[];
}

const CONFIDENCE = 0.9;
/** Between the last slice and the last reading: deferred work, such as a flush of the log, is counted. */
const DRAIN_MS = 200;
/** How long the arms are observed idle: their idle use is subtracted for the time between their slices. */
const IDLE_MS = 500;
/** A slice lasts this many times the slowest arm's p99, within these bounds, so that its ramps weigh little. */
const SLICE_P99S = 20;
const MIN_SLICE_SECONDS = 0.1;
const MAX_SLICE_SECONDS = 0.5;
/** Slices are short enough for this many turns: with one turn each, arms would run one after the other. */
const MIN_ROUNDS = 8;
/** How long a token may outlive its expiry in the revocation scenario before it counts as never refused. */
const REVOCATION_GRACE_SECONDS = 2;

/** Loads all arms in turns, each for the duration, between two readings of everything. */
export async function measureArms(
  run: BlockRun,
  warm: WarmUp,
  onProgress: (text: string) => void,
): Promise<{ measured: Measured[]; sliceSeconds: number }> {
  const { arms, generator } = run;
  const expiry = await fillExpiring(run, onProgress);
  for (const arm of arms) await arm.environment.service?.settle();
  const { sliceSeconds, rounds } = scheduleOf(run, warm.p99Us);
  await expiry?.approach(createTurnTaker(run), sliceSeconds);
  const elsewhere = createElsewhere(arms, run.config, {
    isWhole: arms.length === 1 && !arms.some(isUntimed),
    released: run.released,
  });
  const taker = createTurnTaker({ ...run, elsewhere });
  const statsBefore = await statsOf(arms);
  const schedulingBefore = arms.map(readScheduling);
  const ownBefore = ownCpuNs(arms);
  const hostBefore = HOST.read();
  for (let round = 1; round <= rounds; round += 1) {
    if (rounds > 1) onProgress(`measuring, ${Math.round((100 * (round - 1)) / rounds)} %`);
    await expiry?.look();
    await taker.round(sliceSeconds);
  }
  const shares = HOST.sharesBetween(hostBefore, HOST.read(), difference(ownCpuNs(arms), ownBefore));
  // An external site may run on this machine: it is not other work.
  const host = arms.some(({ trial }) => trial.site !== undefined)
    ? { ...shares, foreignShare: undefined }
    : shares;
  await setTimeout(DRAIN_MS);
  await taker.settle();
  const statsAfter = await statsOf(arms);
  const schedulingAfter = arms.map(readScheduling);
  const idle = arms.length > 1 ? await watchIdle(arms) : undefined;
  await elsewhere.watchIdle();
  const held = await Promise.all(arms.map((arm) => weighSessionsOf(arm, run)));

  const measured: Measured[] = [];
  for (const [index, arm] of arms.entries()) {
    const result = await generator.collect(arm.index);
    const turns = taker.of(arm);
    const rate = idle?.get(arm);
    const spent = turns.ledger.spent(rate);
    const slices = recordSlices(arm, 'measured', turns, rate);
    const [before, after] = [statsBefore[index], statsAfter[index]];
    const warmth = warm.warmth.get(arm);
    const observed: Observed = {
      windowSeconds: turns.slices.reduce((sum, { seconds }) => sum + seconds, 0),
      cpuNs: { server: spent.server, balancer: spent.balancer, store: spent.store },
      ...(arm.environment.distance === undefined
        ? {}
        : { distance: { roundTripsUs: turns.storeTripsUs, relayNs: spent.storeRelay } }),
      busiestServerNs: spent.busiestServer,
      machineBusyNs: difference(turns.machineBusyNs, sumOf(turns.slices.map(({ pollingNs }) => pollingNs))),
      roundTrips: isUntimed(arm) ? turns.roundTrips : difference(after?.roundTrips, before?.roundTrips),
      innerBytes: difference(after?.innerBytes, before?.innerBytes),
      rssServerBytes: memoryBytesOf(arm.pids.server),
      rssStoreBytes: memoryBytesOf(arm.pids.store),
      idleCpuNsPerSecond: idleNs(rate),
      throttledNs: turns.throttledNs,
      loopDelayP99Us: after?.loopDelayP99Us,
      gcNs: difference(after?.gcNs, before?.gcNs),
      loopTurns: difference(after?.loopTurns, before?.loopTurns),
      scheduling: schedulingBetween(schedulingBefore[index], schedulingAfter[index]),
      held: held[index],
      verifyCache: cacheUse(before?.verifyCache, after?.verifyCache),
      touches: difference(after?.touches, before?.touches),
      host,
      elsewhere: elsewhere.spent(arm),
      backlogEnds: turns.slices.map(({ backlogEnd }) => backlogEnd),
      outstandingEnds: turns.slices.map(({ outstandingEnd }) => outstandingEnd),
      warmth,
      measuredTrendPct: changeOf(costsOf(slices), CONFIDENCE)?.pct,
      expiry: await expiry?.end(turns.slices, slices),
    };
    measured.push({ arm, result, observed, slices: [...(warmth?.slices ?? []), ...slices] });
  }
  return { measured, sliceSeconds };
}

/** Scenarios whose load does not change the number of sessions. */
const STEADY_POPULATION: readonly string[] = ['read', 'update'];

/** Memory of the sessions, which ends them; `undefined` where their number changes under the load. */
async function weighSessionsOf(
  { trial, environment, emptyStoreBytes }: Arm,
  { config }: BlockRun,
): Promise<Observed['held']> {
  if (!STEADY_POPULATION.includes(trial.scenario) || config.expiring !== undefined) return undefined;
  const storeBytes = difference(await environment.service?.dataBytes(), emptyStoreBytes);
  return { serverBytes: await environment.weighSessions(), storeBytes };
}

/** Hits and misses of the window; the tokens are those seen since the start. */
function cacheUse(before: VerifyCacheStats | undefined, after: VerifyCacheStats | undefined) {
  if (before === undefined || after === undefined) return undefined;
  return { ...after, hits: after.hits - before.hits, misses: after.misses - before.misses };
}

function scheduleOf({ config, load }: BlockRun, p99Us: number): { sliceSeconds: number; rounds: number } {
  const { durationSeconds } = config;
  if (load.model === 'revocation') {
    return { sliceSeconds: REVOCATION_IDLE_SECONDS + REVOCATION_GRACE_SECONDS, rounds: 1 };
  }
  if (load.model === 'autocannon') return { sliceSeconds: durationSeconds, rounds: 1 };
  const wished = Math.ceil((SLICE_P99S * p99Us) / 10_000) / 100;
  const bounded = Math.min(MAX_SLICE_SECONDS, Math.max(MIN_SLICE_SECONDS, wished));
  const inTurns = Math.min(bounded, durationSeconds / MIN_ROUNDS);
  const sliceSeconds = Math.min(durationSeconds, config.sliceSeconds ?? inTurns);
  return { sliceSeconds, rounds: Math.max(1, Math.round(durationSeconds / sliceSeconds)) };
}

function statsOf(arms: readonly Arm[]) {
  return Promise.all(arms.map((arm) => arm.environment.stats()));
}

async function watchIdle(arms: readonly Arm[]): Promise<Map<Arm, IdleRate>> {
  const before = arms.map(readCpu);
  await setTimeout(IDLE_MS);
  return new Map(
    arms.map((arm, index) => [arm, idleRate(before[index] as ReturnType<typeof readCpu>, readCpu(arm))]),
  );
}

/** Idle CPU of servers, balancer and service together, per second. */
function idleNs(rate: IdleRate | undefined): number | undefined {
  if (rate === undefined || rate.servers.includes(undefined)) return undefined;
  const parts = [...rate.servers, rate.balancer, rate.store];
  return parts.reduce<number>((sum, part) => sum + (part ?? 0), 0);
}
