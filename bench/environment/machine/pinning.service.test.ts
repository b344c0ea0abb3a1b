import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BenchError } from '../../errors.ts';
import { type Guard, openGuard } from '../processes/guard.ts';
import { startProcess } from '../processes/process.ts';
import { parseCpuList } from './cpu-list.ts';
import { pinningText, planPinning } from './pinning.ts';

describe('planPinning', () => {
  test.each([
    [[0, 1], '0', '0', '1'],
    [[4, 7], '4', '4', '7'],
    [[0, 1, 2], '0', '1', '2'],
    [[0, 1, 2, 3], '0', '1', '2-3'],
    [[0, 1, 2, 3, 4, 5, 6, 7], '0-1', '2', '3-7'],
    [[0, 2, 4, 5, 6, 8, 10, 11], '0,2', '4', '5-6,8,10-11'],
    [Array.from({ length: 32 }, (_, cpu) => cpu), '0-7', '8-11', '12-31'],
  ])('shares %j out', (cpus, generator, balancer, system) => {
    expect(planPinning(cpus)).toEqual({ generator, balancer, server: system, store: system });
  });

  test('refuses a single processor, as a wrong flag', () => {
    const plan = () => planPinning([3]);
    expect(plan).toThrow(BenchError);
    expect(plan).toThrow(/^CONFLICT: expected at least 2 processors for --pin, got 1\. Leave it out/);
  });
});

describe('pinningText', () => {
  test('names only what was pinned', () => {
    const two = planPinning([0, 1]);
    expect(pinningText(two, true)).toBe('generator,balancer=0;servers,store=1');
    expect(pinningText(two, false)).toBe('generator,balancer=0;servers=1');
    expect(pinningText(planPinning([0, 1, 2, 3]), true)).toBe('generator=0;balancer=1;servers,store=2-3');
  });
});

test('parseCpuList reads what the kernel writes', () => {
  expect(parseCpuList('0')).toEqual([0]);
  expect(parseCpuList('')).toEqual([]);
  expect(parseCpuList('0-3')).toEqual([0, 1, 2, 3]);
  expect(parseCpuList('1,4-5,9')).toEqual([1, 4, 5, 9]);
});

describe('a pinned process', () => {
  let guard: Guard;
  beforeAll(async () => {
    guard = await openGuard();
  });
  afterAll(() => guard.close());
  const start = (cpus: string) =>
    startProcess({
      name: 'pinned',
      command: process.execPath,
      args: ['-e', 'process.send({ type: "ready", port: process.pid }); setInterval(() => {}, 1000)'],
      cpus,
      ready: 'ipc',
      timeoutMs: 5_000,
      guard,
      failure: { code: 'SERVER_FAILED', remedy: 'Look at its output.' },
    });

  test('stays on its processors, with the pid that was started, and keeps its channel', async () => {
    const [cpu = 0] = parseCpuList(
      /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0',
    );
    const started = await start(String(cpu));
    expect(started.port).toBe(started.pid);
    expect(readFileSync(`/proc/${started.pid}/status`, 'utf8')).toMatch(
      new RegExp(`^Cpus_allowed_list:\\s*${cpu}$`, 'm'),
    );
    expect(readFileSync(`/proc/${started.pid}/comm`, 'utf8').trim()).toBe('node');
    await started.stop();
  });

  test('on a processor that is not there says so', async () => {
    await expect(start('4095')).rejects.toThrow(/SERVER_FAILED: .*taskset: .*Invalid argument/);
  });
});
