import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { openGuard, startGuardProcess } from './guard.ts';
import { isRunning, sendSignal, startTimeOf } from './process-identity.ts';

const GUARD_URL = new URL('./guard.ts', import.meta.url).href;
const PROJECT = new URL('../../../', import.meta.url);

const cleanUps: (() => void)[] = [];
afterEach(() => {
  for (const cleanUp of cleanUps.splice(0)) cleanUp();
});

async function until(check: () => boolean, timeoutMs = 5_000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!check()) {
    if (Date.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${check}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** A process in a group of its own that the test ends in any case. */
function startChild(script: string): number {
  const child = spawn('sh', ['-c', script], { detached: true, stdio: 'ignore' });
  const { pid } = child;
  if (pid === undefined) throw new Error('no child');
  cleanUps.push(() => void sendSignal(-pid, 'SIGKILL'));
  return pid;
}

/** Runs a harness that prints one line of JSON and then waits to be killed. */
async function startHarness<T>(script: string): Promise<{ pid: number; reported: T; kill: () => void }> {
  const code = `
    import { spawn } from 'node:child_process';
    import { writeFileSync } from 'node:fs';
    const { openGuard } = await import(${JSON.stringify(GUARD_URL)});
    const guard = await openGuard();
    const start = (script) => spawn('sh', ['-c', script], { detached: true, stdio: 'ignore' }).pid;
    ${script}
    setInterval(() => {}, 1000);
  `;
  const harness = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', code], {
    cwd: PROJECT,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  cleanUps.push(() => void harness.kill('SIGKILL'));
  const line = await new Promise<string>((resolve) =>
    createInterface({ input: harness.stdout }).once('line', resolve),
  );
  return { pid: harness.pid ?? 0, reported: JSON.parse(line) as T, kill: () => void harness.kill('SIGKILL') };
}

describe('after kill -9 of the harness', () => {
  it('the children, also one that ignores TERM, the directory and the guard are gone within 5 s', async () => {
    const harness = await startHarness<{ pids: number[]; path: string; guard: number }>(`
      const pids = [start('sleep 60'), start("trap '' TERM; while :; do sleep 1; done"), start('sleep 60 & wait')];
      pids.forEach((pid) => guard.watchProcess(pid));
      const { path } = guard.createDirectory('guard-test');
      writeFileSync(path + '/file', 'x');
      console.log(JSON.stringify({ pids, path, guard: guard.pid }));
    `);
    const { pids, path, guard } = harness.reported;
    expect(pids.map(isRunning)).toEqual([true, true, true]);
    expect(existsSync(path)).toBe(true);
    harness.kill();
    await until(() => !pids.some((pid) => isRunning(pid)) && !existsSync(path) && !isRunning(guard));
    expect(pids.map((pid) => isRunning(-pid))).toEqual([false, false, false]);
  });

  it('what was taken off the list lives on', async () => {
    const harness = await startHarness<{ pid: number; guard: number }>(`
      const pid = start('sleep 60');
      guard.watchProcess(pid);
      guard.unwatchProcess(pid);
      console.log(JSON.stringify({ pid, guard: guard.pid }));
    `);
    const { pid, guard } = harness.reported;
    cleanUps.push(() => void sendSignal(-pid, 'SIGKILL'));
    harness.kill();
    await until(() => !isRunning(guard));
    expect(isRunning(pid)).toBe(true);
  });

  it('even when it is killed between the news and the next breath', async () => {
    const harness = await startHarness<{ pid: number }>(`
      const pid = start('sleep 60');
      console.log(JSON.stringify({ pid }));
      setTimeout(() => { guard.watchProcess(pid); process.kill(process.pid, 'SIGKILL'); }, 50);
    `);
    await until(() => !isRunning(harness.reported.pid));
  });
});

describe('close', () => {
  it('ends the guard, and stops what is still listed, by the signal given', async () => {
    const guard = await openGuard();
    const directory = mkdtempSync(join(tmpdir(), 'session-bench-mark-'));
    cleanUps.push(() => rmSync(directory, { recursive: true, force: true }));
    const mark = join(directory, 'mark');
    const pid = startChild(
      `trap 'echo quit >${mark}; exit 0' QUIT; touch ${mark}; while :; do sleep 0.05; done`,
    );
    await until(() => existsSync(mark));
    guard.watchProcess(pid, 'SIGQUIT');
    await guard.close();
    await guard.close();
    expect(readFileSync(mark, 'utf8')).toBe('quit\n');
    expect(isRunning(pid)).toBe(false);
    expect(isRunning(guard.pid)).toBe(false);
  });

  it('does not wait for long when there is nothing to stop', async () => {
    const guard = await openGuard();
    const startedAt = Date.now();
    await guard.close();
    // Less than the 2 s that it gives to what has to be stopped.
    expect(Date.now() - startedAt).toBeLessThan(2_000);
  });
});

describe('safety', () => {
  it('a process that has reused a pid is not signalled', async () => {
    if (startTimeOf(process.pid) === undefined) throw new Error('needs /proc, which only Linux has');
    const pid = startChild('sleep 60');
    const harmed = startChild('sleep 60');
    const guard = await startGuardProcess();
    // As if our child had ended, and another process had been given its pid since.
    guard.stdin?.write(`pid ${pid} ${Number(startTimeOf(pid)) - 1} SIGTERM\n`);
    guard.stdin?.write(`pid ${harmed} ${startTimeOf(harmed)} SIGTERM\n`);
    guard.stdin?.end();
    await until(() => guard.pid === undefined || !isRunning(guard.pid));
    expect([isRunning(pid), isRunning(harmed)]).toEqual([true, false]);
  });

  it('only directories of our name, directly in the temporary directory, are removed', async () => {
    const outside = mkdtempSync(join(tmpdir(), 'outside-'));
    const nested = join(outside, 'session-bench-nested');
    mkdirSync(nested);
    cleanUps.push(() => rmSync(outside, { recursive: true, force: true }));
    const ours = mkdtempSync(join(tmpdir(), 'session-bench-guard-'));
    writeFileSync(join(ours, 'file'), 'x');
    const guard = await openGuard();
    for (const path of [outside, nested, ours]) guard.watchDirectory(path);
    await guard.close();
    expect([outside, nested, ours].map((path) => existsSync(path))).toEqual([true, true, false]);
  });

  it('signals do not end the guard', async () => {
    const guard = await openGuard();
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.kill(guard.pid, signal);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(isRunning(guard.pid)).toBe(true);
    await guard.close();
  });

  it('a lost guard is reported by the next watch, and by close', async () => {
    const guard = await openGuard();
    process.kill(guard.pid, 'SIGKILL');
    // The news of its end takes a moment.
    await vi.waitFor(() => {
      expect(() => guard.watchDirectory('/nowhere')).toThrow(/The guard process \d+ is lost/);
    }, 5_000);
    guard.unwatchDirectory('/nowhere');
    await expect(guard.close()).rejects.toThrow('SIGKILL');
  });
});

describe('createDirectory', () => {
  it('is private, and removed with what is in it', async () => {
    const guard = await openGuard();
    const directory = guard.createDirectory('example');
    writeFileSync(join(directory.path, 'file'), 'x');
    expect(directory.path).toContain('session-bench-example-');
    directory.remove();
    directory.remove();
    expect(existsSync(directory.path)).toBe(false);
    await guard.close();
  });
});

describe('containers', () => {
  it('are removed with their volumes, through the socket of the engine', async () => {
    const calls: string[] = [];
    const engine = createServer((request, reply) => {
      calls.push(`${request.method} ${request.url}`);
      reply.end();
    });
    const directory = mkdtempSync(join(tmpdir(), 'engine-'));
    cleanUps.push(() => rmSync(directory, { recursive: true, force: true }));
    const socketPath = join(directory, 'a socket');
    await new Promise<void>((resolve) => engine.listen(socketPath, resolve));
    const guard = await openGuard();
    guard.watchContainer('abc', socketPath);
    guard.watchContainer('def', socketPath);
    guard.unwatchContainer('def');
    await guard.close();
    expect(calls).toEqual(['DELETE /containers/abc?force=1&v=1']);
    await new Promise((resolve) => engine.close(resolve));
  });
});
