import { writeFileSync } from 'node:fs';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { closeSites, contractFor, openSite } from '../conformance/external-site-fixture.ts';
import { bench, faultsOf, rowsIn, scratch } from './cli-fixture.ts';

/** Whole commands whose figures are of rates and of noise: alone on the machine. */
const directory = scratch();
afterEach(closeSites);
afterAll(directory.remove);
const SMALL = ['--balancer', 'none', '-d', '400ms', '-w', '200ms', '--sessions', '100', '-c', '8'];
const at = (name: string) => `${directory.path}/${name}`;

describe('an open loop', () => {
  test('offers every arm the rate, and counts time from when a request was due', async () => {
    const out = at('open.csv');
    const args = ['--store', 'none,redis', '--rate', '400', '-o', out, ...SMALL, '-d', '2s', '-w', '1s'];
    const result = await bench(args, directory.path);
    const rows = rowsIn(out);
    expect(faultsOf(result, rows)).toEqual([]);
    expect(rows).toHaveLength(2);
    for (const row of rows) {
      expect(row).toMatchObject({ pass: 'latency', load_model: 'open-poisson', target_rps: '400' });
      expect(Number(row['scheduled'])).toBeGreaterThan(600);
      expect(Number(row['scheduled'])).toBeLessThan(1000);
      // Also on a machine that was stopped for a moment, when the run says itself how much it achieved.
      expect(Number(row['completed'])).toBeGreaterThan(Number(row['scheduled']) / 2);
      expect(Number(row['lat_p50_us'])).toBeGreaterThanOrEqual(Number(row['svc_p50_us']));
      const parts = ['completed', 'conn_errors', 'timeouts', 'dropped', 'inflight_end'].map((name) =>
        Number(row[name]),
      ); // prettier-ignore
      expect(Number(row['scheduled'])).toBe(parts.reduce((sum, part) => sum + part, 0));
    }
  });

  test('of a share of the capacity has one rate for all arms, and says it', async () => {
    const out = at('share.csv');
    const args = ['--store', 'none,jwt', '--rate', '30%', '-o', out, ...SMALL];
    const { stderr } = await bench(args, directory.path);
    expect(stderr).toMatch(/: \d+ requests\/s, 30 % of what the slowest arm can do/);
    expect(new Set(rowsIn(out).map((row) => row['target_rps'])).size).toBe(1);
  });
});

test('calibrate shows the noise of twins, and doctor remembers it', async () => {
  const env = { XDG_STATE_HOME: at('state') };
  const { code, stdout } = await bench(['calibrate', '-d', '12s', '-c', '8'], directory.path, env);
  expect([0, 4]).toContain(code);
  if (code === 4) return;
  expect(stdout).toMatch(/two identical arms, \d+ blocks/);
  expect(stdout).toMatch(/CPU µs\/request +\d+\.\d %/);
  expect((await bench(['doctor'], directory.path, env)).stdout).toContain('two identical arms');
});

describe('find-max', () => {
  test('finds a rate that holds, says between which it lies, and leaves nothing', async () => {
    const args = ['find-max', '--store', 'none', '--slo', 'p95<200ms', '--json', ...SMALL, '-d', '500ms'];
    const { code, stdout } = await bench(args, directory.path);
    expect([0, 4]).toContain(code);
    const found = JSON.parse(stdout) as { ratePerSecond: number; lower: number; trials: unknown[] };
    expect(found.ratePerSecond).toBe(found.lower);
    expect(found.trials.length).toBeGreaterThan(2);
    expect(directory.leftovers()).toEqual([]);
  });

  test('finds the rate that an external site holds, or says that none holds', async () => {
    const target = await openSite({});
    const contract = at('contract.json');
    writeFileSync(contract, JSON.stringify(contractFor({})));
    const site = ['--target', target, '--contract', contract];
    const args = ['find-max', ...site, '--slo', 'p95<200ms', '--json', '-c', '4', '-d', '1s', '-w', '200ms'];
    const { code, stdout, stderr } = await bench(args, directory.path);
    expect([0, 4, 99], stderr).toContain(code);
    const found = JSON.parse(stdout) as { outcome: string; ratePerSecond?: number };
    expect(found).toMatchObject({ backend: 'theirs', connections: 4 });
    // A machine that stands still for some seconds holds no rate.
    expect(found.outcome === 'none-holds').toBe(code === 99);
    if (code !== 99) expect(found.ratePerSecond).toBeGreaterThan(20);
  });
});
