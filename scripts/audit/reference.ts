/** The tables of the README and of docs/results.md, from the rows in results/reference. */

import type { Sentence, Table } from './check.ts';
import { groupBy, needed, numberIn, type Row, readRows } from './rows.ts';
import { centre, type Interval, median, positiveCentre, widened } from './statistics.ts';

const CONTROL = 'none';
/** With fewer live sessions memory per session is not shown. */
const MIN_SESSIONS = 1_000;

/** The name of an arm: the library stands in it where there is one. */
export function armOf(row: Row): string {
  const library = /(?:^|;)lib=([^;]+)/.exec(row['variant'] ?? '')?.[1];
  return library === undefined ? (row['store'] ?? '') : `${row['store']}:lib=${library}`;
}

/** Rows of blocks in which all rows are valid. */
export function usable(path: string): Row[] {
  const rows = readRows(path).filter((row) => row['operation'] === 'all');
  const blocks = groupBy(rows, (row) => row['block'] ?? '');
  return [...blocks.values()].filter((block) => block.every((row) => row['valid'] === 'true')).flat();
}

/** CPU of servers and store for a request, µs. */
export function cpuOf(row: Row): number {
  return needed(row, 'cpu_us_per_req_server') + (numberIn(row, 'cpu_us_per_req_store') ?? 0);
}

/** In the order of the blocks. */
function figures(rows: readonly Row[], arm: string, of: (row: Row) => number): Map<string, number> {
  return new Map(rows.filter((row) => armOf(row) === arm).map((row) => [row['block'] ?? '', of(row)]));
}

function bytesOf(row: Row): number | undefined {
  const server = numberIn(row, 'server_bytes_per_session');
  if (server === undefined || needed(row, 'sessions_live') < MIN_SESSIONS) return undefined;
  return server + (numberIn(row, 'store_bytes_per_session') ?? 0);
}

function medianOf(rows: readonly Row[], of: (row: Row) => number | undefined): number | undefined {
  const values = rows.map(of);
  return values.includes(undefined) ? undefined : median(values as number[]);
}

/** The cost of every arm; in a closed loop its throughput and service times follow under the same name. */
function costLines(path: string, isClosed: boolean): Map<string, (number | undefined)[]> {
  const rows = usable(path);
  const control = figures(rows, CONTROL, cpuOf);
  return new Map(
    [...groupBy(rows, armOf)].map(([arm, own]) => {
      const cpu = own.map(cpuOf);
      const over = own.map((row) => cpuOf(row) - (control.get(row['block'] ?? '') ?? Number.NaN));
      const costs = [
        ...positiveCentre(cpu),
        arm === CONTROL ? undefined : centre(over)[0],
        medianOf(own, (row) => numberIn(row, 'store_commands_per_req')),
        medianOf(own, bytesOf),
      ];
      if (!isClosed) return [arm, costs];
      const rate = positiveCentre(own.map((row) => needed(row, 'rps_ok')));
      const times = ['svc_p50_us', 'svc_p99_us'].map((name) =>
        medianOf(own, (row) => needed(row, name) / 1000),
      );
      return [arm, [...costs, ...rate, ...times]];
    }),
  );
}

/** `A 1.31× [1.27, 1.35] less CPU per request than B`, of which later ones leave out the figure. */
const RATIO = /(\S+) ([\d.]+)× \[([\d.]+), ([\d.]+)\] (less|more)(?: [\w ]+?)? than ([^\s;]+)/g;

function ratioSentences(path: string, block: string): Sentence[] {
  const rows = usable(path);
  const all = block.match(/×/g)?.length ?? 0;
  const found = [...block.matchAll(RATIO)].map(
    ([text, arm = '', times = '', low = '', high = '', word, other = '']) => {
      const of = word === 'less' ? cpuOf : (row: Row) => needed(row, 'rps_ok');
      const [own, others] = [figures(rows, arm, of), figures(rows, other, of)];
      const logs = [...own].map(([name, figure]) => {
        const log = Math.log(figure / (others.get(name) ?? Number.NaN));
        return word === 'less' ? -log : log;
      });
      const [estimate, lower, upper]: Interval = widened(centre(logs), logs);
      return { text, published: [times, low, high], numbers: [estimate, lower, upper].map(Math.exp) };
    },
  );
  if (found.length !== all) throw new Error(`expected ${all} ratios in the sentences, read ${found.length}`);
  return found;
}

/** How warm the rows of a run are: rows, those `unproven`, `cold`, with a negative trend, and its median, in %. */
function warmth(path: string): number[] {
  const rows = usable(path);
  const ended = (how: string) => rows.filter((row) => row['warmup_end'] === how).length;
  const trends = rows.map((row) => needed(row, 'cpu_trend_measured_pct'));
  return [
    rows.length,
    ended('unproven'),
    ended('cold'),
    trends.filter((trend) => trend < 0).length,
    median(trends),
  ];
}

/** Blocks that were valid, and all. */
function blockCounts(path: string): number[] {
  return [usable(path), readRows(path)].map((rows) => new Set(rows.map((row) => row['block'])).size);
}

/** The paragraph on both runs in docs/measurement.md. */
function warmthLine(): number[] {
  return [...warmth(CLOSED), ...blockCounts(EQUAL_LOAD), ...warmth(EQUAL_LOAD)];
}

const CLOSED = 'results/reference/read-1-server.csv';
const EQUAL_LOAD = 'results/reference/read-1-server-equal-load.csv';
const THREE_SERVERS = 'results/reference/ranking-3-servers.csv';
const SECOND_DAY = 'results/reference/read-1-server-second-day.csv';
const OTHER_PROCESSOR = 'results/reference/read-1-server-amd.csv';
const EARLIER = 'results/reference/read-1-server-equal-load-earlier.csv';

const table = (name: string, path: string, isClosed: boolean): Table => ({
  document: 'docs/results.md',
  name,
  lines: () => costLines(path, isClosed),
  sentences: (block) => ratioSentences(path, block),
});

/** CPU per request of two runs of the same flags, and the ratio of the later to the earlier. */
function twice(paths: readonly [earlier: string, later: string]): Map<string, number[]> {
  const [earlier, later] = paths.map(usable) as [Row[], Row[]];
  const costOf = (rows: readonly Row[], arm: string) =>
    positiveCentre([...figures(rows, arm, cpuOf).values()])[0];
  return new Map(
    [...groupBy(later, armOf).keys()].map((arm) => {
      const [before, after] = [costOf(earlier, arm), costOf(later, arm)];
      return [arm, [before, after, after / before]];
    }),
  );
}

/** Cost over the control with its interval, and throughput. */
function firstScreen(): Map<string, (number | undefined)[]> {
  const rows = usable(CLOSED);
  const control = figures(rows, CONTROL, cpuOf);
  return new Map(
    [...groupBy(rows, armOf)].map(([arm, own]) => {
      const over = own.map((row) => cpuOf(row) - (control.get(row['block'] ?? '') ?? Number.NaN));
      const [rate] = positiveCentre(own.map((row) => needed(row, 'rps_ok')));
      return [arm, arm === CONTROL ? [rate] : [...centre(over), rate]];
    }),
  );
}

export const REFERENCE_TABLES: readonly Table[] = [
  { document: 'README.md', name: 'first-screen', lines: firstScreen },
  table('closed-loop', CLOSED, true),
  table('equal-load', EQUAL_LOAD, false),
  table('three-servers', THREE_SERVERS, true),
  { document: 'docs/results.md', name: 'second-day', lines: () => twice([CLOSED, SECOND_DAY]) },
  { document: 'docs/results.md', name: 'second-processor', lines: () => twice([CLOSED, OTHER_PROCESSOR]) },
  { document: 'docs/results.md', name: 'hours', lines: () => twice([EARLIER, EQUAL_LOAD]) },
  { document: 'docs/measurement.md', name: 'warmth', lines: () => new Map([['', warmthLine()]]) },
];
