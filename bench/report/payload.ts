import { groupBy, groupKey } from '../results/blocks.ts';
import { cpuUs, type Figure as RankedFigure } from '../results/figures.ts';
import { isOpen } from '../results/groups.ts';
import { isOfSpeed } from '../results/row.ts';
import { type Format, fixed, intervalText, shown, shownCentre } from '../results/shown.ts';
import { type Layout, whole } from '../results/text.ts';
import type { Figure, Palette } from './figure.ts';
import { nameOf } from './figures.ts';
import type { Part, Run } from './parts.ts';

/** Curves over the size of the session, where rows sweep it. */

/** One set of parts that differ in the size of the session alone. */
interface Sweep {
  parts: readonly Part[];
  title: string;
}

/** The curves of a page: within runs that sweep the size, else over runs of one size each. */
export function payloadFigures(
  runs: readonly Run[],
  palette: Palette,
): { title: string; figures: Figure[] }[] {
  return sweepsOf(runs).map(({ parts, title }) => ({
    title,
    figures: [
      curve(
        parts,
        palette,
        'CPU per request by the size of the session',
        'µs of CPU of servers and store',
        cpuUs,
        fixed(1),
      ),
      ...(parts.some(({ axes }) => isOpen(axes))
        ? []
        : [
            curve(
              parts,
              palette,
              'Throughput by the size of the session',
              'correct replies per second',
              (row) => row.rps_ok,
              whole,
            ),
          ]),
    ].filter((figure) => figure !== undefined),
  }));
}

function sweepsOf(runs: readonly Run[]): Sweep[] {
  const parts = runs
    .flatMap((run) => run.parts)
    .filter(({ axes }) => axes.target === undefined && isOfSpeed(axes));
  const keyOf = ({ axes: { payload_bytes: _, ...others } }: Part) => groupKey(others);
  const within = groupBy(parts, (part) => JSON.stringify([part.source.path, part.run.id, keyOf(part)]));
  const swept = within.filter((same) => sizesOf(same).length > 1);
  const single = within.filter((same) => sizesOf(same).length === 1).flat();
  const across = groupBy(single, keyOf).filter(
    (same) => sizesOf(same).length === same.length && same.length > 1,
  );
  const titled = (same: readonly Part[]): Sweep => {
    const count = new Set(same.map(({ run, source }) => `${source.path} ${run.id}`)).size;
    const title = (same[0]?.layout.title ?? '').replace(/, [\d,]+ B\b/, '').replace(/, \d+ blocks?.*$/, '');
    return {
      parts: same,
      title: count > 1 ? `${title}: points of ${count} runs, each at another time` : title,
    };
  };
  return [...swept, ...across].map(titled);
}

const sizesOf = (parts: readonly Part[]) => [...new Set(parts.map(({ axes }) => axes.payload_bytes ?? 0))];

function curve(
  parts: readonly Part[],
  palette: Palette,
  title: string,
  label: string,
  of: RankedFigure['of'],
  format: Format,
): Figure | undefined {
  const sizes = sizesOf(parts).sort((a, b) => a - b);
  const names = [...new Set(parts.flatMap(({ arms }) => arms.map(nameOf)))];
  const at = (name: string, size: number) => {
    const part = parts.find(({ axes }) => axes.payload_bytes === size);
    const arm = part?.arms.find((one) => one.isUsable && nameOf(one) === name);
    return arm === undefined ? undefined : shownCentre(arm.rows, of);
  };
  const series = names.map((name) => ({
    name,
    color: palette.get(name) ?? 1,
    points: sizes.flatMap((size) => {
      const known = at(name, size);
      return known === undefined || size <= 0 ? [] : [{ x: size, y: known.value }];
    }),
  }));
  if (series.every(({ points }) => points.length === 0)) return undefined;
  const layout: Layout = {
    headings: ['backend', ...sizes.map((size) => `${whole(size)} B`)],
    alignments: ['left', ...sizes.map(() => 'right' as const)],
    lines: names.map((name) => [
      name,
      ...sizes.map((size) => {
        const known = at(name, size);
        return [shown(known?.value, format), intervalText(known, format)]
          .filter((text) => text !== '')
          .join(' ');
      }),
    ]),
  };
  return {
    title,
    alternative: `${title}, ${label}: a line for each arm over ${sizes.map((size) => `${whole(size)} B`).join(', ')}; the table has the figures.`,
    chart: {
      kind: 'lines',
      x: { label: 'bytes of session data', scale: 'log' },
      y: { label, scale: 'linear' },
      series,
      hasMarks: true,
    },
    remarks: [
      'Each point is the figure of its own table. A point that is missing could not be measured: a token must fit a cookie.',
    ],
    tables: [{ caption: `${title}, ${label}`, layout }],
  };
}
