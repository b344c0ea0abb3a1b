import { groupBy } from '../results/blocks.ts';
import { isLineOf, type SeriesLine } from '../results/kept-lines.ts';
import { isUsable } from '../results/row.ts';
import { type Format, fixed } from '../results/shown.ts';
import { whole } from '../results/text.ts';
import { median } from '../stats/median.ts';
import type { Series } from './chart.ts';
import type { Figure, Palette } from './figure.ts';
import { nameOf } from './figures.ts';
import { turnsTable } from './over-time.ts';
import type { Part, PartArm } from './parts.ts';

/** A load second by second, where something was done to the site while it lasted. */

interface Followed {
  title: string;
  label: string;
  of: (line: SeriesLine) => number | undefined;
  format: Format;
  /** Left out where it is 0 throughout. */
  isOptional?: true;
}

const FOLLOWED: readonly Followed[] = [
  {
    ...{ title: 'Requests answered', label: '% of those due', format: fixed(1) },
    of: ({ offered, refused, lost }) =>
      offered === 0 ? undefined : (100 * (offered - refused - lost)) / offered,
  },
  {
    ...{ title: 'Requests refused', label: 'per second', format: whole, isOptional: true },
    of: ({ refused }) => refused,
  },
  {
    ...{ title: 'Requests lost', label: 'per second', format: whole, isOptional: true },
    of: ({ lost }) => lost,
  },
  {
    ...{
      title: 'Logged-in clients answered as logged out',
      label: 'per second',
      format: whole,
      isOptional: true,
    },
    of: ({ denied }) => denied,
  },
  {
    ...{ title: 'Answers that showed another session, or one that had ended', label: 'per second' },
    ...{ format: whole, isOptional: true },
    of: ({ wrong }) => wrong,
  },
  {
    ...{ title: 'Response time, p95', label: 'ms', format: fixed(1) },
    of: ({ p95_us: us }) => (us === undefined ? undefined : us / 1000),
  },
];

/** One figure for each count that occurred, and one of the response times; none where no seconds are kept. */
export function seriesFigures(part: Part, palette: Palette): Figure[] {
  const rows = part.rows.filter((row) => row.operation === 'all' && isUsable(row));
  const own = part.source.series.filter((line) => rows.some((row) => isLineOf(line, row)));
  if (own.length === 0) return [];
  const remarks = ['Requests count in the second in which they were due; of several blocks the median.'];
  return FOLLOWED.flatMap(({ title, label, of, format, isOptional }) => {
    if (isOptional === true && own.every((line) => of(line) === 0)) return [];
    const series = part.arms.map((arm): Series => {
      return { name: nameOf(arm), color: palette.get(nameOf(arm)) ?? 1, points: pointsOf(arm, own, of) };
    });
    return [
      {
        title: `${title}, second by second`,
        alternative: `${title}, ${label}, of each arm in each second of the load. ${eventsText(own)} The table has the figures.`,
        chart: {
          kind: 'lines' as const,
          x: { label: 'second of the load', scale: 'linear' as const },
          y: { label, scale: 'linear' as const },
          series,
          hasMarks: true,
        },
        remarks: [eventsText(own), ...remarks],
        tables: [
          {
            caption: `${title}, ${label}, in each second`,
            layout: turnsTable('second', series, format),
            isFolded: true,
          },
        ],
      },
    ];
  });
}

function pointsOf(arm: PartArm, own: readonly SeriesLine[], of: Followed['of']): Series['points'] {
  const lines = own.filter((line) => line.arm === arm.arm);
  return groupBy(lines, ({ second }) => String(second)).flatMap((same) => {
    const y = median(same.flatMap((line) => of(line) ?? []));
    return y === undefined ? [] : [{ x: same[0]?.second ?? 0, y }];
  });
}

/** What was done in which second, of the first arm and block that says. */
function eventsText(own: readonly SeriesLine[]): string {
  const [first] = own;
  const lines = own.filter((line) => line.arm === first?.arm && line.started_at === first?.started_at);
  const texts = lines.flatMap(({ second, events = [] }) =>
    events.map((what) => `${what} in second ${second}`),
  );
  return `Done to it: ${texts.join(', ')}.`;
}
