import { existsSync } from 'node:fs';
import { platform } from 'node:os';
import { join } from 'node:path';
import { kernelFile, kernelFolder } from './kernel-file.ts';

/**
 * CPU time of process trees from /proc, in nanoseconds. Linux only: elsewhere, and where a sandbox hides what is needed,
 * every result is `undefined`.
 */

/** Clock ticks of /proc/stat and /proc/PID/stat: USER_HZ is 100 on every architecture that Node runs on. */
export const NS_PER_TICK = 10_000_000;

/** How the threads of some processes got on a processor, since their start. */
export interface Scheduling {
  /** CPU time of the main threads, nanoseconds. */
  mainNs: number;
  /** Time in which threads were ready to run and waited for a processor, nanoseconds. */
  waitNs: number;
  /** How often a thread was put on a processor: after a wait for an event, or after others had their turn. */
  wakeUps: number;
}

/** Reads and writes of some processes since their start, of files, pipes and those sockets that use these calls. */
export interface InputOutput {
  reads: number;
  writes: number;
  bytesRead: number;
  bytesWritten: number;
  /** How often a thread gave up its processor to wait. */
  waits: number;
}

/** The accounts of processes in a /proc. */
export interface ProcessAccounts {
  /**
   * CPU time that the trees under these pids have used so far, in nanoseconds; `undefined` where it cannot be read.
   * Live threads count by schedstat (nanoseconds; /proc/PID/stat has a resolution of 10 ms), children that a root has
   * reaped by its cutime and cstime, so that the total does not fall when a Postgres back end exits.
   */
  cpuNsOf(rootPids: readonly number[]): number | undefined;
  /** The scheduling of all live threads of the trees under these pids; `undefined` where it cannot be read. */
  schedulingOf(rootPids: readonly number[]): Scheduling | undefined;
  /** The input and output of the trees under these pids; `undefined` where it cannot be read. */
  inputOutputOf(rootPids: readonly number[]): InputOutput | undefined;
  /** Resident memory of the trees in bytes, shared pages split among their sharers (PSS); `undefined` off Linux. */
  memoryBytesOf(rootPids: readonly number[]): number | undefined;
  /** The process of this pid and all below it. */
  treeOf(root: number): number[];
}

/** @param proc the folder, for tests. */
export function openAccounts(proc = '/proc', isLinux = platform() === 'linux'): ProcessAccounts {
  // A kernel without scheduler statistics has no such file, or zeros in it: that is not known, and not 0.
  const [ownNs = 0] = (kernelFile(join(proc, 'self/schedstat')) ?? '').split(' ').map(Number);
  const isMeasurable = isLinux && ownNs > 0;
  const [self] = kernelFolder(join(proc, 'self/task'));
  const listsChildren = self !== undefined && existsSync(join(proc, 'self/task', self, 'children'));

  const threadsOf = (pid: number) => kernelFolder(join(proc, String(pid), 'task'));
  // Those of other users may be hidden: that is not known, and not 0.
  const isVisible = (pid: number) => threadsOf(pid).length > 0;
  const read = (pid: number, file: string) => kernelFile(join(proc, String(pid), file));

  function treeOf(root: number): number[] {
    const pids = [root];
    const below = listsChildren ? undefined : childrenByParent();
    // Grows during the loop: children are appended after their parent.
    for (const pid of pids) pids.push(...(below === undefined ? childrenOf(pid) : (below.get(pid) ?? [])));
    return pids;
  }

  function childrenOf(pid: number): number[] {
    return threadsOf(pid).flatMap((thread) => {
      const children = read(pid, `task/${thread}/children`)?.trim();
      return children ? children.split(' ').map(Number) : [];
    });
  }

  /** From the parent of every process, where the kernel does not list children. */
  function childrenByParent(): Map<number, number[]> {
    const children = new Map<number, number[]>();
    for (const name of kernelFolder(proc)) {
      const pid = Number(name);
      const parent = Number.isInteger(pid) ? Number(fieldsOf(read(pid, 'stat'))[1]) : Number.NaN;
      if (Number.isInteger(parent)) children.set(parent, [...(children.get(parent) ?? []), pid]);
    }
    return children;
  }

  function liveNs(pid: number): number {
    let total = 0;
    for (const thread of threadsOf(pid)) {
      const text = read(pid, `task/${thread}/schedstat`);
      if (text !== undefined) total += Number(text.slice(0, text.indexOf(' ')));
    }
    return total;
  }

  function reapedNs(pid: number): number {
    // cutime and cstime are fields 16 and 17.
    const fields = fieldsOf(read(pid, 'stat'));
    return (Number(fields[13] ?? 0) + Number(fields[14] ?? 0)) * NS_PER_TICK;
  }

  return {
    treeOf,
    cpuNsOf(rootPids) {
      if (!isMeasurable || !rootPids.some(isVisible)) return undefined;
      let total = 0;
      for (const root of rootPids) {
        for (const pid of treeOf(root)) total += liveNs(pid);
        total += reapedNs(root);
      }
      return total;
    },
    schedulingOf(rootPids) {
      if (!isMeasurable || !rootPids.some(isVisible)) return undefined;
      const sum: Scheduling = { mainNs: 0, waitNs: 0, wakeUps: 0 };
      for (const pid of rootPids.flatMap(treeOf)) {
        for (const thread of threadsOf(pid)) {
          const text = read(pid, `task/${thread}/schedstat`);
          if (text === undefined) continue;
          const [ns = 0, waitNs = 0, slices = 0] = text.split(' ').map(Number);
          if (thread === String(pid)) sum.mainNs += ns;
          sum.waitNs += waitNs;
          sum.wakeUps += slices;
        }
      }
      return sum;
    },
    inputOutputOf(rootPids) {
      if (!isLinux || rootPids.length === 0) return undefined;
      const sum = { reads: 0, writes: 0, bytesRead: 0, bytesWritten: 0, waits: 0 };
      for (const pid of rootPids.flatMap(treeOf)) {
        const text = read(pid, 'io');
        if (text === undefined) return undefined;
        const figure = (name: string) => Number(new RegExp(`^${name}: (\\d+)$`, 'm').exec(text)?.[1] ?? 0);
        sum.reads += figure('syscr');
        sum.writes += figure('syscw');
        sum.bytesRead += figure('rchar');
        sum.bytesWritten += figure('wchar');
        for (const thread of threadsOf(pid)) {
          const status = read(pid, `task/${thread}/status`) ?? '';
          sum.waits += Number(/^voluntary_ctxt_switches:\s+(\d+)$/m.exec(status)?.[1] ?? 0);
        }
      }
      return sum;
    },
    memoryBytesOf(rootPids) {
      if (!isLinux || rootPids.length === 0) return undefined;
      let total = 0;
      for (const pid of rootPids.flatMap(treeOf)) {
        const match = /^Pss:\s+(\d+) kB/m.exec(read(pid, 'smaps_rollup') ?? '');
        if (match === null) return undefined;
        total += Number(match[1]) * 1024;
      }
      return total;
    },
  };
}

/** Those of this machine. */
export const { cpuNsOf, schedulingOf, inputOutputOf, memoryBytesOf, treeOf } = openAccounts();

/** The fields of /proc/PID/stat from the third on: the name before them may contain blanks and brackets. */
function fieldsOf(stat: string | undefined): string[] {
  return stat === undefined ? [] : stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}
