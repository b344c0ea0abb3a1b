import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PROJECT_ROOT } from '../environment/programs.ts';
import {
  COMPARATORS,
  COMPARATORS_FOLDER,
  type ComparatorName,
  contractPath,
  differencesOf,
  knownCells,
} from './comparators-fixture.ts';
import { parseConformance } from './config.ts';
import { runConformance } from './conformance.ts';

/**
 * Sites with the sessions of libraries that are widely used, at their defaults, against what is committed of each. A ✓
 * that was not known is a failure too: the library has changed, or a check has stopped to see.
 */

const run = promisify(execFile);
const nothing = () => undefined;
const SILENT = { begin: nothing, step: nothing, end: nothing, say: nothing, close: nothing };
const environment = { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '' };
const running: ChildProcess[] = [];

// Without the network where they are installed already.
beforeAll(async () => {
  const options = { cwd: COMPARATORS_FOLDER, env: { ...process.env, CI: 'true' } };
  await run('pnpm', ['install', '--frozen-lockfile', '--prefer-offline'], options);
});
afterAll(() => Promise.all(running.map(stop)));

const command = (...args: string[]) => ['--import', 'tsx', 'scripts/comparator.ts', ...args];

/** Starts a site as `pnpm comparator NAME` does, and returns its address. */
async function start(name: ComparatorName): Promise<string> {
  const child = spawn(process.execPath, command(name, '--port', '0'), {
    cwd: PROJECT_ROOT,
    env: environment,
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  running.push(child);
  let last = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    last = `${last}${chunk.toString()}`.slice(-2_000);
  });
  const ended = once(child, 'exit').then(() => {
    throw new Error(`expected ${name} to start, got "${last}"`);
  });
  const [message] = (await Promise.race([once(child, 'message'), ended])) as [{ port: number }];
  return `http://127.0.0.1:${message.port}`;
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  await once(child, 'exit');
}

describe.concurrent('a comparator at its defaults', () => {
  test.each(COMPARATORS)('%s is as its committed matrix says', async (name) => {
    const target = await start(name);
    const config = parseConformance({ target, contract: contractPath(name), seed: '1', tries: '30' }, {});
    const { cells } = await runConformance(config, SILENT, new AbortController().signal);
    expect(differencesOf(cells, knownCells(name))).toEqual([]);
  });
});

test('the types of the comparators are right', async () => {
  await run(process.execPath, ['node_modules/typescript/bin/tsc', '-p', COMPARATORS_FOLDER], {
    cwd: PROJECT_ROOT,
  });
});

test('a comparator ends in order on SIGTERM', async () => {
  await start('express-session');
  const child = running.at(-1) as ChildProcess;
  await stop(child);
  expect(child.exitCode).toBe(0);
});

test.each([
  [['express'], /USAGE: expected one of express-session, .*, got "express"\. Did you mean express-session\?/],
  [[], /USAGE: expected one of express-session, .*, got nothing\. Write/],
  [
    ['better-auth', '--port', '70000'],
    /USAGE: expected a whole number from 0 to 65535 for --port, got "70000"/,
  ],
  [['better-auth', '--port'], /USAGE: expected a value, got none for --port/],
  [['better-auth', '--prot=1'], /USAGE: expected no flag but --port, got --prot/],
])('pnpm comparator %j is refused in one line', async (args, words) => {
  const failure = await run(process.execPath, command(...args), { cwd: PROJECT_ROOT, env: environment }).then(
    () => undefined,
    (error: { code: number; stderr: string }) => error,
  );
  expect(failure?.code).toBe(2);
  expect(failure?.stderr.trimEnd().split('\n')).toHaveLength(1);
  expect(failure?.stderr).toMatch(words);
});
