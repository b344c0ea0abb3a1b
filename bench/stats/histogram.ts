import {
  build,
  decodeFromCompressedBase64,
  encodeIntoCompressedBase64,
  type Histogram,
  type JsHistogram,
} from 'hdr-histogram-js';

/** Times in whole microseconds, from 1 µs to 60 s, three significant digits (HdrHistogram). */
export type LatencyHistogram = Histogram;

const MAX_US = 60_000_000;

/** Minimum of samples for which a tail percentile is more than a handful of outliers. */
const SAMPLES_FOR_P99 = 1_000;
const SAMPLES_FOR_P999 = 10_000;
/** Constant arrivals do not add the scatter of the arrivals themselves. */
const SAMPLES_FOR_P999_CONSTANT = 5_000;

export function createHistogram(): LatencyHistogram {
  return build({
    bitBucketSize: 64,
    lowestDiscernibleValue: 1,
    highestTrackableValue: MAX_US,
    numberOfSignificantValueDigits: 3,
    autoResize: false,
  });
}

/** Records one time. Below 1 µs counts as 1, beyond the range as its end. */
export function recordUs(histogram: LatencyHistogram, us: number): void {
  histogram.recordValue(Math.min(Math.max(Math.round(us), 1), MAX_US));
}

/** The summary of one histogram in microseconds; every field is absent when there are too few samples for it. */
export interface LatencySummary {
  min?: number;
  mean?: number;
  p50?: number;
  p75?: number;
  p90?: number;
  p95?: number;
  p99?: number;
  p999?: number;
  max?: number;
}

/** p99 from 1,000 samples on, p99.9 from 10,000, or from 5,000 when the requests came at a constant rate. */
export function summarize(
  histogram: LatencyHistogram,
  { constantArrivals = false }: { constantArrivals?: boolean } = {},
): LatencySummary {
  const count = histogram.totalCount;
  const samplesForP999 = constantArrivals ? SAMPLES_FOR_P999_CONSTANT : SAMPLES_FOR_P999;
  if (count === 0) return {};
  const at = (percentile: number) => histogram.getValueAtPercentile(percentile);
  return {
    min: histogram.minNonZeroValue,
    mean: histogram.mean,
    p50: at(50),
    p75: at(75),
    p90: at(90),
    p95: at(95),
    ...(count < SAMPLES_FOR_P99 ? {} : { p99: at(99) }),
    ...(count < samplesForP999 ? {} : { p999: at(99.9) }),
    max: histogram.maxValue,
  };
}

/** The summary of an encoded histogram; `undefined` without one. */
export function summaryOf(
  text: string | undefined,
  options?: Parameters<typeof summarize>[1],
): LatencySummary | undefined {
  return text === undefined ? undefined : summarize(decodeHistogram(text), options);
}

/**
 * The values of an encoded histogram at these percentiles, microseconds; `undefined` where there are too few samples, as
 * in {@link summarize}: above 95 % below 1,000 samples, above 99 % below 10,000 (5,000 of constant arrivals).
 */
export function percentilesOf(
  text: string,
  percentiles: readonly number[],
  { constantArrivals = false }: { constantArrivals?: boolean } = {},
): (number | undefined)[] {
  const histogram = decodeHistogram(text);
  const count = histogram.totalCount;
  const samplesForP999 = constantArrivals ? SAMPLES_FOR_P999_CONSTANT : SAMPLES_FOR_P999;
  const most = count >= samplesForP999 ? 100 : count >= SAMPLES_FOR_P99 ? 99 : count > 0 ? 95 : 0;
  return percentiles.map((percent) =>
    percent <= most ? histogram.getValueAtPercentile(percent) : undefined,
  );
}

/** The histogram in HdrHistogram's V2 compressed encoding, base64, for any HdrHistogram tool. */
export async function encodeHistogram(histogram: LatencyHistogram): Promise<string> {
  return encodeIntoCompressedBase64(histogram);
}

/** The sum of encoded histograms. */
export function sumOfHistograms(texts: readonly string[]): LatencyHistogram {
  const sum = createHistogram();
  for (const text of texts) sum.add(decodeHistogram(text));
  return sum;
}

export function decodeHistogram(text: string): LatencyHistogram {
  return decodeFromCompressedBase64(text, 64, false);
}

/** The filled buckets, lowest first: the highest time that falls into it, microseconds, and how many did. */
export function bucketsOf(histogram: LatencyHistogram): { us: number; count: number }[] {
  // Without WebAssembly, which is not asked for, every histogram is one of these.
  const { recordedValuesIterator: all } = histogram as JsHistogram;
  const buckets: { us: number; count: number }[] = [];
  all.reset();
  while (all.hasNext()) {
    const { valueIteratedTo, countAddedInThisIterationStep } = all.next();
    buckets.push({ us: valueIteratedTo, count: countAddedInThisIterationStep });
  }
  return buckets;
}
