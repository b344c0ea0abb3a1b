import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { type HostReading, openHost } from './host.ts';

const folder = mkdtempSync(join(tmpdir(), 'session-bench-host-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let count = 0;
/** A machine as its files show it. */
function hostWith(files: Readonly<Record<string, string>>) {
  count += 1;
  const root = join(folder, String(count));
  const write = (changed: Readonly<Record<string, string>>) => {
    for (const [path, text] of Object.entries(changed)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    }
  };
  write(files);
  return { host: openHost(root), write };
}

const STAT =
  'cpu  900 0 100 9000 0 0 0 20 0 0\ncpu0 100 0 50 4850 0 0 0 0 0 0\ncpu1 800 0 50 4150 0 0 0 20 0 0\nintr 1\n';
const LATER =
  'cpu  1000 0 100 9100 0 0 0 20 0 0\ncpu0 100 0 50 4950 0 0 0 0 0 0\ncpu1 900 0 50 4150 0 0 0 20 0 0\n';
const status = (list: string) => `Name:\tnode\nCpus_allowed:\t3\nCpus_allowed_list:\t${list}\n`;
/** A second later. */
const later = (reading: HostReading) => ({ ...reading, atMs: reading.atMs + 1000 });

test('only processors of our mask count: another one may be full', () => {
  const { host, write } = hostWith({ 'proc/stat': STAT, 'proc/self/status': status('0') });
  const before = host.read();
  expect(before.busyNs).toBe(150e7);
  write({ 'proc/stat': LATER });
  const shares = host.sharesBetween(before, { ...host.read(), atMs: before.atMs + 1000 }, 0);
  expect(shares).toEqual({ stealShare: 0, foreignShare: 0 });
  const both = hostWith({ 'proc/stat': STAT, 'proc/self/status': status('0-1') });
  const first = both.host.read();
  both.write({ 'proc/stat': LATER });
  const second = { ...both.host.read(), atMs: first.atMs + 1000 };
  expect(both.host.sharesBetween(first, second, 0).foreignShare).toBeCloseTo(0.5);
  expect(both.host.sharesBetween(first, second, 0.4e9).foreignShare).toBeCloseTo(0.3);
});

test('a mask that names processors which are offline', () => {
  const { host } = hostWith({ 'proc/stat': STAT, 'proc/self/status': status('0-63') });
  expect(host.read().busyNs).toBe(1000e7);
});

test.each<[string, Record<string, string>]>([
  ['nothing, as off Linux', {}],
  [
    'zeros, as in gVisor',
    { 'proc/stat': 'cpu  0 0 0 0 0 0 0 0 0 0\ncpu0 0 0 0 0 0 0 0 0 0 0\n', 'proc/self/status': status('0') },
  ],
  ['no line for a processor', { 'proc/stat': 'cpu  1 2 3 4\n', 'proc/self/status': status('0') }],
  ['an empty file', { 'proc/stat': '' }],
])('%s is unknown, not 0, and no error', (_, files) => {
  const { host } = hostWith(files);
  const reading = host.read();
  expect(reading).toMatchObject({ busyNs: undefined, stealNs: undefined, throttledNs: undefined });
  expect(host.sharesBetween(reading, later(reading), 0)).toEqual({
    ...{ stealShare: undefined, foreignShare: undefined },
  });
  expect(host.hasQuota).toBe(false);
});

test.each<[string, Record<string, string>, Record<string, string>]>([
  [
    'version 2',
    {
      'proc/self/cgroup': '0::/box\n',
      'sys/fs/cgroup/box/cpu.stat': 'usage_usec 1000000\nthrottled_usec 250\n',
      'sys/fs/cgroup/box/cpu.max': '50000 100000\n',
    },
    { 'sys/fs/cgroup/box/cpu.stat': 'usage_usec 1300000\nthrottled_usec 350\n' },
  ],
  [
    'version 2, in a container that sees its group as the root',
    {
      'proc/self/cgroup': '0::/\n',
      'sys/fs/cgroup/cpu.stat': 'usage_usec 1000000\nthrottled_usec 250\n',
      'sys/fs/cgroup/cpu.max': '50000 100000\n',
    },
    { 'sys/fs/cgroup/cpu.stat': 'usage_usec 1300000\nthrottled_usec 350\n' },
  ],
  [
    'version 1',
    {
      'proc/self/cgroup': '4:cpu,cpuacct:/box\n3:memory:/box\n',
      'sys/fs/cgroup/cpu,cpuacct/box/cpu.stat': 'nr_throttled 1\nthrottled_time 250000\n',
      'sys/fs/cgroup/cpu,cpuacct/box/cpuacct.usage': '1000000000\n',
      'sys/fs/cgroup/cpu,cpuacct/box/cpu.cfs_quota_us': '50000\n',
      'sys/fs/cgroup/cpu,cpuacct/box/cpu.cfs_period_us': '100000\n',
    },
    {
      'sys/fs/cgroup/cpu,cpuacct/box/cpu.stat': 'throttled_time 350000\n',
      'sys/fs/cgroup/cpu,cpuacct/box/cpuacct.usage': '1300000000\n',
    },
  ],
])('under a quota of half a processor the group counts, not the machine: %s', (_, files, change) => {
  const { host, write } = hostWith({ 'proc/stat': STAT, 'proc/self/status': status('0-1'), ...files });
  expect(host.hasQuota).toBe(true);
  const before = host.read();
  expect(before).toMatchObject({ busyNs: 1e9, throttledNs: 250_000 });
  write({ ...change, 'proc/stat': LATER });
  const after = { ...host.read(), atMs: before.atMs + 1000 };
  expect(after.throttledNs).toBe(350_000);
  expect(host.sharesBetween(before, after, 0.2e9).foreignShare).toBeCloseTo(0.2);
});

test.each([
  ['max 100000\n', '2'],
  ['-1\n', '1'],
])('a group without a quota: %j', (max, version) => {
  const file = version === '2' ? 'cpu.max' : 'cpu.cfs_quota_us';
  const { host } = hostWith({
    'proc/self/cgroup': '0::/box\n',
    'sys/fs/cgroup/box/cpu.stat': 'usage_usec 1\nthrottled_usec 0\n',
    [`sys/fs/cgroup/box/${file}`]: max,
  });
  expect(host.hasQuota).toBe(false);
});

test('a quota of a group above ours, as of a slice, is ours: the least one counts', () => {
  const above = 'sys/fs/cgroup/user.slice';
  const files = {
    'proc/stat': STAT,
    'proc/self/status': status('0-1'),
    'proc/self/cgroup': '0::/user.slice/user-1000.slice/session-1.scope\n',
    // A session has no controller of processors: it counts usage only.
    [`${above}/user-1000.slice/session-1.scope/cpu.stat`]: 'usage_usec 900000\n',
    [`${above}/user-1000.slice/cpu.stat`]: 'usage_usec 950000\nthrottled_usec 7\n',
    [`${above}/user-1000.slice/cpu.max`]: '150000 100000\n',
    [`${above}/cpu.stat`]: 'usage_usec 1000000\nthrottled_usec 250\n',
    [`${above}/cpu.max`]: '50000 100000\n',
    'sys/fs/cgroup/cpu.stat': 'usage_usec 5000000\n',
  };
  const { host, write } = hostWith(files);
  expect(host.hasQuota).toBe(true);
  const before = host.read();
  expect(before).toMatchObject({ busyNs: 1e9, throttledNs: 250_000 });
  write({ [`${above}/cpu.stat`]: 'usage_usec 1300000\nthrottled_usec 350\n' });
  const after = { ...host.read(), atMs: before.atMs + 1000 };
  expect(host.sharesBetween(before, after, 0.2e9).foreignShare).toBeCloseTo(0.2);
});

test('files that are there and cannot be read are unknown, whatever the error', () => {
  // A folder in the place of a file is an error that root gets too, as EPERM and EIO are elsewhere.
  const folders = ['proc/stat', 'proc/self/status', 'proc/self/cgroup'];
  const { host } = hostWith(Object.fromEntries(folders.map((path) => [`${path}/x`, ''])));
  expect(host.read()).toMatchObject({ busyNs: undefined, stealNs: undefined, throttledNs: undefined });
});
