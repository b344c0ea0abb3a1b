import { readdirSync, readFileSync } from 'node:fs';
import { platform } from 'node:os';

/** CPU time of process trees from /proc, in nanoseconds. Linux only: elsewhere every result is `undefined`. */

const MEASURABLE = platform() === 'linux';
/** Clock ticks of /proc/stat and /proc/PID/stat: USER_HZ is 100 on every architecture that Node runs on. */
export const NS_PER_TICK = 10_000_000;

/**
 * CPU time that the trees under these pids have used so far, in nanoseconds; `undefined` where it cannot be read. Live
 * threads count by schedstat (nanoseconds; /proc/PID/stat has a resolution of 10 ms), children that a root has reaped
 * by its cutime and cstime, so that the total does not fall when a Postgres back end exits.
 */
export function cpuNsOf(rootPids: readonly number[]): number | undefined {
  if (!MEASURABLE || rootPids.length === 0) return undefined;
  let total = 0;
  for (const root of rootPids) {
    for (const pid of treeOf(root)) total += liveNs(pid);
    total += reapedNs(root);
  }
  return total;
}

/** How the threads of some processes got on a processor, since their start. */
export interface Scheduling {
  /** CPU time of the main threads, nanoseconds. */
  mainNs: number;
  /** Time in which threads were ready to run and waited for a processor, nanoseconds. */
  waitNs: number;
  /** How often a thread was put on a processor: after a wait for an event, or after others had their turn. */
  wakeUps: number;
}

/** The scheduling of all live threads of the trees under these pids; `undefined` where it cannot be read. */
export function schedulingOf(rootPids: readonly number[]): Scheduling | undefined {
  if (!MEASURABLE || rootPids.length === 0) return undefined;
  const sum: Scheduling = { mainNs: 0, waitNs: 0, wakeUps: 0 };
  for (const pid of rootPids.flatMap(treeOf)) {
    for (const thread of threadsOf(pid)) {
      const text = readProc(`/proc/${pid}/task/${thread}/schedstat`);
      if (text === undefined) continue;
      const [ns = 0, waitNs = 0, slices = 0] = text.split(' ').map(Number);
      if (thread === String(pid)) sum.mainNs += ns;
      sum.waitNs += waitNs;
      sum.wakeUps += slices;
    }
  }
  return sum;
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

/** The input and output of the trees under these pids; `undefined` where it cannot be read. */
export function inputOutputOf(rootPids: readonly number[]): InputOutput | undefined {
  if (!MEASURABLE || rootPids.length === 0) return undefined;
  const sum = { reads: 0, writes: 0, bytesRead: 0, bytesWritten: 0, waits: 0 };
  for (const pid of rootPids.flatMap(treeOf)) {
    const text = readProc(`/proc/${pid}/io`);
    if (text === undefined) return undefined;
    const figure = (name: string) => Number(new RegExp(`^${name}: (\\d+)$`, 'm').exec(text)?.[1] ?? 0);
    sum.reads += figure('syscr');
    sum.writes += figure('syscw');
    sum.bytesRead += figure('rchar');
    sum.bytesWritten += figure('wchar');
    for (const thread of threadsOf(pid)) {
      const status = readProc(`/proc/${pid}/task/${thread}/status`) ?? '';
      sum.waits += Number(/^voluntary_ctxt_switches:\s+(\d+)$/m.exec(status)?.[1] ?? 0);
    }
  }
  return sum;
}

/** Resident memory of the trees in bytes, shared pages split among their sharers (PSS); `undefined` off Linux. */
export function memoryBytesOf(rootPids: readonly number[]): number | undefined {
  if (!MEASURABLE || rootPids.length === 0) return undefined;
  let total = 0;
  for (const root of rootPids) {
    for (const pid of treeOf(root)) {
      const match = /^Pss:\s+(\d+) kB/m.exec(readProc(`/proc/${pid}/smaps_rollup`) ?? '');
      if (match === null) return undefined;
      total += Number(match[1]) * 1024;
    }
  }
  return total;
}

/** The process of this pid and all below it. */
export function treeOf(root: number): number[] {
  const pids = [root];
  // Grows during the loop: children are appended after their parent.
  for (const pid of pids) {
    for (const thread of threadsOf(pid)) {
      const children = readProc(`/proc/${pid}/task/${thread}/children`)?.trim();
      if (children) pids.push(...children.split(' ').map(Number));
    }
  }
  return pids;
}

function threadsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch (error) {
    return absentUnlessGone(error, []);
  }
}

function liveNs(pid: number): number {
  let total = 0;
  for (const thread of threadsOf(pid)) {
    const text = readProc(`/proc/${pid}/task/${thread}/schedstat`);
    if (text !== undefined) total += Number(text.slice(0, text.indexOf(' ')));
  }
  return total;
}

function reapedNs(pid: number): number {
  const stat = readProc(`/proc/${pid}/stat`);
  if (stat === undefined) return 0;
  // Fields are counted from after the name, which may contain blanks and brackets: cutime and cstime are fields 16 and
  // 17.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[13]) + Number(fields[14])) * NS_PER_TICK;
}

/** Text of a file in /proc; `undefined` when its process or thread has just ended. */
function readProc(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    return absentUnlessGone(error, undefined);
  }
}

function absentUnlessGone<T>(error: unknown, absent: T): T {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOENT' || code === 'ESRCH' || code === 'EACCES') return absent;
  throw error;
}
