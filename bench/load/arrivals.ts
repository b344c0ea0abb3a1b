import { seededRandom } from '../stats/random.ts';
import type { Arrivals } from './job.ts';

/** The times at which requests become due, slice by slice: one long sequence that is cut into slices. */
export interface ArrivalTimes {
  /** Goes on at this rate. Another rate than before begins a new sequence. */
  begin(ratePerSecond: number, arrivals: Arrivals): void;
  /** When the next request is due, milliseconds after the slice's start. */
  readonly nextMs: number;
  advance(): void;
  /** The slice has ended after this long: what comes next is counted from there. */
  end(lengthMs: number): void;
}

/**
 * `constant`: one every 1/rate, from a random moment in the first such interval. `poisson`: exponential gaps, as many
 * independent users make them. Between slices the gap goes on, so that the rate is exact however short slices are.
 */
export function createArrivals(seed: number): ArrivalTimes {
  const random = seededRandom(seed);
  let gapMs = 0;
  let kind: Arrivals = 'poisson';
  let nextMs = 0;
  /** From a value above 0, whose logarithm is finite. */
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
