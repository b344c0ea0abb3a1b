import { describe, expect, test } from 'vitest';
import type { Row } from '../results/row.ts';
import { costOf, usesOf, verdictAt } from './cost.ts';
import type { PriceList } from './prices.ts';

const row = (store: string, cells: Row): Row => ({
  ...{ store, arm: store, scenario: 'read', operation: 'all', block: 'r-1', engine: 'slices' },
  ...{ status: 'ok', valid: true, sessions_live: 2_000, req_bytes: 500, resp_bytes: 2_000, ...cells },
});
const REDIS = row('redis', {
  variant: 'durability=second;pipelining=none',
  ...{ cpu_us_per_req_server: 30, cpu_us_per_req_store: 10, pool_size: 1 },
  ...{ server_bytes_per_session: -3, store_bytes_per_session: 900 },
});
const MEMORY = row('memory', { cpu_us_per_req_server: 20, server_bytes_per_session: 700 });
const PRICES: PriceList = {
  ...{ currency: 'EUR', coreHour: 0.036, memoryGBHour: 0.01, trafficOutGB: 0.5, trafficInGB: 0.1 },
  serviceMonth: { redis: null },
};
const VOLUME = { rate: 100, sessions: 10_000 };
const useOf = (one: Row) => usesOf([one])[0] as ReturnType<typeof usesOf>[number];

describe('what an arm takes', () => {
  test('is of a million requests and of a million sessions', () => {
    expect(useOf(REDIS)).toMatchObject({ name: 'redis', service: 'redis', sentGB: 2, receivedGB: 0.5 });
    const { cpuSeconds, memoryGB } = useOf(REDIS);
    expect(cpuSeconds.both).toBeCloseTo(40);
    // Noise below nothing is nothing.
    expect(memoryGB).toEqual({ servers: 0, service: 0.9 });
    const { service, memoryGB: held } = useOf(MEMORY);
    expect([service, held.service]).toEqual([undefined, 0]);
    expect(held.servers).toBeCloseTo(0.7);
  });

  test('is not known where a service cannot be read, nor the memory of few sessions', () => {
    const { cpu_us_per_req_store: _, ...unread } = REDIS;
    expect(useOf(unread).cpuSeconds).toMatchObject({ both: undefined, service: undefined });
    expect(useOf({ ...MEMORY, sessions_live: 999 }).memoryGB.servers).toBeUndefined();
  });

  test('is of usable rows alone', () => {
    expect(usesOf([{ ...MEMORY, valid: false }])).toEqual([]);
  });
});

describe('what it costs', () => {
  test('is CPU, traffic and memory at the prices that are given', () => {
    const { millionRequests, millionSessions, service, total } = costOf(useOf(REDIS), PRICES, VOLUME);
    // 40 s of a core of 0.036 an hour; 2 GB sent and half a GB received.
    expect(millionRequests).toBeCloseTo(0.0004 + 1 + 0.05, 6);
    expect(millionSessions).toBeCloseTo(0.9 * 0.01 * 730);
    expect(service).toBe(0);
    // 262.8 million requests a month.
    expect(total).toBeCloseTo(262.8 * 1.0504 + 6.57 / 100);
  });

  test('has the CPU and the memory of a service that is paid as a whole in its price', () => {
    const paid = { ...PRICES, serviceMonth: { redis: 20 } };
    const cost = costOf(useOf(REDIS), paid, VOLUME);
    expect(cost).toMatchObject({ millionSessions: 0, service: 20 });
    expect(cost.millionRequests).toBeCloseTo(0.0003 + 1.05, 6);
    expect(costOf(useOf(MEMORY), paid, VOLUME).service).toBe(0);
    const free = { ...PRICES, serviceMonth: { redis: 0 } };
    expect(costOf(useOf(REDIS), free, VOLUME)).toMatchObject({ millionSessions: 0, service: 0 });
  });

  test('is not known where its use is not', () => {
    const few = useOf({ ...MEMORY, sessions_live: 10 });
    expect(costOf(few, PRICES, VOLUME)).toMatchObject({ millionSessions: undefined, total: undefined });
  });
});

test('below a tenth of a core it does not decide', () => {
  expect(verdictAt([0.01, 0.1], 100)).toBe(
    'At 100 requests/s cost does not decide: all of them differ by less than 0.1 core.',
  );
  expect(verdictAt([0.1, 1.3], 5_000)).toBe('At 5,000 requests/s they differ by up to 1.20 cores.');
});
