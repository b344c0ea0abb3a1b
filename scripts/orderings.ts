/**
 * Whether runs of the same question on several days order the arms alike: counts pairs of arms, and names those whose
 * orders contradict. Usage: pnpm exec tsx scripts/orderings.ts RESULT.csv RESULT.csv... Exit code 1 when two runs show
 * opposite orders, 2 when they have nothing in common.
 */

import { parseArgs } from 'node:util';
import { ignoreClosedPipes } from '../bench/commands/closed-pipe.ts';
import { BenchError } from '../bench/errors.ts';
import { readResultFile } from '../bench/results/csv.ts';
import { fail } from './fail.ts';
import { type Agreement, type Orderings, orderingsOf } from './proof/orderings.ts';

ignoreClosedPipes();

// As in a sentence after the number of pairs.
const WORDS: Readonly<Record<Agreement, string>> = {
  same: 'the same order in each run',
  some: 'an order in some, no difference shown in others',
  tied: 'no difference shown in any',
  reversed: 'opposite orders',
};

try {
  main();
} catch (error) {
  fail(error);
}

function main(): void {
  const { positionals: files } = parseArgs({ options: {}, allowPositionals: true });
  if (files.length < 2) {
    throw new BenchError({
      code: 'USAGE',
      expected: 'two result files or more',
      got: String(files.length),
      remedy: 'Name the files of runs with the same flags.',
    });
  }
  const found = orderingsOf(files.map((file) => readResultFile(file)));
  if (found.length === 0) {
    throw new BenchError({
      code: 'NOTHING_TO_COMPARE',
      expected: 'a group with two ranked arms that all files have',
      got: 'none',
      remedy: 'Name the files of runs with the same flags.',
    });
  }
  for (const one of found) print(one);
  if (found.some(({ pairs }) => pairs.some(({ agreement }) => agreement === 'reversed')))
    process.exitCode = 1;
}

function print({ title, figure, pairs }: Orderings): void {
  console.log(`${title}: ${figure}, ${pairs.length} pairs`);
  for (const [agreement, words] of Object.entries(WORDS)) {
    const own = pairs.filter((pair) => pair.agreement === agreement);
    if (own.length === 0) continue;
    console.log(`  ${own.length} with ${words}`);
    if (agreement === 'same') continue;
    for (const { one, other, better } of own) {
      const [first, ...rest] = better.map((name) => name ?? 'none');
      console.log(`    ${one}, ${other}: ${[first, ...rest].join(', then ')}`);
    }
  }
}
