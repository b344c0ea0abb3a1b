import { expect, test } from 'vitest';
import { jwt } from '../stores/jwt/backend.ts';
import { memory } from '../stores/memory/backend.ts';
import { openStore } from '../stores/open.ts';
import type { StoreDefinition } from '../stores/store.ts';
import { contextFor } from '../stores/suite/context.ts';
import { createClock } from './clock.ts';
import { countTouches, measureSessionBytes } from './stats.ts';

const SESSIONS = 5_000;
const DATA_BYTES = 256;
const ABSOLUTE_SECONDS = 3_600;

/** What this process holds for sessions in a store of this backend, and whether one of them is alive afterwards. */
async function weigh(definition: StoreDefinition): Promise<{ perSession: number; isAlive: boolean }> {
  const clock = createClock({});
  const store = await openStore(
    definition,
    contextFor(definition, { now: clock.now, absoluteSeconds: ABSOLUTE_SECONDS }),
  );
  let token = '';
  for (let index = 0; index < SESSIONS; index += 1) {
    const result = await store.create({ userId: `u${index}`, role: 'user', data: 'x'.repeat(DATA_BYTES) });
    if (result.status === 'created') token = result.token;
  }
  expect(await store.read(token)).toBeDefined();
  const bytes = await measureSessionBytes(store.sweep, clock, ABSOLUTE_SECONDS);
  const isAlive = (await store.read(token)) !== undefined;
  await store.close();
  return { perSession: bytes / SESSIONS, isAlive };
}

test('sessions in this process are weighed by ending them', async () => {
  const { perSession, isAlive } = await weigh(memory);
  expect(perSession).toBeGreaterThan(DATA_BYTES);
  expect(perSession).toBeLessThan(10 * DATA_BYTES);
  expect(isAlive).toBe(false);
});

test('where none lies in the process nothing is weighed, and nothing ended', async () => {
  const { perSession, isAlive } = await weigh(jwt);
  expect(Math.abs(perSession)).toBeLessThan(DATA_BYTES / 4);
  expect(isAlive).toBe(true);
});

test('touches are counted, and passed on', async () => {
  const opened = await openStore(memory, contextFor(memory, {}));
  const { store, touches } = countTouches(opened);
  const result = await store.create({ role: 'user', data: '' });
  const token = result.status === 'created' ? result.token : '';
  expect([touches(), await store.touch(token), await store.touch('unknown')]).toEqual([0, {}, undefined]);
  expect([touches(), (await store.read(token))?.version]).toEqual([2, 1]);
  await store.close();
});
