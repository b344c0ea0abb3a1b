import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { PROJECT_ROOT } from '../environment/programs.ts';
import { type Scratch, scratch, startBench } from './cli-fixture.ts';

/** Output that nobody reads to its end, as in `| head -1`. */
const BASE = 'bench/compare/fixtures/07d888b/base.csv';
const HEAD = 'bench/compare/fixtures/07d888b/head.csv';
const directories: Scratch[] = [];
afterEach(() => {
  for (const directory of directories.splice(0)) directory.remove();
});

function temporary(): string {
  const directory = scratch();
  directories.push(directory);
  return directory.path;
}

async function withoutReader(entry: string, args: readonly string[], stream: 'stdout' | 'stderr') {
  const running = startBench(args, temporary(), {}, entry);
  running.child[stream]?.destroy();
  return running.finished;
}

describe('a closed pipe ends nothing with a stack trace', () => {
  test.each([
    ['bench/cli.ts', ['list']],
    ['bench/cli.ts', ['--help']],
    ['bench/cli.ts', ['doctor']],
    ['bench/conformance/cli.ts', ['--help']],
    ['bench/micro/main.ts', ['--help']],
    ['scripts/dictionary.ts', []],
    ['scripts/contract-schema.ts', []],
    ['scripts/audit/audit.ts', []],
  ])('%s %j', async (entry, args) => {
    const { code, signal, stderr } = await withoutReader(entry, args, 'stdout');
    expect({ code, signal, stderr }).toEqual({ code: 0, signal: null, stderr: '' });
  });

  test('the exit code is still the verdict', async () => {
    const read = await startBench(['compare', BASE, HEAD], temporary()).finished;
    const closed = await withoutReader('bench/cli.ts', ['compare', BASE, HEAD], 'stdout');
    expect(read.stdout).not.toBe('');
    expect(closed).toMatchObject({ code: read.code, signal: null, stderr: read.stderr });
  });

  test('nor does one of errors', async () => {
    const { code, signal, stdout } = await withoutReader('bench/cli.ts', ['--nonsense'], 'stderr');
    expect({ code, signal, stdout }).toEqual({ code: 2, signal: null, stdout: '' });
  });
});

test('every script that writes to its output is so guarded', () => {
  const scripts = readdirSync(join(PROJECT_ROOT, 'scripts')).filter((name) => /(?<!\.test)\.ts$/.test(name));
  const writing = scripts.filter((name) =>
    /process\.stdout\.write|console\.log/.test(readFileSync(join(PROJECT_ROOT, 'scripts', name), 'utf8')),
  );
  expect(writing.length).toBeGreaterThan(8);
  const bare = writing.filter(
    (name) => !/^ignoreClosedPipes\(\);$/m.test(readFileSync(join(PROJECT_ROOT, 'scripts', name), 'utf8')),
  );
  expect(bare).toEqual([]);
});

test('a full disk behind standard output is one line, and a failure', () => {
  const command = `exec "${process.execPath}" --import tsx bench/cli.ts list > /dev/full`;
  const env = { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', TMPDIR: temporary() };
  const { status, stderr } = spawnSync('sh', ['-c', command], { cwd: PROJECT_ROOT, encoding: 'utf8', env });
  expect(stderr).toMatch(
    /^session-bench: OUTPUT_UNWRITABLE: expected to write standard output, got ENOSPC.*\n$/,
  );
  expect(status).toBe(1);
});
