import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { openAccounts } from './cpu.ts';

const folder = mkdtempSync(join(tmpdir(), 'session-bench-proc-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let count = 0;
function accountsWith(files: Readonly<Record<string, string>>) {
  count += 1;
  const root = join(folder, String(count));
  mkdirSync(root);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return openAccounts(root, true);
}

const stat = (pid: number, parent: number, reapedTicks = 0) =>
  `${pid} (a (b) c) S ${parent} ${'0 '.repeat(11)}${reapedTicks} 0 0\n`;
const OWN = { 'self/schedstat': '5 0 1\n', 'self/task/9/children': '' };
/** A parent with two threads and a child. */
const TREE = {
  '10/stat': stat(10, 1, 2),
  '10/task/10/schedstat': '1000 200 3\n',
  '10/task/11/schedstat': '500 50 2\n',
  '10/task/10/children': '12 ',
  '12/stat': stat(12, 10),
  '12/task/12/schedstat': '70 7 1\n',
  '12/task/12/children': '',
};

test('the tree counts with all its threads, and what was reaped', () => {
  const { treeOf, cpuNsOf, schedulingOf } = accountsWith({ ...OWN, ...TREE });
  expect(treeOf(10)).toEqual([10, 12]);
  expect(cpuNsOf([10])).toBe(1570 + 2 * 10_000_000);
  expect(schedulingOf([10])).toEqual({ mainNs: 1070, waitNs: 257, wakeUps: 6 });
});

test('a kernel that lists no children: they are found by their parent', () => {
  const files = Object.entries({ ...OWN, ...TREE }).filter(([path]) => !path.endsWith('children'));
  const accounts = accountsWith({ ...Object.fromEntries(files), 'self/task/9/status': '', meminfo: '' });
  expect(accounts.treeOf(10)).toEqual([10, 12]);
  expect(accounts.cpuNsOf([10])).toBe(1570 + 2 * 10_000_000);
});

test.each<[string, Record<string, string>]>([
  ['no scheduler statistics', { 'self/task/9/children': '', ...TREE }],
  ['zeros in them', { ...OWN, 'self/schedstat': '0 0 0\n', ...TREE }],
  ['nothing at all', {}],
])('%s: unknown, not 0', (_, files) => {
  const { cpuNsOf, schedulingOf, inputOutputOf, memoryBytesOf } = accountsWith(files);
  expect([cpuNsOf([10]), schedulingOf([10]), inputOutputOf([10]), memoryBytesOf([10])]).toEqual(
    Array.from({ length: 4 }, () => undefined),
  );
});

test('a process that has ended adds nothing; off Linux nothing is known', () => {
  expect(accountsWith({ ...OWN, ...TREE }).cpuNsOf([10, 99])).toBe(1570 + 2 * 10_000_000);
  expect(openAccounts(folder, false).cpuNsOf([10])).toBeUndefined();
});

test('files that are there and cannot be read are unknown, whatever the error', () => {
  const hidden = { '10/smaps_rollup/x': '', '10/io/x': '', '10/stat/x': '', '10/task/10/schedstat/x': '' };
  const accounts = accountsWith({ ...OWN, ...hidden, '10/task/10/children': '' });
  expect(accounts.memoryBytesOf([10])).toBeUndefined();
  expect(accounts.inputOutputOf([10])).toBeUndefined();
  expect(accounts.treeOf(10)).toEqual([10]);
  expect([accounts.cpuNsOf([11]), accounts.schedulingOf([11])]).toEqual([undefined, undefined]);
});
