/** Finds the process behind a connection, by what the kernel shows. The server reports no process id. */

import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { ServiceProcess } from '../service.ts';
import type { Address } from './url.ts';

const PROGRAMS = ['mariadbd', 'mysqld'];

/**
 * The MariaDB or MySQL of this machine that holds the other end of a connection; `undefined` where this user may not
 * see it, and outside of Linux.
 * @param localPort of our end.
 */
export function servingProcess(
  target: Address['target'],
  localPort: number | undefined,
): ServiceProcess | undefined {
  if (!existsSync('/proc/net/tcp')) return undefined;
  const inodes = 'path' in target ? socketsOf(target.path) : otherEnds(target.port, localPort);
  if (inodes.size === 0) return undefined;
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const program = nameOf(pid);
    if (program !== undefined && PROGRAMS.includes(program) && holdsOne(pid, inodes))
      return { pid: Number(pid), program, isChild: false };
  }
  return undefined;
}

/** Inodes of sockets of this port that are connected to ours. */
function otherEnds(port: number, localPort: number | undefined): Set<string> {
  const rows = ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((file) => linesOf(file));
  const found = rows.filter(([, local = '', remote = '']) => {
    return portOf(local) === port && portOf(remote) === localPort;
  });
  return new Set(found.flatMap((row) => row[9] ?? []));
}

const portOf = (address: string) => Number.parseInt(address.split(':')[1] ?? '', 16);

/** Inodes of the server's sockets of this file. */
function socketsOf(path: string): Set<string> {
  const rows = linesOf('/proc/net/unix').filter((row) => row[7] === path);
  return new Set(rows.flatMap((row) => row[6] ?? []));
}

function linesOf(file: string): string[][] {
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8')
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/));
}

function nameOf(pid: string): string | undefined {
  return ifVisible(() => readFileSync(`/proc/${pid}/comm`, 'utf8').trim());
}

function holdsOne(pid: string, inodes: ReadonlySet<string>): boolean {
  const files = ifVisible(() => readdirSync(`/proc/${pid}/fd`)) ?? [];
  return files.some((file) => {
    const link = ifVisible(() => readlinkSync(`/proc/${pid}/fd/${file}`));
    return inodes.has(/^socket:\[(\d+)\]$/.exec(link ?? '')?.[1] ?? '');
  });
}

/** `undefined` for what is gone meanwhile, or belongs to another user. */
function ifVisible<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (
      error instanceof Error &&
      'code' in error &&
      ['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes(String(error.code))
    )
      return undefined;
    throw error;
  }
}
