/** Which process a pid means, and signals to whole process groups. Imports node: modules only, for the guard bundles it. */

import { existsSync, readdirSync, readFileSync } from 'node:fs';

/**
 * Start time of a process in clock ticks since boot, which with the pid names it for good; pids are used
 * again. `undefined`: no such process, or no /proc (macOS). Source: proc(5), /proc/pid/stat.
 */
export function startTimeOf(pid: number): string | undefined {
  return readStat(pid)?.startTime;
}

/** Pid of its parent; `undefined`: no such process, or no /proc. */
export function parentOf(pid: number): number | undefined {
  return readStat(pid)?.parent;
}

/**
 * Whether a process runs, or with a negative pid anybody of the group. A zombie, which has ended and waits
 * to be asked how, does not run; without /proc (macOS) it cannot be told from one that does.
 */
export function isRunning(pid: number): boolean {
  if (!sendSignal(pid, 0)) return false;
  if (!existsSync('/proc/self/stat')) return true;
  if (pid > 0) return isRunningState(readStat(pid)?.state);
  return readdirSync('/proc').some((name) => {
    if (!/^\d+$/.test(name)) return false;
    const stat = readStat(Number(name));
    return stat?.group === -pid && isRunningState(stat.state);
  });
}

function isRunningState(state: string | undefined): boolean {
  return state !== undefined && state !== 'Z' && state !== 'X';
}

interface Stat {
  state: string;
  parent: number;
  group: number;
  startTime: string;
}

function readStat(pid: number): Stat | undefined {
  // The name in parentheses may itself hold spaces and parentheses: fields count from the last one, the state being the third.
  const fields = readProc(pid, 'stat')
    ?.replace(/^.*\) /s, '')
    .split(' ');
  if (fields === undefined) return undefined;
  const [state = '', parent, group] = fields;
  return { state, parent: Number(parent), group: Number(group), startTime: fields[19] ?? '' };
}

/** Name of its program, at most 15 characters; `undefined`: no such process, or no /proc. */
export function commandOf(pid: number): string | undefined {
  return readProc(pid, 'comm')?.trim();
}

function readProc(pid: number, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1');
  } catch (error) {
    if (hasCode(error, 'ENOENT') || hasCode(error, 'ESRCH')) return undefined;
    throw error;
  }
}

/** Sends a signal to one process (pid > 0) or to a group (pid < 0). `false`: there is none. Signal 0 only asks. */
export function sendSignal(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    // EPERM: a group of which only zombies are left (macOS), or a foreign process with a reused pid.
    if (hasCode(error, 'ESRCH') || hasCode(error, 'EPERM')) return false;
    throw error;
  }
}

/** Whether a thrown value is a system error of that code, such as `ENOENT`. */
export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
