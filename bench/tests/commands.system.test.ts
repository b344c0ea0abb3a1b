import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { afterAll, describe, expect, test } from 'vitest';
import { PROJECT_ROOT } from '../environment/programs.ts';
import { git } from '../gate/git.ts';
import { bench, descendants, isAlive, rowsIn, scratch, startBench, until } from './cli-fixture.ts';

/** The other commands, and the flags that continue a run or write more than its rows; all as real processes. */
const directory = scratch();
afterAll(directory.remove);
const SMALL = ['--balancer', 'none', '-d', '400ms', '-w', '200ms', '--sessions', '100', '-c', '8'];
/** Before the library of a token was an option, and before servers told what they run. */
const BEFORE_LIBRARIES = '07d888b';
const at = (name: string) => `${directory.path}/${name}`;

describe('a run in blocks', () => {
  test('is stopped by Ctrl-C, keeps what is finished, and continues with --resume to the same blocks', async () => {
    const out = at('resumed.csv');
    const args = ['--store', 'none,jwt', '-r', '3', '--seed', '7', '-o', out, ...SMALL];
    const running = startBench(args, directory.path);
    await until('a finished block', () => existsSync(out) && rowsIn(out).length >= 2, 60_000);
    await setTimeout(300);
    const pids = descendants(running.child.pid as number);
    running.child.kill('SIGINT');
    expect((await running.finished).code).toBe(130);
    expect(pids.filter(isAlive)).toEqual([]);
    const before = rowsIn(out).filter((row) => row['status'] === 'ok');
    expect(before.length).toBeLessThan(6);

    const { stderr } = await bench(['--resume', out, '--json'], directory.path);
    expect(stderr).not.toContain('CSV_INVALID');
    const rows = rowsIn(out);
    const finished = rows.filter((row) => row['status'] === 'ok' && row['valid'] === 'true');
    const [runId] = rows.map((row) => row['run_id']);
    for (const block of [1, 2, 3]) {
      const own = rows.filter((row) => row['block'] === `${runId}-${block}`);
      expect(own.map((row) => row['store']).sort(), `block ${block}`).toEqual(['jwt', 'none']);
      expect(own.every((row) => row['status'] === 'ok')).toBe(true);
    }
    for (const row of before.filter((one) => one['valid'] === 'true')) expect(finished).toContainEqual(row);
    expect(new Set(rows.map((row) => row['seed']))).toEqual(new Set(['7']));
  });

  test('--config gives the flags, and --markdown and --export write what other tools read', async () => {
    const [config, out, markdown, series, bmf] = ['c.json', 'c.csv', 'c.md', 'series.json', 'bmf.json'].map(
      at,
    );
    const flags = {
      store: ['none', 'jwt'],
      balancer: 'none',
      duration: '9s',
      warmup: '200ms',
      sessions: 100,
    };
    writeFileSync(config as string, JSON.stringify({ ...flags, connections: 8, markdown }));
    const exports = ['--export', `github-action-benchmark=${series}`, '--export', `bencher=${bmf}`];
    const args = ['--config', config as string, '-d', '400ms', '-o', out as string, ...exports];
    await bench(args, directory.path);
    const [row] = rowsIn(out as string);
    expect(Number(row?.['duration_s'])).toBeLessThan(2);
    expect(readFileSync(markdown as string, 'utf8')).toMatch(/\| backend \|/);
    const entries = JSON.parse(readFileSync(series as string, 'utf8')) as Record<string, unknown>[];
    for (const entry of entries)
      expect(entry).toMatchObject({
        name: expect.any(String),
        unit: expect.any(String),
        value: expect.any(Number),
      }); // prettier-ignore
    expect(JSON.parse(readFileSync(bmf as string, 'utf8'))).toBeTypeOf('object');
  });
});

describe('gate', () => {
  test('measures a commit and the work tree in shared blocks, and leaves no worktree', async () => {
    const out = at('gate.csv');
    const args = ['gate', '--base', 'HEAD', '--store', 'none', '-r', '2', '-o', out, ...SMALL];
    const { code, stdout, stderr } = await bench(args, directory.path);
    expect([0, 4]).toContain(code);
    // On a machine that others disturb blocks may be dropped; of both there is nothing to compare, and it says so.
    if (stdout === '') expect(stderr).toContain('INVALID');
    else expect(stdout).toMatch(/(2 blocks show|1 block shows) nothing yet/);
    const [base, head] = ['base', 'head'].map((side) => rowsIn(at(`gate-${side}.csv`)));
    expect(base?.map((row) => row['block'])).toEqual(head?.map((row) => row['block']));
    expect(base?.every((row) => row['git_dirty'] === 'false')).toBe(true);
    expect(stderr).toContain('gate-base.csv');
    const list = await git(PROJECT_ROOT, ['worktree', 'list', '--porcelain']);
    expect(list.text).not.toContain('session-bench-baseline');
    expect(directory.leftovers()).toEqual([]);
  });

  test('an older base runs what its label says, and is compared', async () => {
    const out = at('older.csv');
    const stores = 'none,jwt:lib=jsonwebtoken';
    const args = ['gate', '--base', BEFORE_LIBRARIES, '--store', stores, '-r', '1', '-o', out, ...SMALL];
    const { code, stdout, stderr } = await bench(args, directory.path);
    expect([code, stderr]).toEqual([expect.toBeOneOf([0, 4]), expect.not.stringContaining('CONFLICT')]);
    // On a busy machine its only block may be dropped.
    if (stdout === '') expect(stderr).toMatch(/NOTHING_TO_COMPARE|INVALID/);
    else expect(stdout).toMatch(/^jwt:lib=jsonwebtoken +CPU µs\/request/m);
    const [base, head] = ['base', 'head'].map((side) => rowsIn(at(`older-${side}.csv`)));
    const told = (rows: readonly Record<string, string>[] = []) =>
      rows.map(({ block, variant, status }) => [block, variant, status]);
    expect(told(base).sort()).toEqual(told(head).sort());
    expect(base).toHaveLength(2);
    expect(directory.leftovers()).toEqual([]);
  });
});

// Side by side, for nothing is measured.
describe.concurrent('what is refused', () => {
  test('--resume with another flag, or without its record, is one line and changes nothing', async () => {
    const out = at('alone.csv');
    writeFileSync(out, 'run_id\nx\n');
    for (const args of [
      ['--resume', out, '-r', '9'],
      ['--resume', out],
      ['--resume', at('missing.csv')],
    ]) {
      const { code, stderr } = await bench(args, directory.path);
      expect([1, 2]).toContain(code);
      expect(stderr.trim().split('\n')).toHaveLength(1);
      expect(readFileSync(out, 'utf8')).toBe('run_id\nx\n');
    }
  });

  test('a report that cannot be written is refused before anything is started', async () => {
    const out = at('unstarted.csv');
    const args = ['--store', 'none', '-o', out, '--markdown', at('no/such/dir.md'), ...SMALL];
    const { code, stderr } = await bench(args, directory.path);
    expect([code, stderr]).toEqual([2, expect.stringContaining('--markdown')]);
    expect(existsSync(out)).toBe(false);
  });

  test('an older base that lacks an option ends with the remedy: nothing else is measured under its name', async () => {
    const own = scratch();
    const out = `${own.path}/lacking.csv`;
    const args = [
      'gate',
      '--base',
      BEFORE_LIBRARIES,
      '--store',
      'none,jwt:lib=fast-jwt',
      '-o',
      out,
      ...SMALL,
    ];
    const { code, stdout, stderr } = await bench(args, own.path);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(
      'CONFLICT: expected a baseline that has jwt:lib=fast-jwt, got no option lib: it runs lib=jsonwebtoken. ' +
        'Name a later --base, or write jwt:lib=jsonwebtoken.',
    );
    expect(existsSync(`${own.path}/lacking-base.csv`)).toBe(false);
    expect(own.leftovers()).toEqual([]);
    own.remove();
  });

  test('a commit that is not there is one line, exit 2, nothing started', async () => {
    const out = at('no-gate.csv');
    const { code, stderr } = await bench(['gate', '--base', 'no-such-branch', '-o', out], directory.path);
    expect([code, stderr]).toEqual([2, expect.stringContaining('no-such-branch')]);
    expect(existsSync(at('no-gate-base.csv'))).toBe(false);
  });

  test.each([
    [['--store', 'redis'], '--slo'],
    [['--slo', 'p99<20ms'], '--store'],
    [['--slo', 'p99<20', '--store', 'redis'], '--slo'],
    [['--slo', 'rps>5/s', '--store', 'redis'], 'response time'],
    [['--slo', 'p99<20ms', '--store', 'redis,jwt'], 'one value for --store'],
  ])('find-max %j is one line, exit 2', async (args, word) => {
    const { code, stderr } = await bench(['find-max', ...args], directory.path);
    expect([code, stderr]).toEqual([2, expect.stringContaining(word)]);
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });
});
