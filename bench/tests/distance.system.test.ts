import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { descendants, faultsOf, isAlive, rowsIn, scratch, startBench, untilLoaded } from './cli-fixture.ts';

/** A whole run with `--store-distance` and `--inner`, as real processes. */
const directory = scratch();
afterAll(directory.remove);

/** Whether this is the relay, by its program. */
const isRelay = (pid: number) => /distance-\w+\.mjs/.test(readFileSync(`/proc/${pid}/cmdline`, 'utf8'));

test('servers reach the service through the relay, inner services too, a token stands beside, and nothing is left', async () => {
  const out = join(directory.path, 'far.csv');
  const load = ['-d', '400ms', '-w', '200ms', '--sessions', '100', '-c', '8', '--balancer', 'none'];
  const arms = ['--store', 'redis,redis:inner=token,jwt', '--store-distance', '20ms', '--inner', '2'];
  const running = startBench([...arms, '-o', out, ...load], directory.path);
  await untilLoaded(running);
  const pids = descendants(running.child.pid as number);
  expect(pids.filter(isRelay)).toHaveLength(2);
  const finished = await running.finished;
  const rows = rowsIn(out);
  expect(faultsOf(finished, rows)).toEqual([]);
  const known = new Map(rows.map((row) => [(row['arm'] ?? '').replace(/\[.*(inner=\w+).*/, ' $1'), row]));
  expect([...known.keys()].sort()).toEqual(['jwt inner=ask', 'redis inner=ask', 'redis inner=token']);
  // Round trips of a read: that of the server in front, and those of the two within where they ask as well.
  for (const [name, trips, oneAfterAnother] of [
    ['redis inner=ask', 3, 2],
    ['redis inner=token', 1, 1],
    ['jwt inner=ask', 0, 0],
  ] as const) {
    const row = known.get(name) ?? {};
    expect(row).toMatchObject({ store_distance_ms: '20', inner_servers: '2' });
    expect(Number(row['inner_bytes_per_req']), name).toBeGreaterThan(200);
    // Each reply has waited for so many: no quick one is among them, however busy the machine is.
    expect(Number(row['svc_min_us']), name).toBeGreaterThanOrEqual(20_000 * oneAfterAnother);
    for (const column of ['store_rtt_p50_us', 'cpu_us_per_req_store_relay'])
      expect(row[column] !== '', `${column} of ${name}`).toBe(trips > 0);
    if (trips === 0) continue;
    expect(Number(row['store_rtt_p50_us'])).toBeGreaterThanOrEqual(20_000);
    expect(Number(row['store_commands_per_req']), name).toBeCloseTo(trips, 1);
    for (const column of ['cpu_us_per_req_store', 'cpu_us_per_req_store_relay'])
      expect(Number(row[column])).toBeGreaterThan(0);
  }
  expect(finished.stdout).toContain('256 B, store 20 ms away, 2 inner services');
  expect(finished.stdout).toMatch(/store ms\s/);
  expect(pids.filter(isAlive)).toEqual([]);
  expect(directory.leftovers()).toEqual([]);
});
