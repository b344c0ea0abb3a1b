import type { Arrivals } from '../config/words.ts';
import { seededRandom } from '../stats/random.ts';

/** The times at which requests become due: one long sequence, cut into slices. */
export interface ArrivalTimes {
  /** Continues at this rate. A new rate starts a new sequence. */
  begin(ratePerSecond: number, arrivals: Arrivals): void;
  /** When the next request is due, in milliseconds after the slice's start. */
  readonly nextMs: number;
  advance(): void;
  /** Ends the slice after this time; later times are relative to that end. */
  end(lengthMs: number): void;
}

/**
 * `constant`: one every 1/rate, from a random moment in the first interval. `poisson`: exponential gaps, as from many
 * independent users. A gap continues across slices, so that the rate is exact however short slices are.
 */
export function createArrivals(seed: number): ArrivalTimes {
  const random = seededRandom(seed);
  let gapMs = 0;
  let kind: Arrivals = 'poisson';
  let nextMs = 0;
  /** Of a value above 0, whose logarithm is finite. */
  const exponential = () => -Math.log(1 - random()) * gapMs;
  return {
    begin(ratePerSecond, arrivals) {
      const wanted = 1000 / ratePerSecond;
      if (wanted === gapMs && arrivals === kind) return;
      gapMs = wanted;
      kind = arrivals;
      nextMs = kind === 'poisson' ? exponential() : random() * gapMs;
    },
    get nextMs() {
      return nextMs;
    },
    advance() {
      nextMs += kind === 'poisson' ? exponential() : gapMs;
    },
    end(lengthMs) {
      nextMs -= lengthMs;
    },
  };
}
