import { BenchError, messageOf } from '../errors.ts';
import { isOpen } from '../results/groups.ts';
import { type HistogramLine, isKeyed, isLineOf } from '../results/kept-lines.ts';
import type { NumberColumn, Row } from '../results/row.ts';
import { milliseconds, shown } from '../results/shown.ts';
import { percentilesOf, summaryOf } from '../stats/histogram.ts';
import { completeMedian } from '../stats/median.ts';
import type { Series } from './chart.ts';
import type { Figure, Palette } from './figure.ts';
import { nameOf } from './figures.ts';
import type { Part, PartArm } from './parts.ts';

/** Latency as a distribution: at each percentile the median over the blocks, which is what the tables print. */

const COLUMNS = ['p50', 'p75', 'p90', 'p95', 'p99', 'p999'] as const;
const PERCENTS = { p50: 50, p75: 75, p90: 90, p95: 95, p99: 99, p999: 99.9 } as const;
/** Percentiles of a curve from a histogram. */
const GRID = [
  1, 2.5, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55, 60, 65, 70, 75, 80, 85, 90, 92.5, 95, 96, 97, 98, 99,
  99.5, 99.9,
];

/** The distribution of latency of a part's arms; `undefined` when no row knows it. */
export function latencyFigure(part: Part, palette: Palette): Figure | undefined {
  const kind = isOpen(part.axes) ? 'lat' : 'svc';
  const arms = part.arms.filter(({ isUsable }) => isUsable);
  const known = arms.filter((arm) => medianOf(arm, `${kind}_p50_us`) !== undefined);
  if (known.length === 0) return undefined;
  const find = histogramFinder(part.source.histograms, kind);
  let fromRows = 0;
  const series = known.map((arm): Series => {
    const texts = arm.rows.map(find);
    const points = texts.every((text) => text !== undefined)
      ? curveOf(texts, part.axes.load_model === 'open-constant')
      : undefined;
    if (points === undefined) fromRows += 1;
    const color = palette.get(nameOf(arm)) ?? 1;
    return { name: nameOf(arm), color, points: points ?? pointsOf(arm, kind) };
  });
  const what = kind === 'lat' ? 'Response time' : 'Service time';
  const label =
    kind === 'lat' ? 'ms from when a request was due' : 'ms from sending a request to its whole reply';
  const lines = known.map((arm) => [
    nameOf(arm),
    ...COLUMNS.map((name) => shown(medianOf(arm, `${kind}_${name}_us`), milliseconds)),
  ]);
  return {
    title: `${what}: how many requests were answered within a time`,
    alternative: `Distribution of ${what.toLowerCase()}, ms at p50 and p99: ${lines.map((line) => `${line[0]} ${line[1]} and ${line[5] || 'unknown'}`).join('; ')}.`,
    chart: {
      kind: 'lines',
      x: { label, scale: 'log' },
      y: { label: '% of requests', scale: 'linear', domain: [0, 100] },
      series,
      hasMarks: fromRows > 0,
    },
    remarks: [
      'At each percentile the median over the blocks.',
      ...(kind === 'svc'
        ? ['In a closed loop this is service time on a full box, not what a user waits at a given rate.']
        : []),
      ...(fromRows > 0
        ? ['No histograms are kept beside the rows: the marks are the percentiles that the rows have.']
        : []),
    ],
    tables: [
      {
        caption: `${what.toLowerCase()}, ms`,
        layout: {
          headings: ['backend', 'p50', 'p75', 'p90', 'p95', 'p99', 'p99.9'],
          alignments: ['left', ...COLUMNS.map(() => 'right' as const)],
          lines,
        },
      },
    ],
  };
}

const medianOf = ({ rows }: PartArm, column: NumberColumn) => completeMedian(rows.map((row) => row[column]));

/** The percentiles that rows have, for those without histograms. */
function pointsOf(arm: PartArm, kind: 'lat' | 'svc'): Series['points'] {
  return COLUMNS.flatMap((name) => {
    const us = medianOf(arm, `${kind}_${name}_us`);
    return us === undefined || us <= 0 ? [] : [{ x: us / 1000, y: PERCENTS[name] }];
  });
}

function curveOf(texts: readonly string[], constantArrivals: boolean): Series['points'] {
  const blocks = texts.map((text) => percentilesOf(text, GRID, { constantArrivals }));
  return GRID.flatMap((percent, index) => {
    const us = completeMedian(blocks.map((values) => values[index]));
    return us === undefined || us <= 0 ? [] : [{ x: us / 1000, y: percent }];
  });
}

/**
 * Finds the histogram of a row. A line of an earlier version does not tell groups and attempts at a block apart: it must
 * agree with the row's own figures.
 */
function histogramFinder(
  lines: readonly HistogramLine[],
  kind: 'lat' | 'svc',
): (row: Row) => string | undefined {
  const keyOf = (one: Pick<Row, 'block' | 'order_index' | 'arm' | 'operation'>) =>
    JSON.stringify([one.block, one.order_index, one.arm, one.operation]);
  const byKey = new Map<string, HistogramLine[]>();
  for (const line of lines) byKey.set(keyOf(line), [...(byKey.get(keyOf(line)) ?? []), line]);
  return (row) =>
    byKey.get(keyOf(row))?.find((line) => {
      const summary = readable(line.histogram);
      if (isKeyed(line)) return isLineOf(line, row);
      return summary?.p50 === row[`${kind}_p50_us`] && summary?.max === row[`${kind}_max_us`];
    })?.histogram;
}

function readable(histogram: string): ReturnType<typeof summaryOf> {
  try {
    return summaryOf(histogram);
  } catch (cause) {
    throw new BenchError({
      code: 'CSV_INVALID',
      expected: 'encoded histograms in the .histograms.jsonl beside the rows',
      got: `${messageOf(cause)} in "${histogram.slice(0, 20)}…"`,
      remedy: 'Restore the file, or move it away: the page is made without it.',
      cause,
    });
  }
}
