import { join } from 'node:path';
import { difference } from '../sums.ts';
import { NS_PER_TICK } from './cpu.ts';
import { parseCpuList } from './cpu-list.ts';
import { kernelFile } from './kernel-file.ts';

/**
 * Activity of the processors that this process may use, from /proc and the control group. Linux only: elsewhere, and
 * where a sandbox hides it, a value is `undefined`.
 */
export interface HostReading {
  atMs: number;
  /** Busy time of these processors, nanoseconds; under a quota that of our control group. */
  busyNs: number | undefined;
  /** Time that a hypervisor gave to other machines, nanoseconds. */
  stealNs: number | undefined;
  /** Time for which our control group was throttled, nanoseconds; `undefined` without a quota. */
  throttledNs: number | undefined;
}

/** Differences of two readings, as shares of the time that these processors, or the quota, had. */
export interface HostShares {
  stealShare: number | undefined;
  /** Used by processes that do not belong to this run. */
  foreignShare: number | undefined;
}

export interface Host {
  read(): HostReading;
  /** @param ownNs CPU that the run's own processes used in between. */
  sharesBetween(before: HostReading, after: HostReading, ownNs: number | undefined): HostShares;
  /** Whether a quota limits the processor time of our control group. */
  hasQuota: boolean;
}

/** @param root of the trees /proc and /sys, for tests. */
export function openHost(root = '/'): Host {
  const read = (path: string) => kernelFile(join(root, path));
  const processors = processorsIn(read);
  const group = groupIn(read);
  const quota = group === undefined ? undefined : quotaIn(read, group);

  return {
    hasQuota: quota !== undefined,
    read() {
      const { busyNs, stealNs } = timesIn(read('proc/stat') ?? '', processors);
      const usedNs = group === undefined || quota === undefined ? undefined : usageIn(read, group);
      return {
        atMs: performance.now(),
        busyNs: usedNs ?? busyNs,
        stealNs,
        throttledNs: group === undefined ? undefined : throttledIn(read(join(group, 'cpu.stat'))),
      };
    },
    sharesBetween(before, after, ownNs) {
      const elapsedNs = (after.atMs - before.atMs) * 1e6;
      const share = (ns: number | undefined, count: number) =>
        ns === undefined || !(elapsedNs > 0) ? undefined : Math.max(0, ns) / elapsedNs / count;
      const count = Math.max(1, processors.length);
      const busyNs = difference(after.busyNs, before.busyNs);
      return {
        stealShare: share(difference(after.stealNs, before.stealNs), count),
        foreignShare: share(difference(busyNs, ownNs), Math.min(count, quota ?? count)),
      };
    },
  };
}

/** The host of this process. */
export const HOST: Host = openHost();

type Read = (path: string) => string | undefined;

/** The processors of our affinity mask; without one, all that /proc/stat lists. */
function processorsIn(read: Read): number[] {
  const mask = /^Cpus_allowed_list:\s*(\S+)$/m.exec(read('proc/self/status') ?? '')?.[1];
  const listed = [...(read('proc/stat') ?? '').matchAll(/^cpu(\d+) /gm)].map(([, number]) => Number(number));
  if (mask === undefined) return listed;
  const allowed = parseCpuList(mask);
  // A mask may name processors that are offline.
  return listed.length === 0 ? allowed : listed.filter((one) => allowed.includes(one));
}

/** Sums over these processors. All zeros, as some sandboxes report, are unknown. */
function timesIn(stat: string, processors: readonly number[]): Pick<HostReading, 'busyNs' | 'stealNs'> {
  const sum = { all: 0, busy: 0, steal: 0 };
  for (const [, number, text = ''] of stat.matchAll(/^cpu(\d+) (.*)$/gm)) {
    if (!processors.includes(Number(number))) continue;
    const fields = text.trim().split(/\s+/).map(Number);
    const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = fields;
    sum.all += fields.reduce((total, field) => total + field, 0);
    sum.busy += user + nice + system + irq + softirq;
    sum.steal += steal;
  }
  if (!(sum.all > 0)) return { busyNs: undefined, stealNs: undefined };
  return { busyNs: sum.busy * NS_PER_TICK, stealNs: sum.steal * NS_PER_TICK };
}

/**
 * The folder of the control group that counts our throttling, versions 1 and 2: of ours and those above it the one with
 * the least quota, without any quota the nearest. In a container it is the root.
 */
function groupIn(read: Read): string | undefined {
  const lines = read('proc/self/cgroup')?.trim().split('\n') ?? [];
  const candidates = lines.flatMap((line) => {
    const [, controllers = '', path = ''] = line.split(':');
    if (controllers === '') return upwards(path).map((group) => `sys/fs/cgroup${group}`);
    if (!controllers.split(',').includes('cpu')) return [];
    return ['cpu', 'cpu,cpuacct', 'cpuacct,cpu'].flatMap((mount) =>
      upwards(path).map((group) => `sys/fs/cgroup/${mount}${group}`),
    );
  });
  const groups = candidates.filter((path) => throttledIn(read(join(path, 'cpu.stat'))) !== undefined);
  const quotas = groups.map((path) => quotaIn(read, path) ?? Number.POSITIVE_INFINITY);
  return groups[quotas.indexOf(Math.min(...quotas))];
}

/** The path of a group and those of all above it: `/a/b`, `/a` and the root, which is empty. */
function upwards(path: string): string[] {
  const parts = path.split('/').filter((part) => part !== '');
  return Array.from({ length: parts.length + 1 }, (_, up) =>
    parts
      .slice(0, parts.length - up)
      .map((part) => `/${part}`)
      .join(''),
  );
}

/** Version 2 counts microseconds, version 1 nanoseconds. */
function throttledIn(text: string | undefined): number | undefined {
  const us = /^throttled_usec (\d+)/m.exec(text ?? '')?.[1];
  if (us !== undefined) return Number(us) * 1000;
  const ns = /^throttled_time (\d+)/m.exec(text ?? '')?.[1];
  return ns === undefined ? undefined : Number(ns);
}

/** Processor time per time that the quota grants; `undefined` without one. */
function quotaIn(read: Read, group: string): number | undefined {
  const [max, period] = read(join(group, 'cpu.max'))?.trim().split(/\s+/) ?? [
    read(join(group, 'cpu.cfs_quota_us'))?.trim(),
    read(join(group, 'cpu.cfs_period_us'))?.trim(),
  ];
  const share = Number(max) / Number(period);
  return share > 0 && Number.isFinite(share) ? share : undefined;
}

/** Processor time of the control group, nanoseconds. */
function usageIn(read: Read, group: string): number | undefined {
  const us = /^usage_usec (\d+)/m.exec(read(join(group, 'cpu.stat')) ?? '')?.[1];
  if (us !== undefined) return Number(us) * 1000;
  const ns = read(join(group, 'cpuacct.usage'))?.trim();
  return ns === undefined || !/^\d+$/.test(ns) ? undefined : Number(ns);
}
