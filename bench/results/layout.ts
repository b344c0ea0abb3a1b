import { completeMedian } from '../stats/median.ts';
import { blockKey, usableRows } from './blocks.ts';
import { cpuUs, type Figure, isCpuKnown } from './figures.ts';
import { armText, byArmAndOperation, groupsOf, isOpen, type RowGroup } from './groups.ts';
import { notesOf } from './notes.ts';
import { isOfSpeed, type NumberColumn, type Row } from './row.ts';
import {
  type Format,
  fixed,
  intervalText,
  milliseconds,
  overControl,
  shown,
  shownCentre,
  shownRows,
} from './shown.ts';
import { type Layout, whole } from './text.ts';

/** One group of a run: its tables, each but the first with a heading, and footnotes that the first table refers to. */
export interface GroupLayout {
  title: string;
  tables: { title: string | undefined; table: Layout }[];
  notes: string[];
}

/** One column: heading with its unit, and its text for the blocks of an arm. */
interface ColumnSpec {
  heading: string;
  text: (rows: readonly Row[], group: readonly Row[]) => string;
  align?: 'left';
  /** Omitted when every cell is empty. */
  optional?: boolean;
}

/** Headings that are left out on a narrow screen, the least important first; an interval goes before its figure. */
const DISPENSABLE = [
  ...['distinct\ntokens', 'cache\nhits, %', '95 %', 'bytes/\nsession', 'store\ntrips'],
  'store ms\naway',
];

const tenths = fixed(1);
const mebibytes = (bytes: number) => whole(bytes / 2 ** 20);
const hundredths = fixed(2);

/** Median over the blocks; empty when one of them lacks it, which would make it incomparable with the others. */
const medianOf = (heading: string, of: NumberColumn | Figure['of'], format: Format): ColumnSpec => ({
  heading,
  text: (rows) => shown(completeMedian(rows.map(typeof of === 'string' ? (row) => row[of] : of)), format),
});

/** A figure that ranks arms: the estimate that the ranking uses, with its interval from 12 blocks on. */
function centred(heading: string, of: Figure['of'], format: Format): ColumnSpec[] {
  return [
    { heading, text: (rows) => shown(shownCentre(rows, of)?.value, format) },
    {
      heading: '95 %',
      text: (rows) => intervalText(shownCentre(rows, of), format),
      align: 'left',
      optional: true,
    },
  ];
}

/** Cost of an arm over the control, within blocks. */
const OVER_CONTROL: ColumnSpec = {
  heading: 'over\ncontrol',
  optional: true,
  text: (rows, group) => shown(overControl(rows, group)?.value, tenths),
};

/** With fewer sessions, other memory dominates. */
export const MIN_SESSIONS = 1_000;

/** Memory of the sessions in servers and service. */
function bytesPerSession(row: Row): number | undefined {
  const {
    server_bytes_per_session: server,
    store_bytes_per_session: store,
    sessions_live: sessions = 0,
  } = row;
  if (server === undefined || sessions < MIN_SESSIONS) return undefined;
  return store === undefined && row.pool_size !== undefined ? undefined : server + (store ?? 0);
}

/** Cost of a request: the figures that are compared. */
const COSTS: readonly ColumnSpec[] = [
  ...centred('CPU µs\n/request', cpuUs, tenths),
  OVER_CONTROL,
  { ...medianOf('store\ntrips', 'store_commands_per_req', hundredths), optional: true },
  { ...medianOf('store ms\naway', 'store_rtt_p50_us', milliseconds), optional: true },
  { ...medianOf('touches', 'touches_per_req', hundredths), optional: true },
  { ...medianOf('bytes/\nsession', bytesPerSession, whole), optional: true },
  { ...medianOf('cache\nhits, %', 'verify_cache_hit_pct', tenths), optional: true },
  { ...medianOf('distinct\ntokens', 'distinct_tokens', whole), optional: true },
];

/** In a closed loop latency is service time on a saturated machine, and throughput is its capacity. */
const CLOSED: readonly ColumnSpec[] = [
  ...centred('ok/s', (row) => row.rps_ok, whole),
  medianOf('p50 ms', 'svc_p50_us', milliseconds),
  medianOf('p99 ms', 'svc_p99_us', milliseconds),
];

const OPEN: readonly ColumnSpec[] = [
  medianOf('ok/s', 'rps_ok', whole),
  ...centred('p50 ms', (row) => row.lat_p50_us, milliseconds),
  ...centred('p99 ms', (row) => row.lat_p99_us, milliseconds),
];

/** `--wide`: the parts of CPU and memory. */
const PARTS: readonly ColumnSpec[] = [
  medianOf('servers\nµs CPU', 'cpu_us_per_req_server', tenths),
  medianOf('balancer\nµs CPU', 'cpu_us_per_req_balancer', tenths),
  medianOf('store\nµs CPU', 'cpu_us_per_req_store', tenths),
  medianOf('generator\nµs CPU', 'cpu_us_per_req_generator', tenths),
  medianOf('servers\nMiB', 'rss_server_bytes', mebibytes),
  medianOf('store\nMiB', 'rss_store_bytes', mebibytes),
];

/** Of the service where there is one, else of the servers. */
const bytesOf = (store: NumberColumn, server: NumberColumn) => (row: Row) =>
  row[row.pool_size === undefined ? server : store];

/** What sessions that expire in the measured time cost, and what is left of them. */
const EXPIRY: readonly ColumnSpec[] = [
  medianOf('p99 ms\nbefore', 'p99_before_expiry_us', milliseconds),
  medianOf('p99 ms\nfrom then', 'p99_in_expiry_us', milliseconds),
  medianOf('servers\nCPU ms', 'expiry_cpu_ms_server', whole),
  medianOf('store\nCPU ms', 'expiry_cpu_ms_store', whole),
  medianOf('MiB\nheld', bytesOf('expiring_store_bytes', 'expiring_server_bytes'), mebibytes),
  medianOf('MiB\nfreed', bytesOf('freed_store_bytes', 'freed_server_bytes'), mebibytes),
  medianOf('left\n%', 'expired_left_pct', tenths),
  medianOf('swept\nafter s', 'expired_swept_s', tenths),
];

const REVOCATION: readonly ColumnSpec[] = [
  medianOf('refused after\np50, ms', 'revoke_visible_p50_us', milliseconds),
  medianOf('refused after\nworst, ms', 'revoke_visible_p99_us', milliseconds),
  medianOf('accepted after\nlogout', 'stale_accepts', whole),
];

const FAILURE: readonly ColumnSpec[] = [
  medianOf('answered\n%', 'availability_pct', hundredths),
  medianOf('worst\nsecond, %', 'worst_second_pct', tenths),
  medianOf('errors\nfor, s', 'trouble_s', tenths),
  { ...medianOf('after the\nrepair, s', 'recover_s', tenths), optional: true },
  medianOf('wrong\nanswers', 'wrong_answers', whole),
  medianOf('logins', 'logins', whole),
  medianOf('logins\nlost', 'logins_lost', whole),
  medianOf('logouts', 'logouts', whole),
  medianOf('logouts\nundone', 'logouts_undone', whole),
];

const LIMIT: ColumnSpec = {
  heading: 'limit',
  text: (rows) => mostCommon(rows.map(({ bottleneck = '' }) => bottleneck)),
  align: 'left',
};

/** Above the figures of a closed loop, which show the capacity of the machine and not a user's waiting time. */
export function closedLoopTitle({ connections }: Row): string {
  return `at ${connections} in flight, box full`;
}

/**
 * The tables of a run, for each group of arms that share everything else. Pure. @param wide with the parts of the
 * costs.
 */
export function layOutRun(rows: readonly Row[], wide = false): GroupLayout[] {
  return groupsOf(rows).map((group) => layOutGroup(group, wide));
}

function layOutGroup({ title, rows }: RowGroup, wide: boolean): GroupLayout {
  const [row = {}] = rows;
  const usable = usableRows(rows);
  const blocks = new Set(usable.map(blockKey)).size;
  const allArms = byArmAndOperation(rows, !isOfSpeed(row));
  const arms = allArms.map((sameArm) => shownRows(sameArm, usable));
  const { ofArms, ofAll } = notesOf(allArms);
  const notes = [...new Set(ofArms.flat()), ...ofAll];
  const references: ColumnSpec = {
    heading: '',
    text: (own) =>
      (ofArms[arms.indexOf(own as Row[])] ?? []).map((note) => `[${notes.indexOf(note) + 1}]`).join(''),
    align: 'left',
  };
  const asked = columnsOf(row, wide);
  const section = (own: readonly (readonly Row[])[], title: string | undefined): GroupLayout['tables'] =>
    asked.map(([heading, columns], index) => {
      const [first, shown] = index === 0 ? [title, [...columns, references]] : [undefined, columns];
      return { title: first ?? heading, table: layOutTable(own, shown, arms.flat()) };
    });
  const own = arms.filter((rows) => !isLibrary(rows));
  const libraries = arms.filter(isLibrary);
  const tables = [
    ...(own.length === 0 ? [] : section(own, undefined)),
    ...(libraries.length === 0 ? [] : section(libraries, LIBRARIES)),
  ];
  const over = blocks < 2 ? '' : `, ${blocks} blocks`;
  const marks = ofAll.map((note) => ` [${notes.indexOf(note) + 1}]`).join('');
  return { title: `${title}${over}${marks}`, tables, notes };
}

/** Above the tables of libraries. */
const LIBRARIES = 'what people run: libraries at their defaults';

const isLibrary = ([row]: readonly Row[]) => row?.library_versions !== undefined;

/** The tables of a group, each with its heading. */
function columnsOf(row: Row, wide: boolean): [heading: string | undefined, columns: readonly ColumnSpec[]][] {
  if (row.scenario === 'revocation') return [[undefined, REVOCATION]];
  if (row.scenario === 'failure') return [[undefined, FAILURE]];
  const [heading, columns] = isOpen(row) ? ['response times', OPEN] : [closedLoopTitle(row), CLOSED];
  const loaded = [...columns, LIMIT];
  if (!isCpuKnown(row)) return [[heading, loaded]];
  const parts: [string, readonly ColumnSpec[]][] = wide ? [['of which', PARTS]] : [];
  const expiry: typeof parts = row.expiring_sessions === undefined ? [] : [['as sessions expire', EXPIRY]];
  return [[undefined, COSTS], [heading, loaded], ...expiry, ...parts];
}

/** @param group all rows of the group, with the control. */
function layOutTable(
  arms: readonly (readonly Row[])[],
  columns: readonly ColumnSpec[],
  group: readonly Row[],
): Layout {
  const isMixed = group.some((row) => row.operation !== 'all' && isOfSpeed(row));
  const shown = columns
    .map((column) => ({ column, cells: arms.map((rows) => column.text(rows, group)) }))
    .filter(({ column, cells }) => column.optional !== true || cells.some((cell) => cell !== ''));
  const first = ['backend', ...(isMixed ? ['operation'] : [])];
  return {
    headings: [...first, ...shown.map(({ column }) => column.heading)],
    alignments: [...first.map(() => 'left' as const), ...shown.map(({ column }) => column.align ?? 'right')],
    lines: arms.map(([row = {}], index) => [
      armText(row),
      ...(isMixed ? [row.operation ?? ''] : []),
      ...shown.map(({ cells }) => cells[index] as string),
    ]),
    dispensable: DISPENSABLE,
  };
}

/** The text of most blocks; among equals the first. */
function mostCommon(texts: readonly string[]): string {
  const count = (text: string) => texts.filter((one) => one === text).length;
  return texts.reduce((best, text) => (count(text) > count(best) ? text : best), texts[0] ?? '');
}
