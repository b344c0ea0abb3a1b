import type { Arrivals } from '../config/words.ts';
import { seededRandom } from '../stats/random.ts';
import type { ArrivalTimes } from './arrivals.ts';

/** A part of an open loop: a rate that stays, or that changes evenly from one to another. */
export interface Stage {
  seconds: number;
  /** Requests due per second at its begin and at its end. */
  fromRps: number;
  toRps: number;
}

/** Requests due in it, on average. */
export const dueIn = ({ seconds, fromRps, toRps }: Stage): number => (seconds * (fromRps + toRps)) / 2;

/** The index of the stage at this time, milliseconds after the begin of the first; the last one after its end. */
export function stageAt(stages: readonly Stage[], ms: number): number {
  let index = 0;
  let endMs = (stages[0]?.seconds ?? 0) * 1000;
  while (ms >= endMs && index < stages.length - 1) {
    index += 1;
    endMs += (stages[index] as Stage).seconds * 1000;
  }
  return index;
}

/**
 * When requests become due over all stages. They are spaced by the number due so far, the integral of the rate, as they
 * are by time at a steady rate (Lewis and Shedler 1979, time scale transformation): `constant` one at every whole number
 * from a random first, `poisson` with exponential gaps of mean 1.
 */
export function createStagedArrivals(
  stages: readonly Stage[],
  kind: Arrivals,
  seed: number,
): Pick<ArrivalTimes, 'nextMs' | 'advance' | 'end'> {
  const random = seededRandom(seed);
  const gap = () => (kind === 'poisson' ? -Math.log(1 - random()) : 1);
  let due = kind === 'poisson' ? gap() : random();
  let index = 0;
  /** Of the stages before that index. */
  let [dueBefore, secondsBefore] = [0, 0];
  let nextMs = timeOfNext();

  function timeOfNext(): number {
    let stage = stages[index];
    while (stage !== undefined && due >= dueBefore + dueIn(stage)) {
      dueBefore += dueIn(stage);
      secondsBefore += stage.seconds;
      index += 1;
      stage = stages[index];
    }
    if (stage === undefined) return Number.POSITIVE_INFINITY;
    return (secondsBefore + secondsUntil(due - dueBefore, stage)) * 1000;
  }

  return {
    get nextMs() {
      return nextMs;
    },
    advance() {
      due += gap();
      nextMs = timeOfNext();
    },
    end: () => undefined,
  };
}

/** After how long this many requests have become due: the root of count = from t + slope t² / 2, stable near slope 0. */
function secondsUntil(count: number, { seconds, fromRps, toRps }: Stage): number {
  if (count === 0) return 0;
  const slope = (toRps - fromRps) / seconds;
  return (2 * count) / (fromRps + Math.sqrt(Math.max(0, fromRps ** 2 + 2 * slope * count)));
}
