import { CONTROL } from '../../stores/registry.ts';
import { CONFIDENCE, MIN_BLOCKS } from '../stats/levels.ts';
import { median } from '../stats/median.ts';
import { signedRankEstimate } from '../stats/signed-rank.ts';
import { blockKey, isInterleaved, usableRows } from './blocks.ts';
import { centreOf, cpuUs, type Figure } from './figures.ts';
import { armText, byArmAndOperation, groupsOf, isOpen, type RowGroup } from './groups.ts';
import { notesOf } from './notes.ts';
import type { ColumnName, Row } from './row.ts';
import { whole } from './text.ts';

/** A table, independent of the format. */
export interface Layout {
  headings: readonly string[];
  alignments: readonly ('left' | 'right')[];
  lines: string[][];
}

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

const milliseconds = (us: number) => (us / 1000).toFixed(us < 10_000 ? 2 : 1);
/** Without the sign of a negative zero. */
const fixed = (digits: number) => (value: number) => value.toFixed(digits).replace(/^-(?=0\.?0*$)/, '');
const tenths = fixed(1);
const mebibytes = (bytes: number) => whole(bytes / 2 ** 20);
const hundredths = fixed(2);

/** Median over the blocks; empty when one of them lacks it, which would make it incomparable with the others. */
const medianOf = (heading: string, column: ColumnName, format: (value: number) => string): ColumnSpec => ({
  heading,
  text(rows) {
    const values = rows.map((row) => row[column]).filter((cell) => typeof cell === 'number');
    const value = values.length < rows.length ? undefined : median(values);
    return value === undefined ? '' : format(value);
  },
});

/** A figure that ranks arms: the estimate that the ranking uses, with its interval from 12 blocks on. */
function centred(heading: string, of: Figure['of'], format: (value: number) => string): ColumnSpec[] {
  const valuesOf = (rows: readonly Row[]) => {
    const values = rows.map(of).filter((value) => value !== undefined);
    return values.length < rows.length ? [] : values;
  };
  const centre = (rows: readonly Row[]) => centreOf(valuesOf(rows));
  const interval = (rows: readonly Row[]) => {
    const known = centre(rows);
    if (known === undefined || known.blocks < MIN_BLOCKS || !rows.every(isInterleaved)) return '';
    return `[${format(known.lower)}, ${format(known.upper)}]`;
  };
  return [
    {
      heading,
      text(rows) {
        // A figure of 0 is valid, but has no logarithm.
        const value = centre(rows)?.estimate ?? median(valuesOf(rows));
        return value === undefined ? '' : format(value);
      },
    },
    { heading: '95 %', text: interval, align: 'left', optional: true },
  ];
}

/** Cost of an arm over the control, within blocks. */
const OVER_CONTROL: ColumnSpec = {
  heading: 'over\ncontrol',
  optional: true,
  text(rows, group) {
    const isWhole = (row: Row) => row.operation === 'all' && isInterleaved(row);
    const controls = group.filter((row) => row.store === CONTROL.name && isWhole(row));
    const control = new Map(controls.map((row) => [blockKey(row), row]));
    const differences = rows.flatMap((row) => {
      const reference = control.get(blockKey(row));
      const [own, other] = [cpuUs(row), reference && cpuUs(reference)];
      return row.store === CONTROL.name || !isWhole(row) || own === undefined || other === undefined
        ? []
        : [own - other];
    });
    const { estimate } = signedRankEstimate(differences, CONFIDENCE);
    return estimate === undefined ? '' : tenths(estimate);
  },
};

/** With fewer sessions, other memory dominates. */
const MIN_SESSIONS = 1_000;

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

const BYTES: ColumnSpec = {
  heading: 'bytes/\nsession',
  optional: true,
  text(rows) {
    const values = rows.map(bytesPerSession).filter((value) => value !== undefined);
    const value = values.length < rows.length ? undefined : median(values);
    return value === undefined ? '' : whole(value);
  },
};

const CACHE: readonly ColumnSpec[] = [
  { ...medianOf('cache\nhits, %', 'verify_cache_hit_pct', tenths), optional: true },
  { ...medianOf('distinct\ntokens', 'distinct_tokens', whole), optional: true },
];

/** Cost of a request: the figures that are compared. */
const COSTS: readonly ColumnSpec[] = [
  ...centred('CPU µs\n/request', cpuUs, tenths),
  OVER_CONTROL,
  { ...medianOf('store\ntrips', 'store_commands_per_req', hundredths), optional: true },
  BYTES,
  ...CACHE,
];

const THROUGHPUT = centred('ok/s', (row) => row.rps_ok, whole);

/** In a closed loop latency is service time on a saturated machine, and throughput is its capacity. */
const CLOSED: readonly ColumnSpec[] = [
  ...THROUGHPUT,
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

const REVOCATION: readonly ColumnSpec[] = [
  medianOf('refused after\np50, ms', 'revoke_visible_p50_us', milliseconds),
  medianOf('refused after\nworst, ms', 'revoke_visible_p99_us', milliseconds),
  medianOf('accepted after\nlogout', 'stale_accepts', whole),
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
  const arms = byArmAndOperation(rows, row.scenario === 'revocation').map((sameArm) => {
    const own = usable.filter(
      (one) => one.arm === sameArm[0]?.arm && one.operation === sameArm[0]?.operation,
    );
    return own.length === 0 ? sameArm : own;
  });
  const { ofArms, ofAll } = notesOf(byArmAndOperation(rows, row.scenario === 'revocation'));
  const notes = [...new Set(ofArms.flat()), ...ofAll];
  const references: ColumnSpec = {
    heading: '',
    text: (own) =>
      (ofArms[arms.indexOf(own as Row[])] ?? []).map((note) => `[${notes.indexOf(note) + 1}]`).join(''),
    align: 'left',
  };
  const table = (columns: readonly ColumnSpec[]) => layOutTable(arms, columns);
  const tables: GroupLayout['tables'] =
    row.scenario === 'revocation'
      ? [{ title: undefined, table: table([...REVOCATION, references]) }]
      : isOpen(row)
        ? [
            { title: undefined, table: table([...COSTS, references]) },
            { title: 'response times', table: table([...OPEN, LIMIT]) },
          ]
        : [
            { title: undefined, table: table([...COSTS, references]) },
            { title: closedLoopTitle(row), table: table([...CLOSED, LIMIT]) },
          ];
  if (wide && row.scenario !== 'revocation') tables.push({ title: 'of which', table: table(PARTS) });
  const over = blocks < 2 ? '' : `, ${blocks} blocks`;
  const marks = ofAll.map((note) => ` [${notes.indexOf(note) + 1}]`).join('');
  return { title: `${title}${over}${marks}`, tables, notes };
}

function layOutTable(arms: readonly (readonly Row[])[], columns: readonly ColumnSpec[]): Layout {
  const group = arms.flat();
  const isMixed = group.some((row) => row.operation !== 'all' && row.scenario !== 'revocation');
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
  };
}

/** The text of most blocks; among equals the first. */
function mostCommon(texts: readonly string[]): string {
  const count = (text: string) => texts.filter((one) => one === text).length;
  return texts.reduce((best, text) => (count(text) > count(best) ? text : best), texts[0] ?? '');
}
