import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { freeze, untilStopped } from './freeze.ts';

test('every thread of a busy process is stopped when it returns', async () => {
  const child = spawn(process.execPath, ['-e', 'console.log(1); for (;;) Math.random();'], {
    stdio: 'pipe',
  });
  try {
    await once(child.stdout, 'data');
    const pid = child.pid as number;
    freeze(pid);
    expect(readFileSync(`/proc/${pid}/status`, 'utf8')).toMatch(/^State:\s+T/m);
    process.kill(pid, 'SIGCONT');
    expect(() => untilStopped(pid)).toThrow(/to be stopped within/);
  } finally {
    child.kill('SIGKILL');
  }
});

test('a process that is gone is stopped', () => {
  untilStopped(2 ** 22 + 1);
});
