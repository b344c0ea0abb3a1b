import { afterAll, expect, test } from 'vitest';
import { bench, faultsOf, rowsIn, scratch } from './cli-fixture.ts';

/** Runs in which reads renew sessions, and in which sessions expire. */
const directory = scratch();
afterAll(directory.remove);
const SMALL = ['--balancer', 'none', '-w', '300ms', '--sessions', '100', '-c', '8'];

test('--touch 0s: every read renews its session, in the store or by another token, and the row counts it', async () => {
  const out = `${directory.path}/touch.csv`;
  const args = ['--store', 'none,redis,jwt', '--touch', '0s', '-d', '400ms', '-o', out, ...SMALL];
  const result = await bench(args, directory.path);
  const rows = rowsIn(out);
  expect(faultsOf(result, rows)).toEqual([]);
  const cell = (store: string, name: string) => Number(rows.find((row) => row['store'] === store)?.[name]);
  expect(['none', 'redis', 'jwt'].map((store) => cell(store, 'touch_s'))).toEqual([0, 0, 0]);
  expect(cell('none', 'touches_per_req')).toBe(0);
  expect(cell('redis', 'touches_per_req')).toBeCloseTo(1, 1);
  expect(cell('jwt', 'touches_per_req')).toBeCloseTo(1, 1);
  // One to read it, one to renew it.
  expect(cell('redis', 'store_commands_per_req')).toBeCloseTo(2, 1);
});

test('--expiring: sessions besides those of the load are gone in the middle of the measured time', async () => {
  const out = `${directory.path}/expiring.csv`;
  const load = ['--equal-load', '--rate', '200', '-d', '12s'];
  const args = ['--store', 'redis', '--expiring', '2000', '--churn', '500', ...load, '-o', out, ...SMALL];
  const result = await bench(args, directory.path);
  const rows = rowsIn(out);
  expect(faultsOf(result, rows)).toEqual([]);
  const [row] = rows;
  const cell = (name: string) => Number(row?.[name] || Number.NaN);
  expect(row).toMatchObject({ expiring_sessions: '2000', churned_sessions: '500', idle_s: '8' });
  expect(cell('expiring_store_bytes')).toBeGreaterThan(2000 * 256);
  expect(cell('freed_store_bytes')).toBeGreaterThan(2000 * 256);
  // Of each, the list of its user's logins stays for the absolute lifetime.
  expect(Math.abs(cell('expired_left_pct') - 50)).toBeLessThanOrEqual(5);
  // How soon the store swept them depends on what else this machine does.
  expect(cell('expired_swept_s')).toBeGreaterThanOrEqual(0);
  // The sessions of the load live on: each is renewed once in 2 s, of two reads a second.
  expect(cell('touches_per_req')).toBeGreaterThan(0.1);
  expect(result.stdout.replace(/\s+/g, ' ')).toContain('2,000 expire, after 500 logins and logouts');
  expect(result.stdout).toContain('as sessions expire');
});
