import { afterEach, expect, test } from 'vitest';
import { closeAll, get, loopOn, serveHttp } from './loop-fixture.ts';

/** A generator that stays awake: what it polls for nothing is not its cost, and it does nothing between slices. */
afterEach(closeAll);

const SLOW_MS = 20;
const slowServer = () => serveHttp((path, response) => void setTimeout(() => response.end(path), SLOW_MS));

test('in a closed loop it polls while it waits, and not when it sleeps', async () => {
  const { url } = await slowServer();
  const [awake, asleep] = [true, false].map((staysAwake) => loopOn(url, [get('/a')], { staysAwake }));
  const [polled, slept] = [
    await awake?.run(0.4, { model: 'closed' }),
    await asleep?.run(0.4, { model: 'closed' }),
  ];
  // Of 400 ms, most is waiting for replies of 20 ms.
  expect(polled?.pollingNs).toBeGreaterThan(0.1e9);
  expect(slept?.pollingNs).toBe(0);
  expect(polled?.cpuNs).toBeLessThan(0.4e9);
  const { user } = process.cpuUsage();
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(process.cpuUsage().user - user).toBeLessThan(100_000);
  expect((await awake?.all())?.ok).toBe(polled?.completed);
});

test('in an open loop it sends what is due, at once', async () => {
  const { url } = await serveHttp((path, response) => response.end(path));
  const loop = loopOn(url, [get('/a')], { staysAwake: true });
  const slice = await loop.run(0.5, { model: 'open', ratePerSecond: 200, arrivals: 'constant' });
  expect(slice.scheduled).toBe(100);
  const { open } = loop.take();
  expect(open?.pumped).toBe(100);
  expect(open?.lateness.getValueAtPercentile(50)).toBeLessThan(1_000);
});

test('a closed loop ends after the requests that it was asked for', async () => {
  const { url } = await serveHttp((path, response) => response.end(path));
  const slice = await loopOn(url, [get('/a')]).run(10, { model: 'closed', requests: 50 });
  expect([slice.scheduled, slice.ok]).toEqual([50, 50]);
  expect(slice.seconds).toBeLessThan(5);
});
