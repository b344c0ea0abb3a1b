import { afterEach, beforeAll, expect, test } from 'vitest';
import { memory } from '../../stores/memory/backend.ts';
import { none } from '../../stores/none/backend.ts';
import { BenchError } from '../errors.ts';
import type { LoadJob } from '../load/job.ts';
import { closeServers, serveSessions } from '../load/session-server-fixture.ts';
import { type Generator, startGenerator } from './generator.ts';
import { openGuard } from './processes/guard.ts';
import { isRunning } from './processes/process-identity.ts';
import { buildPrograms, type Programs } from './programs.ts';

/** The generator's process, as the harness drives it. */
let programs: Programs;
beforeAll(async () => {
  programs = await buildPrograms();
});

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  await closeServers();
});

async function start(signal = new AbortController().signal): Promise<Generator> {
  const guard = await openGuard();
  closers.push(() => guard.close());
  const generator = await startGenerator({ guard, programs, signal }, () => undefined);
  closers.push(() => generator.close());
  return generator;
}

const jobFor = (url: string, change: Partial<LoadJob> = {}): LoadJob => ({
  targets: [url],
  servers: [url],
  scenario: 'read',
  transport: 'cookie',
  payloadBytes: 64,
  connections: 2,
  sessions: 10,
  keys: 'uniform',
  seed: 1,
  password: 'p',
  ...change,
});

test('one process serves several arms in turns, and keeps their sums apart', async () => {
  const [first, second] = [
    await serveSessions(memory, 64, 'cookie'),
    await serveSessions(none, 64, 'cookie'),
  ];
  const generator = await start();
  expect(isRunning(generator.pid)).toBe(true);
  expect(await generator.prepare(0, jobFor(first.url))).toEqual({ sessionsLive: 10 });
  expect(await generator.prepare(1, jobFor(second.url, { scenario: 'login' }))).toEqual({ sessionsLive: 10 });
  const sums = [0, 0];
  for (const arm of [0, 1, 1, 0]) {
    await generator.replenish(arm, 0.05);
    const slice = await generator.slice(arm, 0.05, { model: 'closed' });
    expect(slice.ok).toBe(slice.scheduled);
    sums[arm] = (sums[arm] as number) + slice.ok;
  }
  const operations = [(await generator.collect(0)).operations[0], (await generator.collect(1)).operations[0]];
  expect(operations.map((one) => one?.ok)).toEqual(sums);
  expect(Math.min(...sums)).toBeGreaterThan(0);
  const open = { model: 'open', ratePerSecond: 100, arrivals: 'constant' } as const;
  expect((await generator.slice(0, 0.1, open)).scheduled).toBe(10);
  expect((await generator.collect(0)).open?.lateness).toBeDefined();
});

test('what fails is an error that says what it was, and the process lives on', async () => {
  const served = await serveSessions(memory, 64, 'cookie');
  const generator = await start();
  await expect(generator.slice(7, 1, { model: 'closed' })).rejects.toThrow('arm 7 is not prepared');
  const refused = generator.prepare(0, jobFor(served.url, { password: 'wrong' }));
  await expect(refused).rejects.toBeInstanceOf(BenchError);
  expect(await generator.prepare(0, jobFor(served.url))).toEqual({ sessionsLive: 10 });
});

test('an aborted signal ends a slice with its reason', async () => {
  const served = await serveSessions(memory, 64, 'cookie');
  const abort = new AbortController();
  const generator = await start(abort.signal);
  await generator.prepare(0, jobFor(served.url));
  const slice = generator.slice(0, 30, { model: 'closed' });
  abort.abort(new Error('enough'));
  await expect(slice).rejects.toThrow('enough');
});

test('a generator that dies fails the step that waits for it', async () => {
  const served = await serveSessions(memory, 64, 'cookie');
  const generator = await start();
  await generator.prepare(0, jobFor(served.url));
  const slice = generator.slice(0, 30, { model: 'closed' });
  process.kill(generator.pid, 'SIGKILL');
  await expect(slice).rejects.toMatchObject({ code: 'GENERATOR_FAILED' });
});
