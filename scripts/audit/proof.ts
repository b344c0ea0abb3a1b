/** The tables of docs/measurement.md, from the rows in results/proof. */

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Table } from './check.ts';
import { cpuOf } from './reference.ts';
import { groupBy, needed, pairedLogs, ROOT, type Row, readLines, readRows } from './rows.ts';
import { centre, deviation, median, percent, shareInterval, slope } from './statistics.ts';

const DOCUMENT = 'docs/measurement.md';
const PROOF = 'results/proof';

/** One gate, as gates.jsonl has it. */
interface Gate {
  number: number;
  kind: string;
  seconds: number;
  exit: number;
  blocks: number;
  valid_blocks: number;
  stores: string;
  busy_us?: number;
}

const gates = (): Gate[] => {
  const path = `${PROOF}/campaign/gates.jsonl`;
  return existsSync(join(ROOT, path)) ? readLines(path) : [];
};

/** By what was planted. */
const kindsOfGates = () =>
  groupBy(gates(), ({ kind, busy_us: us }) => (us === undefined ? kind : `${kind} ${us} µs`));

/** ln(head / base) of CPU per request, of the blocks that both sides have: the valid ones, or all. */
function changes(gate: Gate, store: string, { withDropped = false, pass = 'capacity' } = {}): number[] {
  const [base, head] = ['base', 'head'].map((side) => {
    const rows = rowsOf(gate, side).filter(
      (row) => row['store'] === store && row['pass'] === pass && row['operation'] === 'all',
    );
    return rows.filter((row) => withDropped || row['valid'] === 'true');
  }) as [Row[], Row[]];
  return pairedLogs(base, head, cpuOf);
}

/** Whether a gate called anything REGRESSED in the closed loop: it then measures the size at equal load. */
function isAlarmed(gate: Gate): boolean {
  return rowsOf(gate, 'head').some((row) => row['pass'] === 'equal-load');
}

const rowsOf = (gate: Gate, side: string): Row[] =>
  readRows(`${PROOF}/campaign/${String(gate.number).padStart(3, '0')}-${side}.csv`);

/** For each kind of gate and each backend in it; the least share of alarms is one-sided. */
function campaignLines(): Map<string, (number | undefined)[]> {
  const lines = [...kindsOfGates()].flatMap(([kind, all]) => {
    const stores = (all[0] as Gate).stores.split(',');
    const alarmed = all.filter(isAlarmed);
    return stores.map((store): [string, (number | undefined)[]] => {
      const blocks = all.map((gate) => changes(gate, store));
      const dropped = all.map((gate) => changes(gate, store, { withDropped: true }));
      const sizes = alarmed.map((gate) => changes(gate, store, { pass: 'equal-load' }));
      const estimates = blocks.map((logs) => centre(logs)[0]);
      return [
        `${kind}, ${store}`,
        [
          all.length,
          alarmed.length,
          kind === 'unchanged' ? undefined : 100 * shareInterval(alarmed.length, all.length, 0.05)[0],
          all.filter(({ exit }) => exit === 3).length,
          percent(centre(estimates)[0]),
          100 * deviation(estimates),
          100 * median(blocks.map((logs) => deviation(logs) / Math.sqrt(logs.length))),
          percent(centre(dropped.map((logs) => centre(logs)[0]))[0]),
          sizes.length === 0 ? undefined : percent(centre(sizes.map((logs) => centre(logs)[0]))[0]),
        ],
      ];
    });
  });
  return new Map(lines);
}

/** Number, REGRESSED, exact interval of their share, seconds (median, least, greatest), blocks dropped and all. */
function gateLines(): Map<string, number[]> {
  return new Map(
    [...kindsOfGates()].map(([kind, all]) => {
      const called = all.filter(({ exit }) => exit === 3).length;
      const seconds = all.map((gate) => gate.seconds);
      const blocks = all.reduce((sum, gate) => sum + gate.blocks, 0);
      const valid = all.reduce((sum, gate) => sum + gate.valid_blocks, 0);
      const share = shareInterval(called, all.length, 0.025).map((one) => 100 * one);
      const times = [median(seconds), Math.min(...seconds), Math.max(...seconds)];
      return [kind, [all.length, called, ...share, ...times, blocks - valid, blocks]];
    }),
  );
}

const STEPS = [0, 0.9, 1.8, 3.6, 7.2];

/** Slope of cost on the planted wait with its interval, then bias and share of each step but the last. */
function ladderLine(mode: string): number[] {
  const rows = readRows(`${PROOF}/ladder-${mode}.csv`).filter(
    (row) => row['operation'] === 'all' && row['status'] === 'ok' && row['valid'] === 'true',
  );
  const blocks = [...groupBy(rows, (row) => row['block'] ?? '').values()]
    .map((block) =>
      STEPS.flatMap((us) =>
        block
          .filter((row) => row['arm'] === `wait-${us}us`)
          .map((row) => needed(row, 'cpu_us_per_req_server')),
      ),
    )
    .filter((costs) => costs.length === STEPS.length) as [number, ...number[]][];
  const biases = [1, 2, 3].flatMap((index) => {
    const planted = STEPS[index] as number;
    const bias = blocks.map((costs) => (100 * ((costs[index] as number) - costs[0] - planted)) / costs[0]);
    return [centre(bias)[0], centre(blocks.map(([control]) => (100 * planted) / control))[0]];
  });
  return [...centre(blocks.map((costs) => slope(STEPS, costs))), ...biases];
}

/** µs of CPU and requests/s of each generator, each with its ratio to wrk within the rounds. */
function generatorLines(): Map<string, number[]> {
  const rows = readRows(`${PROOF}/costs/generator.csv`);
  const figure = (generator: string, column: string) =>
    rows.filter((row) => row['generator'] === generator).map((row) => needed(row, column));
  return new Map(
    ['wrk', 'ours', 'autocannon'].map((generator) => {
      const columns = ['cpu_us_per_request', 'requests_per_second'].flatMap((column) => {
        const [own, wrk] = [figure(generator, column), figure('wrk', column)];
        const ratios = own.map((value, index) => value / (wrk[index] as number));
        return [median(own), median(ratios), Math.min(...ratios), Math.max(...ratios)];
      });
      return [generator, columns];
    }),
  );
}

/** The truth about a server, what a plain client saw, what a generator reported, and by how much it is off; ms. */
function truthLines(): Map<string, (number | undefined)[]> {
  const path = join(ROOT, PROOF, 'costs', 'generator-truth.json');
  const { findings } = JSON.parse(readFileSync(path, 'utf8')) as {
    findings: Record<string, string & number>[];
  };
  return new Map(
    findings.map((found) => {
      const [server = ''] = String(found['server']).split(',');
      const figure = found['figure'] === 'p50' ? '' : `, ${found['figure']}`;
      const { expected_ms: truth, plain_client_ms: seen, reported_ms: reported } = found;
      if (truth === undefined || reported === undefined) throw new Error(`expected two figures of ${server}`);
      const figures = [truth, ...(seen === undefined ? [] : [seen]), reported, reported - truth];
      return [`${server.replace('stopped', 'stop')}, ${found['generator']}${figure}`, figures];
    }),
  );
}

/** µs of CPU of each server in the median of the blocks, and the ratio to the first with its interval. */
function clientLines(): Map<string, (number | undefined)[]> {
  const lines = ['redis', 'postgres'].flatMap((service) => {
    const rows = readRows(`${PROOF}/costs/${service}.csv`);
    const servers = groupBy(rows, (row) => row['server'] ?? '');
    const first = servers.get(service === 'redis' ? 'ioredis' : 'pg') ?? [];
    const reference = new Map(first.map((row) => [row['block'], needed(row, 'cpu_us_per_request')]));
    return [...servers].map(([server, own]): [string, (number | undefined)[]] => {
      const cpu = own.map((row) => needed(row, 'cpu_us_per_request'));
      const ratios = own.map(
        (row) => needed(row, 'cpu_us_per_request') / (reference.get(row['block']) as number),
      );
      return [server, [median(cpu), ...(own === first ? [] : centre(ratios))]];
    });
  });
  return new Map(lines);
}

/** µs of CPU of a balancer in the median of the rounds, in plain and over TLS, and the ratio with its interval. */
function tlsLines(): Map<string, number[]> {
  const rows = readRows(`${PROOF}/costs/tls.csv`);
  const pairs = groupBy(rows, (row) => `${row['balancer']}, per ${row['per']}`);
  return new Map(
    [...pairs].map(([label, own]) => {
      const [plain, tls] = [true, false].map((isPlain) =>
        own.filter((row) => (row['edge'] === 'plain') === isPlain).map((row) => needed(row, 'cpu_us')),
      ) as [number[], number[]];
      const ratios = tls.map((cost, round) => cost / (plain[round] as number));
      return [label, [median(plain), median(tls), ...centre(ratios)]];
    }),
  );
}

/** What was planted: found in, of; and the greatest difference of a counter that decides, where nothing was, in %. */
function counterLines(): Map<string, (number | undefined)[]> {
  const rows = readRows(`${PROOF}/costs/counters.csv`);
  const pairs = groupBy(rows, (row) => `${row['store']}, ${row['planted']}`);
  return new Map(
    [...pairs].map(([label, own]) => {
      const [{ planted = '' } = {}] = own;
      const times = [...groupBy(own, (row) => row['time'] ?? '').values()];
      const more = times.map((time) =>
        time.filter((row) => row['verdict'] === 'MORE').map((row) => row['counter']),
      );
      if (planted !== 'nothing')
        return [label, [more.filter((names) => names.includes(planted)).length, times.length]];
      const deciding = own.filter((row) => row['verdict'] !== 'informs' && needed(row, 'base') > 0);
      const worst = Math.max(
        ...deciding.map((row) => Math.abs(needed(row, 'head') / needed(row, 'base') - 1)),
      );
      return [label, [more.filter((names) => names.length > 0).length, times.length, 100 * worst]];
    }),
  );
}

const DAYS = { '25 November': '20261125', '28 November': '20261128' };

/**
 * Runs of one commit by day: their number, the median of CPU per request, µs, their scatter, and that which the scatter
 * of their blocks predicts for a median; in %.
 */
function runLines(): Map<string, number[]> {
  const files = {
    none: ['gates-none-1.csv', 'runs-later-none.csv'],
    redis: ['gates-redis.csv', 'runs-later-redis.csv'],
  };
  return new Map(
    Object.entries(files).flatMap(([store, names]) => {
      const rows = names.flatMap((name) => readRows(`${PROOF}/${name}`));
      return Object.entries(DAYS).map(([day, date]) => [`${store}, ${day}`, runLine(rows, date)] as const);
    }),
  );
}

function runLine(all: readonly Row[], date: string): number[] {
  const rows = all.filter(
    (row) => row['run_id']?.startsWith(date) && row['operation'] === 'all' && row['valid'] === 'true',
  );
  const runs = [...groupBy(rows, (row) => row['run_id'] ?? '').values()];
  const logs = runs.map((run) => run.map((row) => Math.log(cpuOf(row))));
  // A median scatters by √(π / 2) more than a mean.
  const predicted = logs.map(
    (blocks) => (deviation(blocks) / Math.sqrt(blocks.length)) * Math.sqrt(Math.PI / 2),
  );
  const medians = logs.map(median);
  return [runs.length, Math.exp(median(medians)), 100 * deviation(medians), 100 * median(predicted)];
}

const LADDERS = {
  asleep: 'the generator sleeps',
  awake: 'it stays awake',
  'equal-load': 'equal load, awake',
};

export const PROOF_TABLES: readonly Table[] = [
  { document: DOCUMENT, name: 'gates', lines: gateLines },
  { document: DOCUMENT, name: 'campaign', lines: campaignLines },
  {
    document: DOCUMENT,
    name: 'ladder',
    lines: () => new Map(Object.entries(LADDERS).map(([mode, label]) => [label, ladderLine(mode)])),
  },
  { document: DOCUMENT, name: 'generator', lines: generatorLines },
  { document: DOCUMENT, name: 'clients', lines: clientLines },
  { document: DOCUMENT, name: 'counters', lines: counterLines },
  { document: 'docs/decisions/services-and-processes.md', name: 'tls', lines: tlsLines },
  { document: DOCUMENT, name: 'runs', lines: runLines },
  { document: 'docs/probe.md', name: 'truth', lines: truthLines },
];
