import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';

/** In a control group of our own with a tenth of a processor. Needs the right to make one: see vitest.config.ts. */
const isFirstVersion = existsSync('/sys/fs/cgroup/cpu/cpu.cfs_quota_us');
const group = `${isFirstVersion ? '/sys/fs/cgroup/cpu' : '/sys/fs/cgroup'}/session-bench-${process.pid}`;

beforeAll(() => {
  mkdirSync(group);
  if (isFirstVersion) {
    writeFileSync(`${group}/cpu.cfs_period_us`, '100000');
    writeFileSync(`${group}/cpu.cfs_quota_us`, '10000');
  } else {
    writeFileSync('/sys/fs/cgroup/cgroup.subtree_control', '+cpu');
    writeFileSync(`${group}/cpu.max`, '10000 100000');
  }
});
afterAll(() => rmdirSync(group));

test('throttling of our control group is read in nanoseconds', () => {
  // It enters the group before it loads the module, as the harness of a throttled CI job would find itself in one.
  const program = `
    const { writeFileSync } = await import('node:fs');
    writeFileSync('${group}/cgroup.procs', String(process.pid));
    const { HOST } = await import('./bench/environment/machine/host.ts');
    const before = HOST.read();
    for (const end = Date.now() + 1000; Date.now() < end; );
    console.log(JSON.stringify([before.throttledNs, HOST.read().throttledNs]));`;
  const options = { encoding: 'utf8', timeout: 30_000 } as const;
  const text = execFileSync(
    process.execPath,
    ['--import', 'tsx', '--input-type=module', '-e', program],
    options,
  );
  const [before, after] = JSON.parse(text) as [number, number];
  expect((after - before) / 1e9).toBeGreaterThan(0.3);
  expect((after - before) / 1e9).toBeLessThan(20);
});
