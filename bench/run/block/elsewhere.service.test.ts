import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { parseConfig } from '../../config/config.ts';
import type { Arm } from './arms.ts';
import { createElsewhere } from './elsewhere.ts';

/** The work is that of this process, and so is the exporter, which tells the CPU that the kernel counts. */
let exporter: Server | undefined;
afterEach(() => {
  exporter?.closeAllConnections();
  exporter?.close();
});

async function open(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  exporter = server;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics#db`;
}

const textOf = (takenAtMs?: number) => {
  const { user, system } = process.cpuUsage();
  const value = `container_cpu_usage_seconds_total{cpu="total",name="db"} ${(user + system) / 1e6}`;
  return takenAtMs === undefined ? `${value}\n` : `${value} ${takenAtMs}\n`;
};

const configOf = (url: string) =>
  parseConfig({ store: 'redis,memory', redisUrl: 'redis://elsewhere', cpuFrom: [url] }, {});
const whole = (isWhole: boolean, released = new AbortController().signal) => ({ isWhole, released });
const armOf = (store: string) => ({ trial: { store, options: {} } }) as unknown as Arm;

/** Uses CPU of at least this long; returns how much in all, nanoseconds. */
function work(ms: number): Promise<number> {
  const before = process.cpuUsage();
  const used = () => {
    const { user, system } = process.cpuUsage(before);
    return user + system;
  };
  while (used() < ms * 1000);
  return Promise.resolve(used() * 1000);
}

function expectAbout(ns: number | undefined, expected: number): void {
  expect(ns).toBeGreaterThan(0.75 * expected);
  expect(ns).toBeLessThan(1.25 * expected);
}

test('an arm alone pays for all its slices; arms that take turns pay for their own', async () => {
  const config = configOf(await open((_, response) => response.end(textOf())));
  const [redis, memory] = [armOf('redis'), armOf('memory')];
  const alone = createElsewhere([redis], config, whole(true));
  const used = (await alone.around(redis, () => work(300))) + (await alone.around(redis, () => work(300)));
  await alone.watchIdle();
  expect(alone.spent(redis)).toMatchObject({ role: 'store', from: 'container', notes: [] });
  expectAbout(alone.spent(redis)?.ns, used);

  const turns = createElsewhere([redis, memory], config, whole(false));
  const own = await turns.around(redis, () => work(300));
  await turns.around(memory, () => work(400));
  await turns.watchIdle();
  expectAbout(turns.spent(redis)?.ns, own);
  expect(turns.spent(memory)).toBeUndefined();
});

test('values that are renewed each second say nothing of half a second', async () => {
  let [text, takenAtMs] = [textOf(1_000), 0];
  const config = configOf(
    await open((_, response) => {
      if (performance.now() - takenAtMs > 1_000) [text, takenAtMs] = [textOf(Date.now()), performance.now()];
      response.end(text);
    }),
  );
  const redis = armOf('redis');
  const elsewhere = createElsewhere([redis], config, whole(true));
  await elsewhere.around(redis, () => work(300).then(() => setTimeout(200)));
  await elsewhere.watchIdle();
  const { ns, notes } = elsewhere.spent(redis) ?? {};
  expect(ns).toBeUndefined();
  expect(notes).toEqual([
    expect.stringMatching(/^no CPU from http:\S+#db: its samples are .* too coarse for/),
  ]);
});

test('a block that is over waits for no exporter', async () => {
  const config = configOf(await open((_, response) => response.end(textOf(1_000))));
  const redis = armOf('redis');
  const over = new AbortController();
  const elsewhere = createElsewhere([redis], config, whole(true, over.signal));
  await elsewhere.around(redis, () => work(1));
  const watching = elsewhere.watchIdle();
  over.abort();
  await expect(watching).rejects.toThrow(/aborted/);
});
