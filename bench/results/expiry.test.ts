import { expect, test } from 'vitest';
import type { Expiry } from './observed.ts';
import type { Row } from './row.ts';
import { rowsOf } from './rows.ts';
import { renderTables } from './table.ts';
import { BASE, closedResult, EXPECTED, OBSERVED, TRIAL } from './trial-fixture.ts';

const SEEN: Expiry = {
  hasTimeBefore: true,
  hasAllExpired: true,
  p99BeforeUs: 1_500,
  p99InUs: 2_500,
  extraUs: { server: -2_000, store: 30_000 },
  held: { serverBytes: 1_000, storeBytes: 8 * 2 ** 20 },
  freed: { serverBytes: 0, storeBytes: 6 * 2 ** 20 },
  leftShare: 0.25,
  sweptSeconds: undefined,
};
const BASE_ROW: Row = {
  ...{ ...BASE, scenario: 'read', engine: 'slices', pool_size: 1 },
  ...{ touch_s: 1, idle_s: 8, expiring_sessions: 5_000 },
};
const rowOf = async (expiry: Partial<Expiry> = {}, touches: number | undefined = 500) => {
  const observed = { ...OBSERVED, touches, expiry: { ...SEEN, ...expiry } };
  return rowsOf(TRIAL, BASE_ROW, await closedResult(), observed, EXPECTED)[0] as Row;
};

test('what sessions cost as they expired, and what is left of them, is in the row', async () => {
  const row = await rowOf();
  expect(row).toMatchObject({
    ...{ p99_before_expiry_us: 1_500, p99_in_expiry_us: 2_500 },
    ...{ expiry_cpu_ms_server: -2, expiry_cpu_ms_store: 30 },
    ...{ expiring_store_bytes: 8 * 2 ** 20, freed_store_bytes: 6 * 2 ** 20, freed_server_bytes: 0 },
    ...{ expired_left_pct: 25, touches_per_req: 0.25, valid: true },
  });
  expect(row).not.toHaveProperty('expired_swept_s');
});

test.each([
  [{ hasTimeBefore: false }, 'expiry: sessions expired before the measured time'],
  [{ hasAllExpired: false }, 'expiry: some sessions expire after the measured time'],
])('%j makes the row invalid, and says why', async (change, reason) => {
  const row = await rowOf(change);
  expect([row.valid, row.invalid_reason]).toEqual([false, expect.stringContaining(reason)]);
});

test('touches are counted only where there may be some', async () => {
  const { touch_s: _, ...without } = BASE_ROW;
  const [row] = rowsOf(TRIAL, without, await closedResult(), { ...OBSERVED, touches: 0 }, EXPECTED);
  expect(row).not.toHaveProperty('touches_per_req');
});

test('a table has what expired, and its title what expires', async () => {
  const text = renderTables([await rowOf()], false);
  expect(text.replace(/\n +/, ' ')).toMatch(/^read, .*, touched every 1 s, 5,000 expire\n/);
  const at = text.split('\n').indexOf('as sessions expire');
  const line = text
    .split('\n')
    .slice(at)
    .find((one) => one.startsWith(TRIAL.store));
  expect(line?.split(/ +/).slice(1)).toEqual(['1.50', '2.50', '-2', '30', '8', '6', '25.0']);
  for (const one of text.split('\n').slice(1)) expect(one.length).toBeLessThanOrEqual(80);
});
