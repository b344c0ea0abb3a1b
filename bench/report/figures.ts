import { CONTROL } from '../../stores/registry.ts';
import { usableRows } from '../results/blocks.ts';
import { cpuUs, isCpuKnown, type Figure as RankedFigure } from '../results/figures.ts';
import { armText } from '../results/groups.ts';
import { closedLoopTitle } from '../results/layout.ts';
import { isOfSpeed, type Row } from '../results/row.ts';
import {
  type Format,
  fixed,
  intervalText,
  milliseconds,
  overControl,
  type Shown,
  shown,
  shownCentre,
} from '../results/shown.ts';
import { type Layout, whole } from '../results/text.ts';
import { completeMedian } from '../stats/median.ts';
import type { ArmRow, IntervalChart } from './chart.ts';
import type { Figure } from './figure.ts';
import { isResponseTime, type Part, type PartArm } from './parts.ts';

/** The figures of one part that have one value for each arm. Values and texts are those of the tables of a run. */

const tenths = fixed(1);
export const INTERVAL_REMARK =
  'A dot is the Hodges–Lehmann estimate over the blocks, its line the 95 % interval. Intervals include what a block does to all arms alike: that two overlap says nothing. The sentences above say what differs.';
const FAILURE_REMARK =
  'From the second of the fault on. A login is lost when no server knows it after the load, and wrong is an answer as another user, or as nobody to a session that lived. Nothing here is a speed, and nothing is ranked.';
const FEW_BLOCKS = 'No intervals: they take 12 blocks in which the arms took turns.';

export const nameOf = ({ rows: [row = {}] }: PartArm) => armText(row);

/** The figures of a part, in the order of a page; those that its rows lack are absent. */
export function armFigures(part: Part): Figure[] {
  const tables = tablesOf(part);
  if (part.axes.scenario === 'revocation') return [revocation(part, tables.costs)];
  if (part.axes.scenario === 'failure')
    return [tableOnly('What the clients met', tables.costs, FAILURE_REMARK)];
  return [
    ...(isCpuKnown(part.axes) ? [cost(part, tables.costs), overControlFigure(part)] : []),
    ...loadFigures(part, tables.load),
    ...(isCpuKnown(part.axes) ? [split(part, tables.parts)] : []),
  ].filter((figure) => figure !== undefined);
}

type Tables = Figure['tables'];

/** The tables of a part as its run prints them, by what they show. Libraries have tables of their own. */
function tablesOf({ axes, layout }: Part): Record<'costs' | 'load' | 'parts', Tables> {
  const kinds = !isOfSpeed(axes)
    ? (['costs'] as const)
    : isCpuKnown(axes)
      ? (['costs', 'load', 'parts'] as const)
      : (['load'] as const);
  const found: Record<'costs' | 'load' | 'parts', { caption: string; layout: Layout }[]> = {
    costs: [],
    load: [],
    parts: [],
  };
  const captions = {
    costs: isOfSpeed(axes) ? 'cost of a request' : 'what the clients met',
    load: 'under load',
    parts: 'of which',
  };
  for (const [index, { title, table }] of layout.tables.entries()) {
    const kind = kinds[index % kinds.length] as (typeof kinds)[number];
    found[kind].push({ caption: title ?? captions[kind], layout: table });
  }
  return found;
}

/** One row of a chart for each usable arm whose figure is known. */
function rowsOf(
  part: Part,
  figureOf: (arm: PartArm) => Shown | undefined,
  format: Format,
  unit = '',
): IntervalChart['rows'] {
  return part.arms
    .filter(({ isUsable }) => isUsable)
    .flatMap((arm) => {
      const known = figureOf(arm);
      if (known === undefined) return [];
      const text = [`${format(known.value)}${unit}`, intervalText(known, format)].filter((one) => one !== '');
      return [{ name: nameOf(arm), text: text.join(' '), ...known }];
    });
}

const ofRows = (of: RankedFigure['of']) => (arm: PartArm) => shownCentre(arm.rows, of);

function intervals(
  title: string,
  label: string,
  mark: 'dot' | 'bar',
  rows: IntervalChart['rows'],
  tables: Tables,
  remarks: readonly string[] = [],
): Figure | undefined {
  if (rows.length === 0) return undefined;
  const isShown = rows.some(({ interval }) => interval !== undefined);
  return {
    title,
    alternative: alternativeOf(`${title}, ${label}`, rows),
    chart: { kind: 'intervals', label, mark, rows },
    remarks: [...remarks, isShown ? INTERVAL_REMARK : FEW_BLOCKS],
    tables,
  };
}

const alternativeOf = (title: string, rows: readonly ArmRow[]) =>
  `${title}: ${rows.map(({ name, text }) => `${name} ${text}`).join('; ')}.`;

function cost(part: Part, tables: Tables): Figure | undefined {
  const rows = rowsOf(part, ofRows(cpuUs), tenths);
  return intervals('CPU per request', 'µs of CPU of servers and store, per request', 'dot', rows, tables);
}

/** The price of the session: net of the control. */
function overControlFigure(part: Part): Figure | undefined {
  const usable = usableRows(part.rows);
  const net = (arm: PartArm) => overControl(arm.rows, usable);
  const rows = rowsOf(part, net, tenths);
  const arms = part.arms.filter((arm) => arm.isUsable && net(arm) !== undefined);
  const layout: Layout = {
    headings: ['backend', 'over\ncontrol', '95 %'],
    alignments: ['left', 'right', 'left'],
    lines: arms.map((arm) => [nameOf(arm), shown(net(arm)?.value, tenths), intervalText(net(arm), tenths)]),
  };
  const title = 'Net CPU per request: the price of the session';
  return intervals(
    title,
    `µs over ${CONTROL.name}, the control`,
    'dot',
    rows,
    [{ caption: 'net CPU, µs per request', layout }],
    [`The difference to ${CONTROL.name}, the same endpoints without any session, within each block.`],
  );
}

function loadFigures(part: Part, tables: Tables): (Figure | undefined)[] {
  if (!isResponseTime(part)) {
    const rows = rowsOf(
      part,
      ofRows((row) => row.rps_ok),
      whole,
    );
    const title = `Throughput ${closedLoopTitle(part.axes)}`;
    return [intervals(title, 'correct replies per second', 'bar', rows, tables)];
  }
  const median = rowsOf(
    part,
    ofRows((row) => row.lat_p50_us),
    milliseconds,
  );
  const tail = rowsOf(
    part,
    ofRows((row) => row.lat_p99_us),
    milliseconds,
  );
  const inMs = (rows: IntervalChart['rows']) =>
    rows.map(({ interval, ...row }) => ({
      ...row,
      value: row.value / 1000,
      ...(interval === undefined ? {} : { interval: [interval[0] / 1000, interval[1] / 1000] as const }),
    }));
  const noTail = tail.length === 0 ? tables : [];
  return [
    intervals('Response time, median', 'ms from when a request was due', 'dot', inMs(median), noTail),
    intervals('Response time, p99', 'ms from when a request was due', 'dot', inMs(tail), tables),
    ...(median.length + tail.length === 0
      ? [
          tableOnly(
            'Under load',
            tables,
            'Response times are empty: requests were sent late, or were too few.',
          ),
        ]
      : []),
  ];
}

const tableOnly = (title: string, tables: Tables, remark: string): Figure => ({
  title,
  alternative: '',
  chart: undefined,
  remarks: [remark],
  tables,
});

const PARTS = [
  ['servers', 'cpu_us_per_req_server'],
  ['store', 'cpu_us_per_req_store'],
  ['balancer', 'cpu_us_per_req_balancer'],
] as const;

/** Names of the parts of a cost, in the order of their colours. */
function split(part: Part, tables: Tables): Figure | undefined {
  const rows = part.arms
    .filter(({ isUsable }) => isUsable)
    .flatMap((arm) => {
      const medians = PARTS.map(([, column]) => completeMedian(arm.rows.map((row: Row) => row[column])));
      if (medians.every((value) => value === undefined)) return [];
      const text = PARTS.flatMap(([name], index) => {
        const value = medians[index];
        return value === undefined ? [] : [`${name} ${tenths(value)}`];
      });
      return [
        {
          name: nameOf(arm),
          text: text.join(' · '),
          values: medians.map((value) => Math.max(0, value ?? 0)),
        },
      ];
    });
  if (rows.length === 0) return undefined;
  const used = PARTS.map((_, index) => rows.some(({ values }) => (values[index] ?? 0) > 0));
  return {
    title: 'Where the CPU goes',
    alternative: alternativeOf('µs of CPU per request by process', rows),
    chart: {
      kind: 'stack',
      label: 'µs of CPU per request',
      parts: PARTS.map(([name], index) => (used[index] ? name : undefined)),
      rows,
    },
    remarks: [
      'Medians over the blocks. The figure above is an estimate of the sum of servers and store: its parts do not add up to it exactly.',
    ],
    tables,
  };
}

function revocation(part: Part, tables: Tables): Figure {
  const rows = part.arms
    .filter(({ isUsable }) => isUsable)
    .flatMap((arm) => {
      const value = completeMedian(arm.rows.map((row) => row.revoke_visible_p50_us));
      const worst = completeMedian(arm.rows.map((row) => row.revoke_visible_p99_us));
      if (value === undefined || worst === undefined) return [];
      const text = `${milliseconds(value)}, worst ${milliseconds(worst)}`;
      return [
        { name: nameOf(arm), text, value: value / 1000, interval: [value / 1000, worst / 1000] as const },
      ];
    });
  const title = 'From a logout to the refusal on every server';
  // Some are refused after milliseconds, and a token at the end of its life.
  const scale = rows.every(({ value }) => value > 0) ? 'log' : 'linear';
  return {
    title,
    alternative: alternativeOf(`${title}, ms`, rows),
    chart:
      rows.length === 0
        ? undefined
        : { kind: 'intervals', label: 'ms after the logout was sent', mark: 'dot', scale, rows },
    remarks: [
      'A dot is the median over logins and servers, its line extends to the worst. Medians over the blocks.',
    ],
    tables,
  };
}
