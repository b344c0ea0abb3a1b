import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { afterAll, expect, test } from 'vitest';
import { bench, descendants, isAlive, rowsIn, scratch, startBench, until } from './cli-fixture.ts';

const directory = scratch();
afterAll(directory.remove);
const at = (name: string) => `${directory.path}/${name}`;

test('a study that is stopped keeps its pieces, makes the rest later, and is then written down', async () => {
  const [file, folder] = [at('mine.json'), at('made')];
  const flags = { balancer: 'none', connections: 8, sessions: 100 };
  const pieces = {
    first: { title: 'reads', flags: { ...flags, store: 'none,memory' } },
    second: { title: 'logins', flags: { ...flags, store: 'none,memory', scenario: 'login' } },
  };
  writeFileSync(file, JSON.stringify({ question: 'What?', pieces }));
  const args = ['study', file, '--out', folder];

  const plan = await bench([...args, '--dry-run'], directory.path);
  expect(plan.stdout).toMatch(/first: reads; to be made, .*second: logins; to be made, .*2 pieces to make/s);
  expect(existsSync(folder)).toBe(false);

  const running = startBench(args, directory.path);
  await until('the second piece', () => running.stderr().includes('second: logins\n'), 60_000);
  const pids = descendants(running.child.pid as number);
  running.child.kill('SIGINT');
  expect((await running.finished).code).toBe(130);
  expect(pids.filter(isAlive)).toEqual([]);
  const before = rowsIn(`${folder}/first.csv`).filter((row) => row['valid'] === 'true');

  await bench(args, directory.path);
  expect(rowsIn(`${folder}/first.csv`)).toEqual(expect.arrayContaining(before));
  expect(new Set(rowsIn(`${folder}/second.csv`).map((row) => row['scenario']))).toEqual(new Set(['login']));
  const text = readFileSync(`${folder}/README.md`, 'utf8');
  expect(text).toMatch(/^# What\?\n.*\n## reads\n.*Made on \d{4}-.*\n## logins\n/s);
  expect(directory.leftovers()).toEqual([]);

  // What was made on another day stays in the text, though one piece alone is asked for.
  rmSync(`${folder}/second.csv`);
  await bench([...args, '--piece', 'second'], directory.path);
  expect(readFileSync(`${folder}/README.md`, 'utf8')).toMatch(/## reads\n.*none.*memory.*\n## logins\n/s);
});

test.each([
  [['nothing'], 'USAGE: expected a study: '],
  [['payload', '--piece', 'read'], 'Did you mean reads?'],
  [['payload', 'scale', '--out', 'x'], 'expected one study with --out, got 2'],
  [['payload', '--preset', 'fast'], 'expected --preset to be one of quick, full'],
])('%j is refused in one line, and nothing starts', async (words, message) => {
  const { code, stderr } = await bench(['study', ...words], directory.path);
  expect([code, stderr.trim().split('\n').length]).toEqual([2, 1]);
  expect(stderr).toContain(message);
});
