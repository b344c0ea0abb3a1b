import { decodeHistogram, summarize } from '../../stats/histogram.ts';
import { isSteady } from '../../stats/trend.ts';
import type { Arm } from './arms.ts';
import type { CpuReading } from './ledger.ts';
import { readCpu } from './readings.ts';
import { type BlockRun, createTurnTaker, type TurnTaker } from './turns.ts';

/** Whether an arm's CPU per request had settled at the end of the warm-up. */
export interface Steadiness {
  steady: boolean;
  /** Change of CPU per request over the last windows, per cent; `undefined` where it was not examined. */
  trendPct: number | undefined;
}

export interface WarmUp {
  steadiness: ReadonlyMap<Arm, Steadiness>;
  /** Maximum p99 of the arms under this load, microseconds. */
  p99Us: number;
}

/** Number of windows at the end in which a trend is sought. */
const WINDOWS = 12;
const MIN_WINDOW_SECONDS = 0.1;
const MAX_WINDOW_SECONDS = 0.25;
/** While there is a trend, the warm-up continues, up to this many times its length, and at most for this time. */
const MAX_TIMES = 3;
const MAX_SECONDS = 10;
/** Slices of the warm-up, before the length of a slice is known. */
const FIRST_SLICE_SECONDS = 0.125;

/**
 * Loads all arms in turns, untimed, until the CPU per request of none shows a trend over the last windows (3 s of load
 * by default), or the limit is reached. Source: Barrett et al., OOPSLA 2017: a fixed time does not ensure a warm-up.
 */
export async function warmUp(run: BlockRun, onProgress: (text: string) => void): Promise<WarmUp> {
  const { arms, generator, config } = run;
  const seconds = config.warmupSeconds;
  const windowSeconds = Math.min(MAX_WINDOW_SECONDS, Math.max(MIN_WINDOW_SECONDS, seconds / WINDOWS));
  const planned = Math.max(1, Math.round(seconds / windowSeconds));
  const most = Math.max(planned, Math.floor(Math.min(seconds * MAX_TIMES, MAX_SECONDS) / windowSeconds));
  const taker = createTurnTaker(run);
  const costs = new Map(arms.map((arm) => [arm, [] as number[]]));
  let steadiness = new Map<Arm, Steadiness>();
  for (let done = 1; done <= most; done += 1) {
    onProgress(`warming up, ${done} of ${planned}`);
    const cost = await measureWindowCost(run, taker, Math.min(windowSeconds, seconds));
    for (const arm of arms) costs.get(arm)?.push(cost.get(arm) ?? Number.NaN);
    if (done < planned) continue;
    steadiness = new Map(arms.map((arm) => [arm, judge(costs.get(arm) ?? [])]));
    // A short warm-up is not examined: too few windows.
    if (planned < WINDOWS || [...steadiness.values()].every(({ steady }) => steady)) break;
  }
  const results = [];
  for (const arm of arms) results.push(await generator.collect(arm.index));
  const p99s = results.map(({ operations: [all] }) => {
    const summary = all === undefined ? {} : summarize(decodeHistogram(all.histogram));
    return summary.p99 ?? summary.max ?? 0;
  });
  return { steadiness, p99Us: Math.max(...p99s) };
}

/** CPU of servers and service per request of each arm in one window of rounds; `undefined` where it cannot be read. */
async function measureWindowCost(
  run: BlockRun,
  taker: TurnTaker,
  seconds: number,
): Promise<Map<Arm, number | undefined>> {
  const { arms, config } = run;
  const sliceSeconds = Math.min(config.sliceSeconds ?? FIRST_SLICE_SECONDS, seconds);
  const completedBy = (arm: Arm) => taker.of(arm).slices.reduce((sum, slice) => sum + slice.completed, 0);
  const before = new Map(arms.map((arm) => [arm, { cpu: readCpu(arm), completed: completedBy(arm) }]));
  const rounds = Math.max(1, Math.round(seconds / sliceSeconds));
  for (let round = 0; round < rounds; round += 1) await taker.round(sliceSeconds);
  return new Map(
    arms.map((arm) => {
      const { cpu, completed } = before.get(arm) as { cpu: CpuReading; completed: number };
      const requests = completedBy(arm) - completed;
      const [from, to] = [coreNs(cpu), coreNs(readCpu(arm))];
      return [
        arm,
        from === undefined || to === undefined || requests === 0 ? undefined : (to - from) / requests,
      ];
    }),
  );
}

function coreNs({ servers, store }: CpuReading): number | undefined {
  let sum = store ?? 0;
  for (const ns of servers) {
    if (ns === undefined) return undefined;
    sum += ns;
  }
  return sum;
}

function judge(costs: readonly number[]): Steadiness {
  const last = costs.slice(-WINDOWS);
  if (last.length < WINDOWS || last.some(Number.isNaN)) return { steady: true, trendPct: undefined };
  const { steady, slopePct } = isSteady(last);
  return { steady, trendPct: slopePct };
}
