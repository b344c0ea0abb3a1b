import { HOST } from '../../environment/machine/host.ts';
import type { Warmth } from '../../results/observed.ts';
import type { SliceRecord } from '../../results/slices.ts';
import { decodeHistogram, summarize } from '../../stats/histogram.ts';
import type { Arm } from './arms.ts';
import { recordSlices } from './slice-records.ts';
import { watchSteal } from './steal.ts';
import { type BlockRun, createTurnTaker, type TurnTaker } from './turns.ts';
import { COLD_WINDOWS, EXTENSION, MIN_WINDOWS, WARM_REQUESTS, warmthOf } from './warmth.ts';
import { createWindows, type Windows } from './windows.ts';

export interface WarmUp {
  /** Empty where the load is not a stream of requests. */
  warmth: ReadonlyMap<Arm, Warmth & { slices: readonly SliceRecord[] }>;
  /** Maximum p99 of the arms under this load, microseconds. */
  p99Us: number;
}

const LEAST_WINDOWS = COLD_WINDOWS + MIN_WINDOWS;
const MIN_WINDOW_SECONDS = 0.1;
const MAX_WINDOW_SECONDS = 0.25;
/** Slices of the warm-up, before the length of a slice is known. */
const FIRST_SLICE_SECONDS = 0.125;

/**
 * Loads all arms in turns, untimed, until every arm is warm: each of its servers has had {@link WARM_REQUESTS}, and CPU
 * per request is even, which is shown by equivalence and not by a trend that was missed in the noise. `--warmup` bounds
 * the time of each arm, up to twice that while one of them shows a trend, or while a hypervisor gives the processors to
 * others, for what is measured then would be dropped. What is not warm by the end is cold. Under a rate, the requests
 * come from a closed loop first, which is faster, and the open loop may go on to twice the bound to be judged. Source: Barrett et al., OOPSLA 2017: a fixed time does not ensure a warm-up.
 */
export async function warmUp(run: BlockRun, onProgress: (text: string) => void): Promise<WarmUp> {
  const { arms, generator, config, load } = run;
  const limit = config.warmupSeconds;
  const wished = Math.max(MIN_WINDOW_SECONDS, limit / LEAST_WINDOWS);
  const windowSeconds = Math.min(limit || MAX_WINDOW_SECONDS, MAX_WINDOW_SECONDS, wished);
  const count = load.model === 'revocation' ? 1 : Math.max(1, Math.floor(limit / windowSeconds));
  const most = limit === 0 ? 0 : count;
  const sliceSeconds = Math.min(config.sliceSeconds ?? FIRST_SLICE_SECONDS, windowSeconds);
  const records = new Map(arms.map((arm) => [arm, [] as SliceRecord[]]));
  const steal = watchSteal(HOST);
  let done = 0;

  /** @param isChanging whether the phase goes on beyond its bound. */
  async function phase(
    taker: TurnTaker,
    isOver: (windows: Windows) => boolean,
    isChanging: (windows: Windows) => boolean = () => false,
  ): Promise<Windows> {
    const windows = createWindows(arms, taker);
    const isNeeded = () => steal.isTaken() || (!isOver(windows) && (done < most || isChanging(windows)));
    for (; done < EXTENSION * most && isNeeded(); done += 1) {
      onProgress(`warming up, ${(done * windowSeconds).toFixed(0)} of at most ${limit} s`);
      const rounds = Math.max(1, Math.round(windowSeconds / sliceSeconds));
      for (let round = 0; round < rounds; round += 1) await taker.round(sliceSeconds);
      windows.close();
      steal.look();
    }
    await taker.settle();
    for (const arm of arms) records.get(arm)?.push(...recordSlices(arm, 'warm-up', taker.of(arm)));
    return windows;
  }

  const requests = new Map(arms.map((arm) => [arm, 0]));
  if (load.model === 'open') {
    const taker = createTurnTaker({ ...run, load: { model: 'closed' } });
    await phase(taker, () => arms.every((arm) => perServer(arm, taker) >= WARM_REQUESTS));
    for (const arm of arms) requests.set(arm, perServer(arm, taker));
    // Its latencies are not those of the rate.
    for (const arm of arms) await generator.collect(arm.index);
    done = Math.min(done, most - 1);
  }
  const taker = createTurnTaker(run);
  const judge = (arm: Arm, windows: Windows) =>
    warmthOf(windows.costsOf(arm), (requests.get(arm) ?? 0) + perServer(arm, taker));
  const windows = await phase(
    taker,
    (so) => so.count >= LEAST_WINDOWS && arms.every((arm) => judge(arm, so).state === 'warm'),
    // Of the open loop there are windows enough to judge, however long the closed one before it took.
    (so) => (load.model === 'open' && so.count < LEAST_WINDOWS) || arms.some((arm) => !judge(arm, so).steady),
  );
  const warmth = new Map(
    // Of a site whose CPU is unknown, whether it is warm is unknown too.
    arms.filter(isJudged).map((arm) => {
      const slices = records.get(arm) ?? [];
      const seconds = slices.reduce((sum, slice) => sum + slice.seconds, 0);
      return [arm, { ...judge(arm, windows), seconds, slices }];
    }),
  );
  return { warmth: load.model === 'revocation' ? new Map() : warmth, p99Us: await slowestP99(run) };
}

const isJudged = ({ trial }: Arm) => trial.site === undefined;

/** Requests that each server of the arm has had in the turns so far. */
function perServer(arm: Arm, taker: TurnTaker): number {
  const completed = taker.of(arm).slices.reduce((sum, slice) => sum + slice.completed, 0);
  return completed / Math.max(1, arm.trial.servers);
}

async function slowestP99({ arms, generator }: BlockRun): Promise<number> {
  const p99s: number[] = [];
  for (const arm of arms) {
    const [all] = (await generator.collect(arm.index)).operations;
    const summary = all === undefined ? {} : summarize(decodeHistogram(all.histogram));
    p99s.push(summary.p99 ?? summary.max ?? 0);
  }
  return Math.max(...p99s);
}
