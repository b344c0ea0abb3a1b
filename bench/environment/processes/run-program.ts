import { type ExecFileOptions, execFile } from 'node:child_process';

/** How a program ended, with what it wrote. */
export interface Ended {
  ok: boolean;
  /** Trimmed, as is `stderr`. */
  stdout: string;
  stderr: string;
  /** Such as `ENOENT` when it could not be started; `undefined` when it ran. */
  startError: string | undefined;
  /** Why it is not ok where it says nothing itself, such as a time limit; '' when it is. */
  reason: string;
}

const MOST_OUTPUT_BYTES = 64 * 2 ** 20;

/** Runs a program to its end, whatever that is. Rejects never; an abort of `options.signal` is a reason like others. */
export function runProgram(
  command: string,
  args: readonly string[],
  options: ExecFileOptions,
): Promise<Ended> {
  return new Promise((resolve) => {
    const limits = { maxBuffer: MOST_OUTPUT_BYTES, ...options, encoding: 'utf8' } as const;
    execFile(command, [...args], limits, (error, stdout, stderr) => {
      const startError = typeof error?.code === 'string' ? error.code : undefined;
      resolve({
        ok: error === null,
        stdout: stdout.trim(),
        stderr: stderr.trim(),
        startError,
        reason: error?.message ?? '',
      });
    });
  });
}
