import { readdirSync, readFileSync } from 'node:fs';

const STOPPED_WITHIN_MS = 2_000;

/** Stops a process by SIGSTOP, and all of its threads. @throws Error when it still runs after 2 s. */
export function freeze(pid: number): void {
  process.kill(pid, 'SIGSTOP');
  untilStopped(pid);
}

/**
 * Returns when no thread of a process that was sent SIGSTOP runs any more: the signal returns earlier, and a thread on
 * another processor still serves a request. Where there is no /proc it returns at once.
 * @throws Error when it still runs after 2 s.
 */
export function untilStopped(pid: number): void {
  const deadlineMs = performance.now() + STOPPED_WITHIN_MS;
  while (!isStopped(pid)) {
    if (performance.now() > deadlineMs)
      throw new Error(`expected process ${pid} to be stopped within ${STOPPED_WITHIN_MS} ms`);
  }
}

/** Whether every thread is stopped, or the process is gone, or the system does not show it. */
function isStopped(pid: number): boolean {
  try {
    const threads = readdirSync(`/proc/${pid}/task`);
    return threads.every((thread) => {
      const text = readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8');
      // The state follows the name, which may hold parentheses itself (proc(5)).
      return /^ [TtZX]/.test(text.slice(text.lastIndexOf(')') + 1));
    });
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH'))
      return true;
    throw error;
  }
}
