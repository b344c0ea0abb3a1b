import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { difference } from '../sums.ts';
import { NS_PER_TICK } from './cpu.ts';

/**
 * Activity of the whole machine, from /proc and the control group. Linux only: elsewhere every value is `undefined`.
 */
export interface HostReading {
  atMs: number;
  /** Busy time of all processors, nanoseconds. */
  busyNs: number | undefined;
  /** Time that a hypervisor gave to other machines, nanoseconds. */
  stealNs: number | undefined;
  /** Time for which our control group was throttled, nanoseconds; `undefined` without a quota. */
  throttledNs: number | undefined;
}

const throttleFile = findThrottleFile();

export function readHost(): HostReading {
  const line = read('/proc/stat')?.split('\n', 1)[0]?.trim().split(/\s+/).slice(1).map(Number);
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = line ?? [];
  const known = line !== undefined;
  return {
    atMs: performance.now(),
    busyNs: known ? (user + nice + system + irq + softirq) * NS_PER_TICK : undefined,
    stealNs: known ? steal * NS_PER_TICK : undefined,
    throttledNs: throttleFile === undefined ? undefined : throttledIn(read(throttleFile)),
  };
}

/** Differences of two readings, as shares of all processors' time. */
export interface HostShares {
  stealShare: number | undefined;
  /** Used by processes that do not belong to this run. */
  foreignShare: number | undefined;
}

/** @param ownNs CPU that the run's own processes used in between. */
export function hostShares(before: HostReading, after: HostReading, ownNs: number | undefined): HostShares {
  const availableNs = (after.atMs - before.atMs) * 1e6 * availableParallelism();
  const share = (ns: number | undefined) => (ns === undefined ? undefined : Math.max(0, ns) / availableNs);
  const busyNs = difference(after.busyNs, before.busyNs);
  return {
    stealShare: share(difference(after.stealNs, before.stealNs)),
    foreignShare: share(difference(busyNs, ownNs)),
  };
}

function findThrottleFile(): string | undefined {
  const groups = read('/proc/self/cgroup')?.trim().split('\n') ?? [];
  const candidates = groups.flatMap((line) => {
    const [, controllers = '', path = ''] = line.split(':');
    if (controllers === '') return [`/sys/fs/cgroup${path}/cpu.stat`, '/sys/fs/cgroup/cpu.stat'];
    if (!controllers.split(',').includes('cpu')) return [];
    return [`/sys/fs/cgroup/cpu${path}/cpu.stat`, '/sys/fs/cgroup/cpu/cpu.stat'];
  });
  return candidates.find((path) => existsSync(path) && throttledIn(read(path)) !== undefined);
}

/** Version 2 counts microseconds, version 1 nanoseconds. */
function throttledIn(text: string | undefined): number | undefined {
  const us = /^throttled_usec (\d+)/m.exec(text ?? '')?.[1];
  if (us !== undefined) return Number(us) * 1000;
  const ns = /^throttled_time (\d+)/m.exec(text ?? '')?.[1];
  return ns === undefined ? undefined : Number(ns);
}

/** Whether a quota limits the processor time of our control group. */
export function hasQuota(): boolean {
  if (throttleFile === undefined) return false;
  const folder = dirname(throttleFile);
  const max = read(join(folder, 'cpu.max')) ?? read(join(folder, 'cpu.cfs_quota_us'));
  return max !== undefined && !/^(max|-1)\b/.test(max.trim());
}

function read(path: string): string | undefined {
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
}
