import { blockKey, groupBy, isInterleaved } from '../results/blocks.ts';
import { cpuUs, isCpuKnown } from '../results/figures.ts';
import { isOpen } from '../results/groups.ts';
import { isLineOf, type SliceLine } from '../results/kept-lines.ts';
import { isOfSpeed, isUsable, type Row } from '../results/row.ts';
import { type Format, fixed, milliseconds, shown } from '../results/shown.ts';
import { type Layout, whole } from '../results/text.ts';
import { median } from '../stats/median.ts';
import type { Series } from './chart.ts';
import type { Figure, Palette } from './figure.ts';
import { nameOf } from './figures.ts';
import type { Part } from './parts.ts';

/** Figures over time: block by block from the rows, and within blocks from the slices that are kept. */

interface Followed {
  title: string;
  label: string;
  of: (row: Row) => number | undefined;
  /** Of the axis, from the unit of the figure. */
  scale: number;
  format: Format;
}

const CPU: Followed = { title: 'CPU per request', label: 'µs of CPU', of: cpuUs, scale: 1, format: fixed(1) };
const RATE: Followed = {
  title: 'Throughput',
  label: 'correct replies per second',
  of: (row) => row.rps_ok,
  scale: 1,
  format: whole,
};
const time = (title: string, of: Followed['of']): Followed => ({
  ...{ title, label: 'ms', of, scale: 1 / 1000, format: milliseconds },
});

/** What is followed of a part. */
function followedIn({ axes }: Part): Followed[] {
  if (!isOfSpeed(axes)) return [];
  const ofLoad = isOpen(axes)
    ? [time('Response time, p99', (row) => row.lat_p99_us)]
    : [RATE, time('Service time, p99', (row) => row.svc_p99_us)];
  return isCpuKnown(axes) ? [CPU, ...ofLoad] : ofLoad;
}

/** The figures of a part over its blocks, in the order of time; none for a single block. */
export function blockFigures(part: Part, palette: Palette): Figure[] {
  const whole = part.rows.filter((row) => row.operation === 'all');
  const blocks = groupBy(whole, blockKey);
  if (blocks.length < 2 || !whole.every(isInterleaved)) return [];
  const dropped = part.blocks.dropped > 0 ? ['A cross is an arm in a block that was dropped.'] : [];
  return followedIn(part).flatMap(({ title, label, of, scale, format }) => {
    const usable = new Set(part.arms.flatMap(({ rows, isUsable: isOwn }) => (isOwn ? rows : [])));
    const pointOf = (row: Row, index: number) => {
      const value = of(row);
      return value === undefined ? [] : [{ x: index + 1, y: value * scale }];
    };
    const series = part.arms.map((arm): Series => {
      const points = blocks.flatMap((rows, index) =>
        rows.filter((row) => row.arm === arm.arm && usable.has(row)).flatMap((row) => pointOf(row, index)),
      );
      return { name: nameOf(arm), color: palette.get(nameOf(arm)) ?? 1, points };
    });
    if (series.every(({ points }) => points.length === 0)) return [];
    const crosses = blocks.flatMap((rows, index) =>
      rows.filter((row) => !usable.has(row)).flatMap((row) => pointOf(row, index)),
    );
    const layout: Layout = {
      headings: ['block', 'started,\nUTC', ...part.arms.map(nameOf)],
      alignments: ['right', 'left', ...part.arms.map(() => 'right' as const)],
      lines: blocks.map((rows, index) => [
        String(index + 1),
        clockOf(rows[0]?.started_at),
        ...part.arms.map(({ arm }) => {
          const row = rows.find((one) => one.arm === arm);
          const text = row === undefined ? '' : shown(of(row), format);
          return text !== '' && row !== undefined && !usable.has(row) ? `${text} (dropped)` : text;
        }),
      ]),
    };
    return [
      {
        title: `${title}, block by block`,
        alternative: `${title} of each arm in each of ${blocks.length} blocks, in the order of time; the table has the figures.`,
        chart: {
          kind: 'lines' as const,
          x: { label: 'block', scale: 'linear' as const },
          y: { label, scale: 'linear' as const },
          series,
          hasMarks: true,
          crosses,
        },
        remarks: dropped,
        tables: [{ caption: `${title}, ${label}, in each block`, layout, isFolded: true }],
      },
    ];
  });
}

const clockOf = (startedAt = '') => /T(\d\d:\d\d:\d\d)/.exec(startedAt)?.[1] ?? '';

/** What is followed within blocks, from a slice; the first whose slices all know it. */
interface Sliced {
  title: string;
  label: string;
  of: (line: SliceLine) => number | undefined;
  format: Format;
}

const SLICED_RATE: Sliced = {
  ...{ title: 'replies per second', label: 'replies per second', format: whole },
  of: ({ completed, seconds }) => completed / seconds,
};

/** Slices of a low rate have too few replies for a p99. */
const slicedTimes = (what: string): Sliced[] =>
  (['p99', 'p95'] as const).map((name) => ({
    ...{ title: `${what}, ${name}`, label: 'ms', format: fixed(2) },
    of: (line) => inMs(line[`${name}_us`]),
  }));

const inMs = (us: number | undefined) => (us === undefined ? undefined : us / 1000);

/**
 * Replies per second and their times slice by slice, the warm-up before 0: at each turn the median over the valid blocks.
 * None where no slices are kept, and where those of several groups have the same blocks, which the lines of earlier
 * versions do not tell apart; no times where the slices are of a version that kept none.
 */
export function sliceFigures(part: Part, palette: Palette): Figure[] {
  const placeOf = (one: Pick<Row, 'block' | 'order_index' | 'arm'>) =>
    JSON.stringify([one.block, one.order_index, one.arm]);
  const usable = part.rows.filter((row) => row.operation === 'all' && isUsable(row));
  const places = new Map(usable.map((row) => [placeOf(row), row]));
  const own = part.source.slices.filter((line) => {
    const row = places.get(placeOf(line));
    return row !== undefined && isLineOf(line, row) && line.seconds > 0;
  });
  const turnOf = ({ phase, round, ...line }: SliceLine) => `${placeOf(line)} ${phase} ${round}`;
  if (own.length === 0 || new Set(own.map(turnOf)).size < own.length) return [];
  const what = isOpen(part.axes) ? 'response time' : 'service time';
  // In an open loop the warm-up begins with a closed one.
  const times = slicedTimes(what).find(({ of }) => own.every((line) => of(line) !== undefined));
  return [SLICED_RATE, ...(times === undefined ? [] : [times])].map((sliced) =>
    slicedFigure(part, palette, own, sliced),
  );
}

function slicedFigure(
  part: Part,
  palette: Palette,
  own: readonly SliceLine[],
  { title, label, of, format }: Sliced,
): Figure {
  const series = part.arms.map((arm): Series => {
    const lines = own.filter((line) => line.arm === arm.arm);
    const turns = groupBy(lines.flatMap(withTurn(lines, of)), ({ turn }) => String(turn));
    const points = turns.map((same) => ({
      x: same[0]?.turn ?? 0,
      y: median(same.map(({ value }) => value)) ?? 0,
    }));
    return {
      name: nameOf(arm),
      color: palette.get(nameOf(arm)) ?? 1,
      points: points.sort((a, b) => a.x - b.x),
    };
  });
  const caption = `${title} in each slice${label === 'ms' ? ', ms' : ''}`;
  return {
    title: `Within a block: ${title}, slice by slice`,
    alternative: `${title} of each arm over its slices, the warm-up before 0; the table has the figures.`,
    chart: {
      kind: 'lines',
      x: { label: 'slice; the warm-up before 0', scale: 'linear' },
      y: { label, scale: 'linear' },
      series,
      hasMarks: false,
    },
    remarks: ['At each turn the median over the valid blocks.'],
    tables: [{ caption, layout: turnsTable('slice', series, format), isFolded: true }],
  };
}

/** Turns as a reader counts them: measured ones from 1, those of the warm-up backwards from 0, as blocks differ in it. */
function withTurn(lines: readonly SliceLine[], of: Sliced['of']) {
  const last = new Map<string, number>();
  for (const { block, phase, round } of lines)
    if (phase === 'warm-up') last.set(block, Math.max(last.get(block) ?? 0, round));
  return (line: SliceLine) => {
    const { block, phase, round } = line;
    const turn = phase === 'measured' ? round : round - (last.get(block) ?? round);
    const value = of(line);
    return value === undefined ? [] : [{ turn, value }];
  };
}

/** The points of lines as a table, one line for each place on their axis. */
export function turnsTable(heading: string, series: readonly Series[], format: Format): Layout {
  const turns = [...new Set(series.flatMap(({ points }) => points.map(({ x }) => x)))].sort((a, b) => a - b);
  return {
    headings: [heading, ...series.map(({ name }) => name)],
    alignments: ['right', ...series.map(() => 'right' as const)],
    lines: turns.map((turn) => [
      String(turn),
      ...series.map(({ points }) => shown(points.find(({ x }) => x === turn)?.y, format)),
    ]),
  };
}
