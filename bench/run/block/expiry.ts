import type { Config } from '../../config/config.ts';
import { lifetimesOf } from '../../config/lifetimes.ts';
import { memoryBytesOf } from '../../environment/machine/cpu.ts';
import { difference, sumOf } from '../../environment/sums.ts';
import type { Observed } from '../../results/observed.ts';
import type { SliceRecord } from '../../results/slices.ts';
import { summarize, sumOfHistograms } from '../../stats/histogram.ts';
import type { Arm } from './arms.ts';
import type { BlockRun, TurnSlice, TurnTaker } from './turns.ts';

/** The sessions of `--expiring`: made after the warm-up, and watched while they expire. */
export interface ExpiryWatch {
  /** Loads the arm, untimed, until the measured time should begin, so that they expire in its middle. */
  approach(taker: TurnTaker, sliceSeconds: number): Promise<void>;
  /** Before each round of the measured time. */
  look(): Promise<void>;
  /** At the end of the load, with the slices of its rounds. */
  end(slices: readonly TurnSlice[], records: readonly SliceRecord[]): Promise<Observed['expiry']>;
}

/** Between two counts of what the store holds. */
const COUNT_EVERY_MS = 1_000;
/** By so much of the sessions a count must fall to be a fall: stores estimate. */
const FALL_SHARE = 0.01;

/** What is held at a moment. */
interface Held {
  serverBytes: number | undefined;
  storeBytes: number | undefined;
  count: number | undefined;
}

async function readHeld({ pids, environment }: Arm): Promise<Held> {
  return {
    serverBytes: memoryBytesOf(pids.server),
    storeBytes: await environment.service?.dataBytes(),
    count: await environment.countSessions(),
  };
}

/** Makes the sessions; `undefined` in a run without them. Its block has one arm. */
export async function fillExpiring(
  { arms: [arm], config, generator }: BlockRun,
  onProgress: (text: string) => void,
): Promise<ExpiryWatch | undefined> {
  if (arm === undefined || config.expiring === undefined) return undefined;
  const { idleSeconds = 0 } = lifetimesOf(config);
  onProgress(`making ${config.expiring} sessions that expire`);
  const empty = await readHeld(arm);
  const startMs = performance.now();
  await generator.fill(arm.index);
  const filledMs = performance.now();
  const full = await readHeld(arm);
  const firstMs = startMs + idleSeconds * 1000;
  const lastMs = filledMs + idleSeconds * 1000;
  const roundStarts: number[] = [];
  let lookedMs = Number.NEGATIVE_INFINITY;
  let share: number | undefined;
  let fellMs: number | undefined;

  const leftShare = (count: number | undefined) => {
    const [left, made] = [difference(count, empty.count), difference(full.count, empty.count)];
    return left === undefined || made === undefined || made <= 0 ? undefined : Math.max(0, left / made);
  };

  return {
    async approach(taker, sliceSeconds) {
      const beginMs = firstMs - halfMs(config);
      while (performance.now() < beginMs) {
        onProgress(`waiting, ${Math.ceil((beginMs - performance.now()) / 1000)} s`);
        await taker.round(sliceSeconds);
      }
      await generator.collect(arm.index);
    },
    async look() {
      const nowMs = performance.now();
      roundStarts.push(nowMs);
      if (nowMs - lookedMs < COUNT_EVERY_MS) return;
      lookedMs = nowMs;
      const before = share;
      share = leftShare(await arm.environment.countSessions());
      const fall = difference(before, share);
      if (nowMs >= firstMs && fall !== undefined && fall > FALL_SHARE) fellMs = nowMs;
    },
    async end(slices, records) {
      const endMs = performance.now();
      const now = await readHeld(arm);
      return {
        ...judgeExpiry({ slices, records, roundStarts, firstMs, lastMs, endMs }),
        held: {
          serverBytes: difference(full.serverBytes, empty.serverBytes),
          storeBytes: difference(full.storeBytes, empty.storeBytes),
        },
        freed: {
          serverBytes: difference(full.serverBytes, now.serverBytes),
          storeBytes: difference(full.storeBytes, now.storeBytes),
        },
        leftShare: leftShare(now.count),
        sweptSeconds: fellMs === undefined ? undefined : Math.max(0, fellMs - lastMs) / 1000,
      };
    },
  };
}

const halfMs = ({ durationSeconds }: Config) => (durationSeconds / 2) * 1000;

/** The slices of one arm, whose rounds follow one another, and when sessions expired. Times of `performance.now()`. */
interface Timeline {
  slices: readonly Pick<TurnSlice, 'round' | 'times'>[];
  /** Of the same slices. */
  records: readonly Pick<SliceRecord, 'completed' | 'cpu_us_server' | 'cpu_us_store'>[];
  roundStarts: readonly number[];
  firstMs: number;
  lastMs: number;
  endMs: number;
}

/** What differs between the slices before the first expiry and those from then on; that in which it falls is neither. */
export function judgeExpiry({ slices, records, roundStarts, firstMs, lastMs, endMs }: Timeline) {
  const part = (isIn: (round: number) => boolean): Part => {
    const indices = slices.flatMap(({ round }, index) => (isIn(round) ? [index] : []));
    return {
      times: indices.flatMap((index) => slices[index]?.times ?? []),
      records: indices.flatMap((index) => records[index] ?? []),
    };
  };
  const before = part((round) => (roundStarts[round] ?? endMs) <= firstMs);
  const during = part((round) => (roundStarts[round - 1] ?? endMs) >= firstMs);
  const p99Of = ({ times }: Part) => summarize(sumOfHistograms(times)).p99;
  return {
    hasTimeBefore: before.records.length > 0,
    hasAllExpired: lastMs <= endMs,
    p99BeforeUs: p99Of(before),
    p99InUs: p99Of(during),
    extraUs: {
      server: extraUs(before, during, (one) => one.cpu_us_server),
      store: extraUs(before, during, (one) => one.cpu_us_store),
    },
  };
}

/** Slices of a part of the measured time. */
interface Part {
  /** Encoded histograms. */
  times: readonly string[];
  records: Timeline['records'];
}

/** What a part used beyond what as many requests cost in the part before it; `undefined` where that is not known. */
function extraUs(
  before: Part,
  during: Part,
  cpuOf: (record: Part['records'][number]) => number | undefined,
): number | undefined {
  const completed = ({ records }: Part) => records.reduce((sum, one) => sum + one.completed, 0);
  const [cost, used] = [sumOf(before.records.map(cpuOf)), sumOf(during.records.map(cpuOf))];
  if (cost === undefined || used === undefined || completed(before) === 0) return undefined;
  return used - (cost / completed(before)) * completed(during);
}
