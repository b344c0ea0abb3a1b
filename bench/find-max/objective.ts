import { usage } from '../config/values.ts';
import type { LoadResult, SliceResult } from '../load/job.ts';
import { parseThreshold } from '../results/threshold.ts';
import { type LatencySummary, summaryOf } from '../stats/histogram.ts';

/** The condition: a bound on a percentile of response time. */
export interface Objective {
  text: string;
  /** Field of a latency summary. */
  percentile: keyof LatencySummary;
  boundUs: number;
  /** Formats the value of a trial: `, p99 12.3 ms`; empty without one. */
  format(valueUs: number | undefined): string;
}

/** One trial compared with the objective. */
export interface JudgedTrial {
  holds: boolean;
  /** Response time by the objective's percentile, microseconds; `undefined` with too few samples or a closed loop. */
  value: number | undefined;
  /** Why it does not hold; absent when it does. */
  reason?: string;
  achievedPerSecond: number;
}

/** A rate holds only if this share of the due requests got a correct reply in time, whatever their latency. */
const MIN_ACHIEVED_SHARE = 0.98;

/** `p99<20ms`, spelt as for `--threshold`. @throws BenchError USAGE */
export function parseObjective(text: string): Objective {
  const { field: percentile, below, bound } = parseThreshold(text, '--slo');
  if (percentile === undefined || percentile === 'min' || !below) {
    throw usage(
      'an upper bound on a response time for --slo',
      `"${text}"`,
      "Write for example --slo 'p99<20ms'.",
    );
  }
  const name = percentile === 'p999' ? 'p99.9' : percentile;
  return {
    text,
    percentile,
    boundUs: bound,
    format: (valueUs) => (valueUs === undefined ? '' : `, ${name} ${(valueUs / 1000).toFixed(2)} ms`),
  };
}

/** Compares one trial with the objective. Pure. */
export function judgeTrial(
  objective: Objective,
  ratePerSecond: number | undefined,
  slice: SliceResult,
  result: LoadResult,
): JudgedTrial {
  const [all] = result.operations;
  const ok = all?.ok ?? 0;
  const achievedPerSecond = ok / slice.seconds;
  if (ratePerSecond === undefined || all === undefined)
    return { holds: true, value: undefined, achievedPerSecond };
  const value = summaryOf(all.response ?? all.histogram)?.[objective.percentile];
  const fails = (reason: string) => ({ holds: false, value, reason, achievedPerSecond });
  const wrong = all.completed - ok + all.connErrors + all.timeouts;
  if (wrong > 0) return fails('wrong or missing replies');
  const inTime = all.scheduled - all.dropped - slice.backlogEnd;
  if (inTime < MIN_ACHIEVED_SHARE * all.scheduled) return fails('under 98 % of the rate achieved');
  if (value === undefined) return fails(`too few requests for ${objective.text}`);
  if (value >= objective.boundUs) return fails(objective.text);
  return { holds: true, value, achievedPerSecond };
}
