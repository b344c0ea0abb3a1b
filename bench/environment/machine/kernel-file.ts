import { readdirSync, readFileSync } from 'node:fs';

/**
 * Files of /proc and /sys. Sandboxes, mount options (hidepid) and kernels hide some of them, each with an error of its
 * own (ENOENT, EACCES, EPERM, EIO, EOPNOTSUPP): what cannot be read is not known.
 */

/** The text of a file; `undefined` when it cannot be read, also because its process has just ended. */
export function kernelFile(path: string): string | undefined {
  return orUnknown(() => readFileSync(path, 'utf8'));
}

/** The names in a folder; none when it cannot be read. */
export function kernelFolder(path: string): string[] {
  return orUnknown(() => readdirSync(path)) ?? [];
}

function orUnknown<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof Error && 'syscall' in error) return undefined;
    throw error;
  }
}
