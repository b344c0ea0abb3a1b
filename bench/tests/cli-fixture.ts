import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { PROJECT_ROOT } from '../environment/programs.ts';

/** For tests: the real command as a process, its output, its files, and its leftovers. */

export interface Finished {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface Running {
  child: ChildProcess;
  finished: Promise<Finished>;
  stderr(): string;
}

/** Starts `pnpm bench ARGS` without pnpm; `tmp` is its directory for temporary files. */
export function startBench(
  args: readonly string[],
  tmp: string,
  env: Record<string, string> = {},
  entry = 'bench/cli.ts',
  root = PROJECT_ROOT,
): Running {
  const child = spawn(process.execPath, ['--import', 'tsx', entry, ...args], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', TMPDIR: tmp, ...env },
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const finished = new Promise<Finished>((resolve) => {
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
  return { child, finished, stderr: () => stderr };
}

/** Runs the command to its end. */
export function bench(args: readonly string[], tmp: string, env?: Record<string, string>): Promise<Finished> {
  return startBench(args, tmp, env).finished;
}

export interface Scratch {
  path: string;
  remove: () => void;
  leftovers: () => string[];
}

/** A directory for one test: temporary files of the command go there, so that leftovers are detected. */
export function scratch(): Scratch {
  const path = mkdtempSync(join(tmpdir(), 'sb-test-'));
  // Like /tmp: root runs Postgres as another user, who must be able to traverse it.
  chmodSync(path, 0o711);
  // What tsx has compiled is kept: without it each first start in a directory takes half a second more.
  const cache = `tsx-${process.getuid?.()}`;
  mkdirSync(join(tmpdir(), cache), { recursive: true });
  symlinkSync(join(tmpdir(), cache), join(path, cache));
  return {
    path,
    remove: () => rmSync(path, { recursive: true, force: true }),
    leftovers: () => readdirSync(path).filter((name) => name.startsWith('session-bench-')),
  };
}

/** Rows of a CSV by an independent parser: every cell is text. */
export function rowsIn(path: string): Record<string, string>[] {
  return parse(readFileSync(path, 'utf8'), { columns: true });
}

/** How the reasons for an INVALID run begin that lie in other work on this machine: of all rules but the first. */
const DISTURBED = [
  ...['achieved ', 'backlog still rising', 'lateness of sending'],
  ...['the generator reaches', 'the balancer is the bottleneck'],
  ...['steal:', 'other work took', 'throttling was unequal'],
  'not steady:',
  ...['utilisation ', 'unequal load:'],
  'expiry: sessions expired before the measured time',
];
const isDisturbance = (reason: string) =>
  DISTURBED.some((start) => reason.replace(/^block dropped: .+?: /, '').startsWith(start));

/**
 * The faults of a finished run, except those caused by other work on this machine, which the run must report itself
 * with exit code 4. Empty when there are none.
 */
export function faultsOf({ code, stderr }: Finished, rows: readonly Record<string, string>[]): string[] {
  const invalid = rows.filter((row) => row['status'] === 'ok' && row['valid'] === 'false');
  const reasons = invalid.flatMap((row) => (row['invalid_reason'] ?? '').split('; '));
  const faults = [...new Set(reasons.filter((reason) => !isDisturbance(reason)))];
  if (code === (invalid.length === 0 ? 0 : 4)) return faults;
  return [...faults, `exit code ${code}: ${stderr.slice(-500)}`];
}

/** All pids below this one, from /proc. */
export function descendants(pid: number): number[] {
  const found: number[] = [];
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    if (isBelow(Number(name), pid)) found.push(Number(name));
  }
  return found;
}

function isBelow(pid: number, ancestor: number): boolean {
  for (let current = parentOf(pid); current > 1; current = parentOf(current)) {
    if (current === ancestor) return true;
  }
  return false;
}

function parentOf(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch (error) {
    if (
      (error as NodeJS.ErrnoException).code === 'ENOENT' ||
      (error as NodeJS.ErrnoException).code === 'ESRCH'
    )
      return 0;
    throw error;
  }
}

/** Whether a process with this pid exists and is not a zombie. */
export function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

/** The command line of a process, with NUL between its arguments; empty when it has ended. */
export function commandLineOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return '';
    throw error;
  }
}

/**
 * Waits until the generator of a run, of no more than some hundred sessions, is at the load: its log-ins are
 * fewer writes.
 */
export async function untilLoaded(running: Running): Promise<void> {
  const isAtWork = () => descendants(running.child.pid as number).some((pid) => writesOfGenerator(pid) > 500);
  await until('the load', isAtWork, 60_000);
}

/** How often a load generator has written; 0 of any other process, and of one that has ended. */
function writesOfGenerator(pid: number): number {
  try {
    if (!/generator-\w+\.mjs/.test(readFileSync(`/proc/${pid}/cmdline`, 'utf8'))) return 0;
    return Number(/^syscw: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))?.[1]);
  } catch {
    return 0;
  }
}

/** Waits until the condition holds. @throws Error after the limit. */
export async function until(what: string, holds: () => boolean, limitMs: number): Promise<void> {
  for (const deadline = Date.now() + limitMs; !holds(); ) {
    if (Date.now() > deadline) throw new Error(`not within ${limitMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
