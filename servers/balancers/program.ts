/** Finds a program and reads its version. */

import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Where packages install servers; a plain user's PATH may omit these. */
const SERVER_DIRECTORIES = ['/usr/sbin', '/usr/local/sbin', '/opt/homebrew/bin'];

/** Path of an executable on PATH or in the usual directories of servers; `undefined` when there is none. */
export function findProgram(name: string): string | undefined {
  const directories = [...(process.env['PATH'] ?? '').split(delimiter), ...SERVER_DIRECTORIES];
  return directories
    .filter((directory) => directory !== '')
    .map((directory) => join(directory, name))
    .find(isExecutable);
}

/**
 * The first `1.2.3` that the program prints, on either stream, after `name` where it stands there: what is built on a
 * program names its own version too. Throws, with `cause`, when it cannot be run.
 */
export async function programVersion(path: string, flag: string, name = ''): Promise<string> {
  let printed: string;
  try {
    const { stdout, stderr } = await run(path, [flag], { timeout: 5_000 });
    printed = `${stdout}${stderr}`;
  } catch (cause) {
    throw new Error(`expected ${path} ${flag} to print its version, but it could not be run`, { cause });
  }
  const [, version] =
    new RegExp(`${name}(\\d+\\.\\d+(?:\\.\\d+)?)`).exec(printed) ??
    /(\d+\.\d+(?:\.\d+)?)/.exec(printed) ??
    [];
  if (version === undefined)
    throw new Error(`expected a version from ${path} ${flag}, got: ${printed.trim()}`);
  return version;
}

/** Whether one version, such as `1.18.0`, is before another. */
export function isOlder(version: string, than: string): boolean {
  const [parts, others] = [version, than].map((text) => text.split('.').map(Number)) as [number[], number[]];
  const at = others.findIndex((part, index) => part !== (parts[index] ?? 0));
  return at >= 0 && (parts[at] ?? 0) < (others[at] ?? 0);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
