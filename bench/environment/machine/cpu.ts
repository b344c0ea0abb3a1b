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
