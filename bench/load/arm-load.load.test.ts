import { setTimeout } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { jwt } from '../../stores/jwt/backend.ts';
import { memory } from '../../stores/memory/backend.ts';
import { decodeHistogram } from '../stats/histogram.ts';
import { prepareArm } from './arm-load.ts';
import type { LoadJob } from './job.ts';
import { expectAccounted } from './loop-fixture.ts';
import { UnsupportedError } from './population.ts';
import { closeServers, serveSessions } from './session-server-fixture.ts';

/** An arm's sessions and slices, against the real endpoints. */
afterEach(closeServers);

const CLOSED = { model: 'closed' } as const;

async function prepare(
  scenario: LoadJob['scenario'],
  change: Partial<LoadJob> = {},
  definition = memory,
  touchIntervalSeconds?: number,
) {
  const { payloadBytes = 64, transport = 'cookie' } = change;
  const served = await serveSessions(definition, payloadBytes, transport, touchIntervalSeconds);
  const progress: string[] = [];
  const job: LoadJob = {
    targets: [served.url],
    servers: [served.url],
    scenario,
    transport,
    payloadBytes,
    connections: 4,
    sessions: 40,
    keys: 'uniform',
    seed: 1,
    password: 'p',
    ...change,
  };
  const arm = await prepareArm(job, (text) => progress.push(text));
  return { arm, served, progress };
}

describe.each(['cookie', 'bearer'] as const)('by %s', (transport) => {
  test.each(['read', 'update'] as const)(
    '%s: slices use the population and leave it as it is',
    async (scenario) => {
      const { arm, served } = await prepare(scenario, { transport });
      expect([arm.sessionsLive, served.live.size]).toEqual([40, 40]);
      await arm.replenish(0.05);
      const slices = [await arm.slice(0.05, CLOSED), await arm.slice(0.05, CLOSED)];
      const result = await arm.collect();
      const [all] = result.operations;
      if (all === undefined) throw new Error('no results');
      expectAccounted(all);
      expect(all.ok).toBe(all.scheduled);
      expect(all.ok).toBe(slices.reduce((sum, slice) => sum + slice.ok, 0));
      expect(result.durationSeconds).toBeCloseTo(slices.reduce((sum, slice) => sum + slice.seconds, 0));
      expect(result.cpuNs).toBeGreaterThan(0);
      expect(result.firstFailure).toBeUndefined();
      expect(served.live.size).toBe(40);
      expect((await arm.collect()).operations[0]?.scheduled).toBe(0);
    },
  );

  test.each(['login', 'visit'] as const)(
    '%s: what a slice has made is gone after the next replenishment',
    async (scenario) => {
      const { arm, served } = await prepare(scenario, { transport });
      await arm.replenish(0.05);
      const { ok } = await arm.slice(0.05, CLOSED);
      expect(ok).toBeGreaterThan(0);
      expect(served.live.size).toBe(40 + ok);
      await arm.replenish(0.05);
      expect([served.live.size, served.missed]).toEqual([40, 0]);
    },
  );
});

test.each(['cookie', 'bearer'] as const)(
  'by %s: a token that a touch issues is taken up',
  async (transport) => {
    const { arm, served } = await prepare('read', { transport, takesUp: true }, jwt, 2);
    // Tokens count whole seconds: a second later than the interval, none is touched twice within the slices.
    await setTimeout(2_100);
    const slices = [await arm.slice(0.1, CLOSED), await arm.slice(0.1, CLOSED)];
    expect(slices.reduce((sum, { ok }) => sum + ok, 0)).toBeGreaterThan(80);
    expect(served.touches).toBe(40);
    expect((await arm.collect()).firstFailure).toBeUndefined();
  },
);

test('sessions that are left to expire are made besides those of the load, and times go with each slice', async () => {
  const { arm, served } = await prepare('read', { expiring: { sessions: 30, churned: 20 } });
  // Those who have logged out again are gone.
  expect([served.live.size, served.missed]).toEqual([40, 0]);
  await arm.fill();
  expect(served.live.size).toBe(70);
  const slices = [await arm.slice(0.05, CLOSED), await arm.slice(0.05, CLOSED)];
  for (const { times = '', completed } of slices) expect(decodeHistogram(times).totalCount).toBe(completed);
  expect((await arm.slice(0.05, CLOSED)).ok).toBeGreaterThan(0);
});

test('logout: each slice consumes sessions that were made for it, and leaves the population', async () => {
  const { arm, served } = await prepare('logout');
  for (let round = 0; round < 3; round += 1) {
    await arm.replenish(0.01);
    const made = served.live.size - 40;
    const { ok, scheduled } = await arm.slice(0.01, CLOSED);
    expect(ok).toBe(scheduled);
    expect(ok).toBeGreaterThan(0);
    expect(served.live.size).toBe(40 + made - ok);
  }
  expect(served.missed).toBe(0);
  expect((await arm.collect()).firstFailure).toBeUndefined();
});

test('logout: a slice that uses its sessions up ends early', async () => {
  const { arm, served } = await prepare('logout');
  await arm.replenish(1);
  // No more than the job has sessions, and one more for each connection.
  expect(served.live.size).toBe(40 + 44);
  const { seconds, ok } = await arm.slice(30, CLOSED);
  expect(ok).toBe(44);
  expect(seconds).toBeLessThan(10);
  // Without replenishment there is nothing to send.
  expect((await arm.slice(30, CLOSED)).scheduled).toBe(0);
});

test('mixed: every operation is counted, and the number of sessions stays', async () => {
  const { arm, served } = await prepare('mixed');
  await arm.replenish(0.3);
  const before = served.live.size;
  expect(before).toBe(40 + 64);
  await arm.slice(0.3, CLOSED);
  await arm.replenish(0.3);
  expect([served.live.size, served.missed]).toEqual([before, 0]);
  const { operations, firstFailure } = await arm.collect();
  const names = operations.map((one) => one.operation);
  expect(names[0]).toBe('all');
  expect(names.sort()).toEqual(['all', 'login', 'logout', 'read', 'update']);
  for (const one of operations) expectAccounted(one);
  expect(operations[0]?.ok).toBe(operations[0]?.completed);
  for (const one of operations) expect(one.ok).toBeGreaterThan(0);
  expect(firstFailure).toBeUndefined();
});

test.each(['read', 'login', 'logout', 'mixed'] as const)(
  '%s on autocannon ends in the same sums',
  async (scenario) => {
    const { arm, served } = await prepare(scenario);
    let completed = 0;
    for (let round = 0; round < 2; round += 1) {
      await arm.replenish(0.2);
      completed += (await arm.slice(0.2, { model: 'autocannon' })).completed;
    }
    const [all] = (await arm.collect()).operations;
    expect(all?.ok).toBe(completed);
    expect(completed).toBeGreaterThan(0);
    expect(served.missed).toBe(0);
  },
);

test('an open loop reports how well it kept up', async () => {
  const { arm } = await prepare('read');
  const slice = await arm.slice(0.2, { model: 'open', ratePerSecond: 100, arrivals: 'constant' });
  const { open, operations } = await arm.collect();
  expect([slice.scheduled, operations[0]?.ok]).toEqual([20, 20]);
  expect(operations[0]?.response).toBeDefined();
  expect(open?.lateness).toBeDefined();
  expect(open?.backlogMax).toBeGreaterThanOrEqual(0);
});

test('revocation is collected like the rest, and goes with no other load', async () => {
  const { arm } = await prepare('revocation', { sessions: 2 });
  await expect(arm.slice(1, CLOSED)).rejects.toThrow();
  await expect(arm.collect()).rejects.toThrow();
  const slice = await arm.slice(1, { model: 'revocation' });
  const { revocation, operations } = await arm.collect();
  expect(slice.ok).toBe(operations[0]?.ok);
  expect([revocation?.staleAccepts, revocation?.neverRefused]).toEqual([0, 0]);
});

test('the first failure is reported with its slices, and reset with them', async () => {
  const { arm, served } = await prepare('read', { payloadBytes: 64 });
  const wrong = await prepareArm(
    {
      targets: [served.url],
      servers: [served.url],
      scenario: 'read',
      transport: 'cookie',
      // Not the size that the server was configured with: all replies are wrong.
      payloadBytes: 128,
      connections: 1,
      sessions: 1,
      keys: 'zipf',
      seed: 1,
      password: 'p',
    },
    () => undefined,
  );
  await wrong.slice(0.01, CLOSED);
  const { operations, firstFailure } = await wrong.collect();
  expect(operations[0]?.checkFailed).toBe(operations[0]?.scheduled);
  expect(firstFailure).toContain('read got 200 {"user":"u0000000"');
  expect((await wrong.collect()).firstFailure).toBeUndefined();
  await arm.slice(0.01, CLOSED);
  expect((await arm.collect()).firstFailure).toBeUndefined();
});

test('a session that does not fit is unsupported, a refused login is an error', async () => {
  await expect(prepare('read', { payloadBytes: 8_192 }, jwt)).rejects.toThrow(UnsupportedError);
  await expect(prepare('revocation', { payloadBytes: 8_192 }, jwt)).rejects.toThrow(UnsupportedError);
  await expect(prepare('read', { password: 'wrong' })).rejects.toThrow('a login got 401');
});
