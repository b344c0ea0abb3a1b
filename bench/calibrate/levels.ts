import type { SliceRecord } from '../results/slices.ts';
import { CONFIDENCE } from '../stats/levels.ts';
import { median } from '../stats/median.ts';
import { mean, standardDeviation, varianceOf } from '../stats/moments.ts';
import { signedRankEstimate } from '../stats/signed-rank.ts';

/** An estimate and its 95 % interval, as ln ratios; infinite bounds for too few blocks. */
export interface Effect {
  estimate: number;
  lower: number;
  upper: number;
}

/** Where the scatter of CPU per request between two identical arms comes from, and what place and order do to it. */
export interface Levels {
  blocks: number;
  /** Median number of rounds in a block. */
  rounds: number;
  /** Standard deviation of ln(B/A) of one round. */
  slice: number;
  /** What the rounds alone would leave of that in the mean of a block. */
  ofSlices: number;
  /** Between starts of processes, beyond that; 0 when the rounds explain all of it. */
  start: number;
  /** What a slice costs more after one of its own arm than after one of the other. */
  carryOver: Effect;
  /** What a slice costs more in the first place of a round than in the last. */
  place: Effect;
}

/** One block's slices of the two arms. */
export interface TwinSlices {
  base: readonly SliceRecord[];
  head: readonly SliceRecord[];
}

/**
 * Splits the scatter by level: a one-way analysis of variance with random starts, over the blocks. `undefined` below two
 * blocks with two rounds each. Pure.
 *
 * Source: Searle, Casella and McCulloch, Variance Components, 3.6; Kalibera and Jones, ISMM 2013 (levels of repetition).
 */
export function levelsOf(blocks: readonly TwinSlices[]): Levels | undefined {
  const ratios = blocks.map(roundRatios).filter((logs) => logs.length > 1);
  const between = standardDeviation(ratios.map(mean));
  if (between === undefined) return undefined;
  const within = mean(ratios.map((logs) => varianceOf(logs) as number));
  const share = mean(ratios.map((logs) => 1 / logs.length));
  return {
    blocks: ratios.length,
    rounds: median(ratios.map((logs) => logs.length)) as number,
    slice: Math.sqrt(within),
    ofSlices: Math.sqrt(within * share),
    start: Math.sqrt(Math.max(0, between ** 2 - within * share)),
    carryOver: effectOver(blocks, (slice) => {
      return slice.after === undefined ? undefined : slice.after === slice.order_index;
    }),
    place: effectOver(blocks, ({ place }) => place === 0),
  };
}

/** ln(B/A) of CPU per request, round by round. */
function roundRatios({ base, head }: TwinSlices): number[] {
  const costs = new Map(measured(base).map((slice) => [slice.round, costOf(slice)]));
  return measured(head).flatMap((slice) => {
    const [own, other] = [costOf(slice), costs.get(slice.round)];
    return own === undefined || other === undefined ? [] : [own - other];
  });
}

/**
 * Hodges–Lehmann over the blocks of: mean ln cost of the slices that are in, less that of the others, each less the mean
 * of its arm.
 */
function effectOver(
  blocks: readonly TwinSlices[],
  isIn: (slice: SliceRecord) => boolean | undefined,
): Effect {
  const differences = blocks.flatMap(({ base, head }) => {
    const [inside, outside] = [[] as number[], [] as number[]];
    for (const slices of [measured(base), measured(head)]) {
      const costs = slices.map(costOf);
      const centre = mean(costs.filter((cost) => cost !== undefined));
      for (const [index, slice] of slices.entries()) {
        const [cost, where] = [costs[index], isIn(slice)];
        if (cost !== undefined && where !== undefined) (where ? inside : outside).push(cost - centre);
      }
    }
    return inside.length === 0 || outside.length === 0 ? [] : [mean(inside) - mean(outside)];
  });
  const { estimate = 0, lower, upper } = signedRankEstimate(differences, CONFIDENCE);
  return { estimate, lower, upper };
}

const measured = (slices: readonly SliceRecord[]) => slices.filter(({ phase }) => phase === 'measured');

/** ln of CPU per request of servers and store; `undefined` where it is not known. */
function costOf({ cpu_us_server: server, cpu_us_store: store, completed }: SliceRecord): number | undefined {
  if (server === undefined || completed === 0) return undefined;
  return Math.log((server + (store ?? 0)) / completed);
}
