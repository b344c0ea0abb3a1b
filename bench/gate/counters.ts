import type { Config } from '../config/config.ts';
import { bothSides } from '../config/store-choice.ts';
import { openTogether } from '../environment/processes/resources.ts';
import { drawTable } from '../results/text.ts';
import { type Bench, openBench } from '../run/bench.ts';
import { armName, groupText, planRepetition } from '../run/plan.ts';
import { median } from '../stats/median.ts';
import { checkBase, withBaseline } from './baseline.ts';
import { type Counts, countBlock } from './counts.ts';

/** A counter of one backend on both sides, per request. */
export interface CounterFinding {
  cell: string;
  counter: keyof Counts;
  /** Medians over the blocks. */
  base: number;
  head: number;
  /** `MORE` and `LESS` in every block by more than the tolerance; `informs` for a counter that does not decide. */
  verdict: 'MORE' | 'LESS' | 'equal' | 'informs';
}

const BLOCKS = 3;
/** Two identical servers differ by less: timers and garbage collection read and write a little. */
const TOLERANCE = 0.005;
const DECIDING: readonly (keyof Counts)[] = ['trips', 'reads', 'writes', 'bytesRead', 'bytesWritten'];
const NAMES: Record<keyof Counts, string> = {
  trips: 'round trips to the service',
  reads: 'read calls',
  writes: 'write calls',
  bytesRead: 'bytes read',
  bytesWritten: 'bytes written',
  waits: 'waits for an event',
  loopTurns: 'turns of the event loop',
};

/**
 * Compares what base and head do per request: figures that are nearly equal in all blocks need no statistics, and show
 * one more round trip or write with three blocks on a busy machine.
 */
export function compareCounters(
  config: Config,
  base: string,
  command: readonly string[],
  signal: AbortSignal,
): Promise<CounterFinding[]> {
  return openTogether(async (resources) => {
    await checkBase(config.stores, base, signal);
    const both = { ...counterConfig(config), stores: config.stores.flatMap(bothSides) };
    const opened = await openBench({ config: both, command, signal }, resources);
    const bench = await withBaseline(opened, base, resources);
    const findings = await countPairs(bench, bench.context.config, 0);
    await resources.close();
    return findings;
  });
}

/** The configuration of the load: one connection, so that nothing is served in a batch. */
export function counterConfig(config: Config): Config {
  return { ...config, connections: 1, sessions: 100, rate: undefined, pin: false };
}

/** The findings of three blocks. @param pass of several over the same arms, from 0: each has blocks of its own. */
export async function countPairs(bench: Bench, config: Config, pass: number): Promise<CounterFinding[]> {
  const { context, progress } = bench;
  const blocks: SidedCounts[][] = [];
  for (let ordinal = 1; ordinal <= BLOCKS; ordinal += 1) {
    const plan = planRepetition(config, pass * BLOCKS + ordinal);
    for (const block of plan) {
      context.signal.throwIfAborted();
      progress.begin('counters', ordinal, BLOCKS);
      const counted = await countBlock(bench, block);
      blocks.push(
        counted.map(({ arm: { trial }, counts }) => {
          const { side = 'head', ...rest } = trial;
          const name = armName(rest);
          return { cell: plan.length > 1 ? `${name}, ${groupText(block.group)}` : name, side, counts };
        }),
      );
      progress.end(`${counted.length} arms counted`);
    }
  }
  return findingsOf(blocks);
}

/** The counters of one arm, with its side. */
interface SidedCounts {
  cell: string;
  side: 'base' | 'head';
  counts: Counts;
}

/** The findings of blocks; pure. */
export function findingsOf(blocks: readonly (readonly SidedCounts[])[]): CounterFinding[] {
  const cells = [...new Set(blocks.flat().map(({ cell }) => cell))];
  return cells.flatMap((cell) =>
    (Object.keys(NAMES) as (keyof Counts)[]).flatMap((counter): CounterFinding[] => {
      const of = (side: string) =>
        blocks.map((block) => block.find((one) => one.cell === cell && one.side === side)?.counts[counter]);
      const pairs = of('base').flatMap((before, index) => {
        const after = of('head')[index];
        return before === undefined || after === undefined ? [] : [{ before, after }];
      });
      if (pairs.length === 0) return [];
      const base = median(pairs.map(({ before }) => before)) as number;
      const head = median(pairs.map(({ after }) => after)) as number;
      return [{ cell, counter, base, head, verdict: verdictOf(counter, pairs) }];
    }),
  );
}

function verdictOf(
  counter: keyof Counts,
  pairs: readonly { before: number; after: number }[],
): CounterFinding['verdict'] {
  if (!DECIDING.includes(counter)) return 'informs';
  const beyond = (more: number, less: number) => more - less > TOLERANCE * Math.max(less, 1);
  if (pairs.every(({ before, after }) => beyond(after, before))) return 'MORE';
  if (pairs.every(({ before, after }) => beyond(before, after))) return 'LESS';
  return 'equal';
}

/** The findings for a terminal. */
export function renderCounters(findings: readonly CounterFinding[], color: boolean): string {
  return drawTable(
    {
      headings: ['cell', 'per request', 'base', 'head', ''],
      alignments: ['left', 'left', 'right', 'right', 'left'],
      lines: findings.map(({ cell, counter, base, head, verdict }, index) => [
        cell === findings[index - 1]?.cell ? '' : cell,
        NAMES[counter],
        base.toFixed(2),
        head.toFixed(2),
        verdict === 'informs' ? '' : verdict,
      ]),
    },
    color,
  );
}

/** The line that names what is more; `undefined` when nothing is. */
export function counterSummary(findings: readonly CounterFinding[]): string | undefined {
  const more = findings.filter(({ verdict }) => verdict === 'MORE');
  if (more.length === 0) return undefined;
  const text = more.map(
    ({ cell, counter, base, head }) => `${cell} ${NAMES[counter]} ${base.toFixed(2)} to ${head.toFixed(2)}`,
  );
  return `MORE: ${text.join('; ')}`;
}
