/** Finds programs of this machine. */

import { execFile } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';

const VERSION_TIMEOUT_MS = 5_000;

/** Path of a program on the PATH, or in an sbin folder, which a plain user's PATH may lack. `undefined`: not found. */
export function findOnPath(program: string): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  return [...folders, '/usr/local/sbin', '/usr/sbin']
    .map((folder) => join(folder, program))
    .find(isExecutable);
}

/** The first dotted number that `program --version` prints, such as `7.0.15`. `undefined`: it does not run. */
export async function versionOf(program: string): Promise<string | undefined> {
  const { stdout } = await promisify(execFile)(program, ['--version'], { timeout: VERSION_TIMEOUT_MS }).catch(
    // Missing, built for another machine, or without its libraries: none of these can be used.
    () => ({ stdout: '' }),
  );
  return /\d+(\.\d+)+/.exec(stdout)?.[0];
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

const SEARCHABLE_BY_OTHERS = 0o001;

/** Whether every user may traverse this folder and all above it. */
export function isOpenToAll(folder: string): boolean {
  const isOpen = (statSync(folder).mode & SEARCHABLE_BY_OTHERS) !== 0;
  return isOpen && (dirname(folder) === folder || isOpenToAll(dirname(folder)));
}
