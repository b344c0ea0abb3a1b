/** Identity of processes, and signals to process groups. Imports only node: modules, for the guard bundles it. */

import { existsSync, readdirSync, readFileSync } from 'node:fs';

/**
 * Start time of a process in clock ticks since boot. Together with the pid it identifies a process, for pids are
 * reused. `undefined`: no such process, or no /proc (macOS). Source: proc(5), /proc/pid/stat.
 */
export function startTimeOf(pid: number): string | undefined {
  return readStat(pid)?.startTime;
}

/** Pid of its parent; `undefined`: no such process, or no /proc. */
export function parentOf(pid: number): number | undefined {
  return readStat(pid)?.parent;
}

/**
 * Whether a process runs, or with a negative pid any of its group. A zombie, which has exited but was not waited for,
 * does not run; without /proc (macOS) it cannot be distinguished.
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
  // The name in parentheses may contain spaces and parentheses: fields count from the last one; the state is the third.
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
    // It has ended, or a mount option (hidepid) or a sandbox hides it, each with an error of its own.
    if (error instanceof Error && 'syscall' in error) return undefined;
    throw error;
  }
}

/** Sends a signal to a process (pid > 0) or a group (pid < 0). `false`: it does not exist. Signal 0 only checks. */
export function sendSignal(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    // EPERM: a group with only zombies left (macOS), or another user's process with a reused pid.
    if (hasCode(error, 'ESRCH') || hasCode(error, 'EPERM')) return false;
    throw error;
  }
}

/** Whether a thrown value is a system error of that code, such as `ENOENT`. */
export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
