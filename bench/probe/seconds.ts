import type { SliceLoop } from '../load/slice-loop.ts';
import type { LatencyHistogram } from '../stats/histogram.ts';
import { type ProbeSecond, SECOND_COUNTS, type SecondCounts } from './job.ts';

/** Reports of each second of a load, from its begin on. */
export interface Seconds {
  /** Reports what has happened since the last report, if anything has, and ends. */
  end(): void;
}

/** A second that ends this close to the end of the load is reported with it. */
const NEAR_END_MS = 100;

/**
 * Their counts add up to those of the whole load. What is due at its end may take longer: seconds are reported until
 * `end`. Counts are compared with those before, and the times are in `recent`, so a report costs the same in each hour.
 */
export function startSeconds(
  loop: Pick<SliceLoop, 'look'>,
  recent: LatencyHistogram,
  loadSeconds: number,
  report: (second: ProbeSecond) => void,
): Seconds {
  const startMs = performance.now();
  let before = sumOf(loop);
  let beforeMs = startMs;
  let ordinal = 0;
  let timer: NodeJS.Timeout;
  recent.reset();

  function take(): void {
    const nowMs = performance.now();
    const now = sumOf(loop);
    const { inFlight, waiting } = loop.look();
    report({
      endSeconds: (nowMs - startMs) / 1000,
      seconds: (nowMs - beforeMs) / 1000,
      counts: differenceOf(now, before),
      ...timesIn(recent),
      inFlight,
      backlog: waiting,
    });
    recent.reset();
    [before, beforeMs] = [now, nowMs];
  }

  function wait(): void {
    ordinal = Math.max(ordinal + 1, Math.floor((performance.now() - startMs) / 1000) + 1);
    if (Math.abs(ordinal - loadSeconds) * 1000 < NEAR_END_MS) ordinal += 1;
    timer = setTimeout(
      () => {
        take();
        wait();
      },
      startMs + ordinal * 1000 - performance.now(),
    );
  }

  wait();
  return {
    end() {
      clearTimeout(timer);
      if (beforeMs === startMs || SECOND_COUNTS.some((name) => sumOf(loop)[name] !== before[name])) take();
    },
  };
}

function sumOf(loop: Pick<SliceLoop, 'look'>): SecondCounts {
  const { tallies } = loop.look();
  const sums = SECOND_COUNTS.map((name) => [name, tallies.reduce((sum, tally) => sum + tally[name], 0)]);
  return Object.fromEntries(sums) as SecondCounts;
}

function differenceOf(now: SecondCounts, before: SecondCounts): SecondCounts {
  const differences = SECOND_COUNTS.map((name) => [name, now[name] - before[name]]);
  return Object.fromEntries(differences) as SecondCounts;
}

function timesIn(recent: LatencyHistogram): Pick<ProbeSecond, 'p50Us' | 'p99Us'> {
  if (recent.totalCount === 0) return {};
  return { p50Us: recent.getValueAtPercentile(50), p99Us: recent.getValueAtPercentile(99) };
}
