/** The tables of docs/scale.md, from the rows in results/. */

import type { Table } from './check.ts';
import { armOf, cpuOf, usable } from './reference.ts';
import { needed, type Row, readRows } from './rows.ts';
import { median, positiveCentre } from './statistics.ts';

const DOCUMENT = 'docs/scale.md';
const FULL = 'results/reference/read-1-server.csv';
const LITTLE = 'results/reference/read-1-server-equal-load-earlier.csv';
const LATER = 'results/reference/read-1-server-equal-load.csv';
const THREE = 'results/reference/read-3-servers-sticky.csv';
const CONTROL = 'none';
const ARMS = [
  CONTROL,
  'memory',
  'redis',
  'postgres',
  'jwt:lib=jsonwebtoken',
  'jwt:lib=fast-jwt',
  'jwt-blacklist:lib=fast-jwt',
];
const STORES = ['redis', 'postgres', 'jwt-blacklist:lib=fast-jwt'];

type Cost = (row: Row) => number;
const serverOf: Cost = (row) => needed(row, 'cpu_us_per_req_server');
const storeOf: Cost = (row) => needed(row, 'cpu_us_per_req_store');
const generatorOf: Cost = (row) => needed(row, 'cpu_us_per_req_generator');

/** What a request costs, and how many a server handles in one turn of its loop. */
interface Point {
  us: number;
  perTurn: number;
}

const costOf = (rows: readonly Row[], cost: Cost) => positiveCentre(rows.map(cost))[0];

function pointOf(rows: readonly Row[], cost: Cost): Point {
  if (rows.length === 0) throw new Error('expected rows, got none');
  return { us: costOf(rows, cost), perTurn: median(rows.map((row) => needed(row, 'reqs_per_loop_turn'))) };
}

const rowsOf = (path: string, arm: string) => usable(path).filter((row) => armOf(row) === arm);

/** Cost = own + turn / requests per turn, through the two points that every prediction is made from. */
interface Model {
  own: number;
  turn: number;
}

function modelOf(arm: string, cost: Cost): Model {
  const [full, little] = [pointOf(rowsOf(FULL, arm), cost), pointOf(rowsOf(LITTLE, arm), cost)];
  const turn = (little.us - full.us) / (1 / little.perTurn - 1 / full.perTurn);
  return { own: full.us - turn / full.perTurn, turn };
}

const predicted = ({ own, turn }: Model, perTurn: number) => own + turn / perTurn;
const off = (prediction: number, measured: number) => 100 * (prediction / measured - 1);

/** Both points, the two terms, and what one processor of servers carries at either end. */
function modelLines(): Map<string, number[]> {
  return new Map(
    ARMS.map((arm) => {
      const model = modelOf(arm, serverOf);
      const [full, little] = [pointOf(rowsOf(FULL, arm), serverOf), pointOf(rowsOf(LITTLE, arm), serverOf)];
      const figures = [full.us, full.perTurn, little.us, little.perTurn, model.own, model.turn];
      return [arm, [...figures, 1e6 / full.us, 1e6 / little.us]];
    }),
  );
}

/** Prediction of servers and store together, measurement, deviation; then the same of the ratio to the control. */
function heldOutLine(arm: string, rows: readonly Row[], control: readonly Row[] | undefined): number[] {
  const measured = pointOf(rows, cpuOf);
  const prediction = predicted(modelOf(arm, cpuOf), measured.perTurn);
  const own = [prediction, measured.us, off(prediction, measured.us)];
  if (control === undefined || arm === CONTROL) return own;
  const base = pointOf(control, cpuOf);
  const ratio = prediction / predicted(modelOf(CONTROL, cpuOf), base.perTurn);
  const seen = measured.us / base.us;
  return [...own, ratio, seen, off(ratio, seen)];
}

const valid = (path: string) =>
  readRows(path).filter((row) => row['operation'] === 'all' && row['valid'] === 'true');
const unchanged = (path: string) => valid(path).filter((row) => row['arm'] === 'wait-0us');
/** The closed loops of the gates of one commit, in the hours after the rows that the model is made from. */
const GATES = Array.from({ length: 20 }, (_, index) => index + 1).map(
  (number) => `results/proof/campaign/${String(number).padStart(3, '0')}-base.csv`,
);
const ofGates = (store: string) =>
  GATES.flatMap(valid).filter(
    (row) =>
      row['store'] === store && row['pass'] === 'capacity' && row['git_sha']?.startsWith('aee80db') === true,
  );

function heldOutLines(): Map<string, number[]> {
  const later = ARMS.map((arm): [string, number[]] => [
    `${arm}, 1,900/s, two hours later`,
    heldOutLine(arm, rowsOf(LATER, arm), rowsOf(LATER, CONTROL)),
  ]);
  const gates = [CONTROL, 'redis'].map((store): [string, number[]] => [
    `${store}, 32 connections, two to four hours later`,
    heldOutLine(store, ofGates(store), ofGates(CONTROL)),
  ]);
  return new Map([
    ['none, 6,700/s', heldOutLine(CONTROL, unchanged('results/proof/ladder-equal-load.csv'), undefined)],
    [
      'none, 32 connections, full',
      heldOutLine(CONTROL, unchanged('results/proof/ladder-awake.csv'), undefined),
    ],
    ...gates,
    ...later,
  ]);
}

/** Ratios to the control: by one server, by three on another machine, and the deviation. */
function threeLines(): Map<string, number[]> {
  const three = (arm: string) =>
    costOf(
      usable(THREE).filter((row) => row['store'] === arm.replace(/:.*/, '')),
      cpuOf,
    );
  const one = (arm: string) => costOf(rowsOf(FULL, arm), cpuOf);
  return new Map(
    ['memory', 'redis', 'postgres', 'jwt:lib=jsonwebtoken'].map((arm) => {
      const [prediction, measured] = [one(arm) / one(CONTROL), three(arm) / three(CONTROL)];
      return [arm, [prediction, measured, off(prediction, measured)]];
    }),
  );
}

/** µs of a read in the store, full and with little load; reads/s of one processor at either; servers' processors for it. */
function kneeLines(): Map<string, number[]> {
  return new Map(
    STORES.map((arm) => {
      const [full, little] = [FULL, LITTLE].map((path) => costOf(rowsOf(path, arm), storeOf)) as [
        number,
        number,
      ];
      return [arm, [full, little, 1e6 / full, 1e6 / little, costOf(rowsOf(FULL, arm), serverOf) / full]];
    }),
  );
}

/** µs of a request in the generator, requests/s of one processor, processors of it for each of the servers'. */
function generatorLines(): Map<string, number[]> {
  return new Map(
    ARMS.map((arm) => {
      const rows = rowsOf(FULL, arm);
      const [own, servers] = [costOf(rows, generatorOf), costOf(rows, serverOf)];
      return [arm, [own, 1e6 / own, own / servers]];
    }),
  );
}

const GENERATOR = 'results/proof/costs/generator-scale.csv';

/** By number of sessions: seconds to log in, MiB then, at the peak and after reads; then both loads. */
function sessionLines(): Map<string, number[]> {
  const rows = readRows(GENERATOR);
  const mebibytes = (row: Row, column: string) => needed(row, column) / 2 ** 20;
  return new Map(
    rows.map((row) => [
      needed(row, 'sessions').toLocaleString('en-US'),
      [
        needed(row, 'login_seconds'),
        ...['bytes_after_login', 'peak_bytes', 'bytes_after_load'].map((column) => mebibytes(row, column)),
        needed(row, 'closed_per_second'),
        needed(row, 'closed_cpu_us'),
        needed(row, 'open_per_second'),
        needed(row, 'open_cpu_pct'),
      ],
    ]),
  );
}

/** The rows do not change while they are audited, and some of these read twenty files. */
function once<T>(compute: () => T): () => T {
  let known: T | undefined;
  return () => {
    known ??= compute();
    return known;
  };
}

export const SCALE_TABLES: readonly Table[] = [
  { document: DOCUMENT, name: 'scale-model', lines: once(modelLines) },
  { document: DOCUMENT, name: 'scale-held-out', lines: once(heldOutLines) },
  { document: DOCUMENT, name: 'scale-three', lines: once(threeLines) },
  { document: DOCUMENT, name: 'scale-knee', lines: once(kneeLines) },
  { document: DOCUMENT, name: 'scale-generators', lines: once(generatorLines) },
  { document: DOCUMENT, name: 'scale-sessions', lines: once(sessionLines) },
];
