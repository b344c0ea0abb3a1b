import { afterAll, beforeAll, expect, test } from 'vitest';
import { openStore } from '../open.ts';
import { readServiceUrl } from '../service-url.ts';
import type { SessionStore } from '../store.ts';
import { contextFor } from '../suite/context.ts';
import { everyCall, expectOutage, logInTo, untilItAnswers } from '../suite/outage.ts';
import { redis } from './backend.ts';
import { redisClient } from './client.ts';
import { type SentinelFixture, startSentinelFixture } from './sentinel-fixture.ts';
import { REDIS_URL } from './url.ts';

/** Down after 1 s, then an election; seen: 1.5 to 3 s. */
const FAILOVER_GUARD_MS = 20_000;
const HANG_GUARD_MS = 2_000;

let fixture: SentinelFixture;
let url: string;
const stores: SessionStore[] = [];
beforeAll(async () => {
  fixture = await startSentinelFixture('second');
  const read = readServiceUrl(fixture.url, REDIS_URL);
  if ('fault' in read) throw new Error(read.fault.expected);
  url = read.url;
});
afterAll(async () => {
  for (const store of stores) await store.close();
  await fixture.stop();
});

async function open(onBackgroundError: (error: unknown) => void = () => undefined): Promise<SessionStore> {
  const store = await openStore(redis, contextFor(redis, { serviceUrl: url, onBackgroundError }));
  stores.push(store);
  return store;
}

test('what is inspected, measured and cleaned is the primary that they name', async () => {
  const { version, settings, notes } = await redisClient.inspect(url);
  expect(version).toMatch(/^\d+\.\d+\.\d+$/);
  expect(settings).toMatchObject({ appendonly: 'yes', appendfsync: 'everysec' });
  expect(notes).toEqual([]);
  const serving = await redisClient.inspectProcess(url, (found) => found);
  expect(serving).toEqual({ pid: fixture.primary.pid, program: 'redis-server', isChild: false });
  await fixture.primary.command('SET', 'sb_gone:x', '1');
  expect(await redisClient.dump(url)).toContain('sb_gone:x');
  await redisClient.purge(url, 'sb_gone');
  expect(await fixture.primary.command('EXISTS', 'sb_gone:x')).toBe(0);
});

test.each<[string, () => string, object]>([
  [
    'a name that they do not watch',
    () => url.replace('/main', '/other'),
    { kind: 'refused', advice: { expected: 'to watch a primary of this name', remedy: expect.any(String) } },
  ],
  [
    'Redis itself, by the URL of Sentinels',
    () => fixture.primary.url.replace('redis:', 'redis-sentinel:').concat('/main'),
    { kind: 'refused', advice: { expected: 'to be a Sentinel', remedy: expect.stringMatching('redis://') } },
  ],
  [
    'nothing',
    () => 'redis-sentinel://127.0.0.1:1/main',
    { kind: 'unreachable', message: expect.stringMatching(/failed to connect to sentinel 127\.0\.0\.1:1/) },
  ],
])('%s: refused', async (_, at, expected) => {
  await expect(redisClient.inspect(at())).rejects.toMatchObject(expected);
});

test('a Sentinel that is away: the next one is asked', async () => {
  fixture.sentinels[0]?.pause();
  try {
    await expect((await open()).read(await logInTo(await open()))).resolves.toBeUndefined();
  } finally {
    fixture.sentinels[0]?.resume();
  }
});

test('the primary killed: outages, never misses; then the same store works on the new one', async () => {
  const reported: unknown[] = [];
  const store = await open((error) => reported.push(error));
  const token = await logInTo(store);
  // What the replica has not received yet is lost.
  await expect.poll(() => fixture.replica.command('DBSIZE')).toBe(await fixture.primary.command('DBSIZE'));
  await fixture.primary.kill();
  await expectOutage(everyCall(store, token), HANG_GUARD_MS);
  await untilItAnswers(() => store.read(token), FAILOVER_GUARD_MS);
  expect(await store.read(token)).toMatchObject({ userId: 'u1' });
  for (const call of Object.values(everyCall(store, await logInTo(store, 'u9')))) await call();
  expect(reported).toHaveLength(1);
  expect(await redisClient.inspectProcess(url, ({ pid }) => pid)).toBe(fixture.replica.pid);
}, 60_000);
