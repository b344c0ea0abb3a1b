import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { descendants, faultsOf, isAlive, rowsIn, scratch, startBench, untilLoaded } from './cli-fixture.ts';

/** A whole run with `--store-distance`, as real processes. */
const directory = scratch();
afterAll(directory.remove);

/** Whether this is the relay, by its program. */
const isRelay = (pid: number) => /distance-\w+\.mjs/.test(readFileSync(`/proc/${pid}/cmdline`, 'utf8'));

test('servers reach the service through the relay, a token stands beside it, and nothing is left', async () => {
  const out = join(directory.path, 'far.csv');
  const load = ['-d', '400ms', '-w', '200ms', '--sessions', '100', '-c', '8', '--balancer', 'none'];
  const args = ['--store', 'redis,jwt', '--store-distance', '3ms', '-o', out, ...load];
  const running = startBench(args, directory.path);
  await untilLoaded(running);
  const pids = descendants(running.child.pid as number);
  expect(pids.filter(isRelay)).toHaveLength(1);
  const finished = await running.finished;
  const rows = rowsIn(out);
  expect(faultsOf(finished, rows)).toEqual([]);
  expect(rows.map((row) => `${row['store']} ${row['store_distance_ms']}`).sort()).toEqual([
    'jwt 3',
    'redis 3',
  ]);
  for (const row of rows) {
    const isFar = row['store'] === 'redis';
    for (const column of ['store_rtt_p50_us', 'store_rtt_p95_us', 'cpu_us_per_req_store_relay'])
      expect(row[column] !== '', `${column} of ${row['store']}`).toBe(isFar);
    if (!isFar) continue;
    expect(Number(row['store_rtt_p50_us'])).toBeGreaterThanOrEqual(3_000);
    // Each reply has waited for a round trip, and none for a second one.
    expect(Number(row['svc_min_us'])).toBeGreaterThanOrEqual(3_000);
    expect(Number(row['store_commands_per_req'])).toBeCloseTo(1, 1);
    for (const column of ['cpu_us_per_req_store', 'cpu_us_per_req_store_relay'])
      expect(Number(row[column])).toBeGreaterThan(0);
  }
  expect(finished.stdout).toContain('256 B, store 3 ms away');
  expect(finished.stdout).toMatch(/store ms\s/);
  expect(pids.filter(isAlive)).toEqual([]);
  expect(directory.leftovers()).toEqual([]);
}, 120_000);
