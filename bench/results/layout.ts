import { median } from '../stats/median.ts';
import { isInterleaved, usableRows } from './blocks.ts';
import { centreOf, figuresOf, LEAST_BLOCKS } from './figures.ts';
import { armText, byArmAndOperation, groupsOf, isOpen, type RowGroup } from './groups.ts';
import { notesOf } from './notes.ts';
import type { ColumnName, Row } from './row.ts';
import { whole } from './text.ts';

/** A table before a terminal or Markdown gives it its form. */
export interface Layout {
  headings: readonly string[];
  alignments: readonly ('left' | 'right')[];
  lines: string[][];
}

/** One group of a run: its table, footnotes that the table counts from 1, and its intervals where there are any. */
export interface GroupLayout {
  title: string;
  table: Layout;
  notes: string[];
  intervals: { title: string; table: Layout } | undefined;
}

/** One column: heading with its unit, and the text of a cell. */
interface Shown {
  heading: string;
  column: ColumnName;
  format: (value: number) => string;
  /** Left out when no row has it. */
  optional?: boolean;
}

const milliseconds = (us: number) => (us / 1000).toFixed(us < 10_000 ? 2 : 1);
const tenths = (value: number) => value.toFixed(1);
const mebibytes = (bytes: number) => whole(bytes / 2 ** 20);

/** In an open loop latency is response time, from when a request was due; in a closed one service time is all there is. */
const loadColumns = (open: boolean): readonly Shown[] => [
  { heading: 'ok/s', column: 'rps_ok', format: whole },
  { heading: 'p50\nms', column: open ? 'lat_p50_us' : 'svc_p50_us', format: milliseconds },
  { heading: 'p99\nms', column: open ? 'lat_p99_us' : 'svc_p99_us', format: milliseconds },
  { heading: 'server\nµs CPU', column: 'cpu_us_per_req_server', format: tenths },
  { heading: 'balancer\nµs CPU', column: 'cpu_us_per_req_balancer', format: tenths },
  { heading: 'store\nµs CPU', column: 'cpu_us_per_req_store', format: tenths },
  { heading: 'net\nµs CPU', column: 'cpu_us_per_req_net', format: tenths, optional: true },
  { heading: 'generator\nµs CPU', column: 'cpu_us_per_req_generator', format: tenths },
  { heading: 'store\ntrips', column: 'store_commands_per_req', format: (value) => value.toFixed(2) },
  { heading: 'servers\nMiB', column: 'rss_server_bytes', format: mebibytes },
  { heading: 'store\nMiB', column: 'rss_store_bytes', format: mebibytes },
];

const REVOCATION_COLUMNS: readonly Shown[] = [
  { heading: 'refused after\np50, ms', column: 'revoke_visible_p50_us', format: milliseconds },
  { heading: 'refused after\nworst, ms', column: 'revoke_visible_p99_us', format: milliseconds },
  { heading: 'accepted after\nlogout', column: 'stale_accepts', format: whole },
];

/** The tables of a run, one for each group of arms that share everything else. Pure. */
export function layOutRun(rows: readonly Row[]): GroupLayout[] {
  return groupsOf(rows).map(layOutGroup);
}

function layOutGroup({ title, rows }: RowGroup): GroupLayout {
  const usable = usableRows(rows);
  const blocks = new Set(usable.map((row) => row.block)).size;
  const over = blocks < 2 ? '' : `, medians of ${blocks} blocks`;
  const { table, notes } = layOutTable(rows, usable);
  return { title: `${title}${over}`, table, notes, intervals: layOutIntervals(usable) };
}

function layOutTable(rows: readonly Row[], usable: readonly Row[]): Pick<GroupLayout, 'table' | 'notes'> {
  const isRevocation = rows.some((row) => row.scenario === 'revocation');
  const all = isRevocation ? REVOCATION_COLUMNS : loadColumns(rows.some(isOpen));
  const columns = all.filter(
    ({ optional, column }) => !optional || rows.some((row) => row[column] !== undefined),
  );
  const isMixed = rows.some((row) => row.operation !== 'all') && !isRevocation;
  const arms = byArmAndOperation(rows, isRevocation);
  const { ofArms, ofAll } = notesOf(arms);
  const notes = [...new Set(ofArms.flat()), ...ofAll];
  const lines = arms.map((sameArm, index) => {
    const [row = {}] = sameArm;
    const own = usable.filter((one) => one.arm === row.arm && one.operation === row.operation);
    const shown = own.length === 0 ? sameArm : own;
    const cells = columns.map(({ column, format }) => cellOf(shown, column, format));
    const references = (ofArms[index] ?? []).map((note) => `[${notes.indexOf(note) + 1}]`).join('');
    const operation = isMixed ? [row.operation ?? ''] : [];
    const limit = isRevocation ? [] : [mostCommon(shown.map(({ bottleneck = '' }) => bottleneck))];
    return [armText(row), ...operation, ...cells, ...limit, references];
  });
  const left = (headings: readonly string[]) => headings.map(() => 'left' as const);
  const [first, last] = [
    ['backend', ...(isMixed ? ['operation'] : [])],
    [...(isRevocation ? [] : ['limit']), ''],
  ];
  const table: Layout = {
    headings: [...first, ...columns.map(({ heading }) => heading), ...last],
    alignments: [...left(first), ...columns.map(() => 'right' as const), ...left(last)],
    lines,
  };
  return { table, notes };
}

function cellOf(rows: readonly Row[], column: ColumnName, format: (value: number) => string): string {
  const values = rows.map((row) => row[column]).filter((cell) => typeof cell === 'number');
  // A median over some of the blocks only could stand above one over all of them.
  const value = values.length < rows.length ? undefined : median(values);
  return value === undefined ? '' : format(value);
}

/** The text that most blocks have, the first of equals. */
function mostCommon(texts: readonly string[]): string {
  const count = (text: string) => texts.filter((one) => one === text).length;
  return texts.reduce((best, text) => (count(text) > count(best) ? text : best), texts[0] ?? '');
}

/** Centres with intervals, of arms with enough blocks; `undefined` when none has. */
function layOutIntervals(usable: readonly Row[]): GroupLayout['intervals'] {
  const [first = {}] = usable;
  const figures = usable.every(isInterleaved) ? figuresOf(first) : [];
  let blocks = 0;
  const lines = byArmAndOperation(usable, true).flatMap((sameArm) => {
    if (figures.length === 0 || sameArm.length < LEAST_BLOCKS) return [];
    blocks = Math.max(blocks, sameArm.length);
    const cells = figures.flatMap((figure) => {
      const centre = centreOf(sameArm.map(figure.of).filter((value) => value !== undefined));
      if (centre === undefined || centre.blocks < LEAST_BLOCKS) return ['', ''];
      const text = (value: number) => (value < 1000 ? value.toFixed(1) : whole(value));
      return [text(centre.estimate), `[${text(centre.lower)}, ${text(centre.upper)}]`];
    });
    return [[armText(sameArm[0] ?? {}), ...cells]];
  });
  if (lines.length === 0) return undefined;
  return {
    title: `with 95 % intervals over ${blocks} blocks (Hodges-Lehmann of the logarithms; what a block does to all arms alike is in them)`,
    table: {
      headings: ['backend', ...figures.flatMap(({ label }) => [label, ''])],
      alignments: ['left', ...figures.flatMap(() => ['right', 'left'] as const)],
      lines,
    },
  };
}
