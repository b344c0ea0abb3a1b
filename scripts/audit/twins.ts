/** What identical arms show, from the rows in results/proof/twins. */

import type { Table } from './check.ts';
import { cpuOf } from './reference.ts';
import { groupBy, needed, pairedLogs, type Row, readLines, readRows } from './rows.ts';
import { centre, deviation, mean, percent } from './statistics.ts';

const STORE = 'none';
const SIDES = ['base', 'head'].map((side) => `results/proof/twins/${STORE}-${side}`);

/** A slice as NAME.slices.jsonl has it. */
interface Slice {
  block: string;
  phase: string;
  place: number;
  order_index: number;
  after?: number;
  completed: number;
  cpu_us_server: number;
  cpu_us_store?: number;
}

/** By block: what ln CPU per request of the slices that are in exceeds that of the others, each less the mean of its arm. */
function effects(arms: readonly Slice[][], isIn: (slice: Slice) => boolean | undefined): number[] {
  const blocks = new Map<string, { inside: number[]; outside: number[] }>();
  for (const arm of arms) {
    for (const [block, slices] of groupBy(arm, (slice) => slice.block)) {
      const costs = slices.map((one) =>
        Math.log((one.cpu_us_server + (one.cpu_us_store ?? 0)) / one.completed),
      );
      const { inside, outside } = blocks.get(block) ?? { inside: [], outside: [] };
      for (const [index, slice] of slices.entries()) {
        const where = isIn(slice);
        if (where !== undefined) (where ? inside : outside).push((costs[index] as number) - mean(costs));
      }
      blocks.set(block, { inside, outside });
    }
  }
  return [...blocks.values()].map(({ inside, outside }) => mean(inside) - mean(outside));
}

/** Identical arms: blocks; scatter of CPU and of throughput; bias of CPU, carry-over and place with intervals; in %. */
function twinLines(): Map<string, number[]> {
  const [base, head] = SIDES.map((name) =>
    readRows(`${name}.csv`).filter((row) => row['operation'] === 'all' && row['valid'] === 'true'),
  ) as [Row[], Row[]];
  const arms = SIDES.map((name) =>
    readLines<Slice>(`${name}.slices.jsonl`).filter(({ phase }) => phase === 'measured'),
  );
  const cpu = pairedLogs(base, head, cpuOf);
  const throughput = pairedLogs(base, head, (row) => needed(row, 'rps_ok'));
  const after = effects(arms, (one) => (one.after === undefined ? undefined : one.after === one.order_index));
  const first = effects(arms, ({ place }) => place === 0);
  const scatters = [cpu, throughput].map((logs) => 100 * deviation(logs));
  const shifts = [cpu, after, first].flatMap((logs) => centre(logs).map(percent));
  return new Map([[STORE, [cpu.length, ...scatters, ...shifts]]]);
}

export const TWIN_TABLES: readonly Table[] = [
  { document: 'docs/measurement.md', name: 'twins', lines: twinLines },
];
