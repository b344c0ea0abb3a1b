/** memcached on every tier, with the same arguments on each. */

import { randomBytes } from 'node:crypto';
import { findOnPath, versionOf } from '../programs.ts';
import { isAvailable, LOOPBACK, type ServiceServer } from '../service.ts';
import { withMemcached } from './client.ts';

const USER = 'bench';
const MEGABYTES = 4096;
const THREADS = 4;
/** It limits its open files to that, its own among them: with 20 it does not start. */
const LEAST_CONNECTIONS = 1024;

/**
 * Arguments of memcached, the same on every tier. An error when it is full, instead of an eviction; and no moves of
 * pages between sizes of items, for one that finds no memory drops what is on the page, with -M too. Memory is taken as
 * it is used.
 */
export function memcachedArguments(port: number, maxConnections: number): string[] {
  const connections = Math.max(LEAST_CONNECTIONS, 2 * maxConnections);
  return [
    ...['-l', LOOPBACK, '-p', String(port), '-U', '0', '-c', String(connections), '-t', String(THREADS)],
    ...['-m', String(MEGABYTES), '-M', '-o', 'no_slab_reassign,no_slab_automove'],
  ];
}

/**
 * Writes the file with the password, for its own eyes, and becomes memcached, which takes passwords from a file alone.
 * The text comes by the environment, for every user of the machine can read arguments.
 */
const START =
  'umask 077 && file=$(mktemp) && printf "%s\\n" "$MEMCACHED_LOGIN" >"$file" && exec "$0" -Y "$file" "$@"';

export const memcachedServer: ServiceServer = {
  // Without -u, which the image does not need.
  refusesRoot: true,
  async local() {
    const server = findOnPath('memcached');
    const version = server === undefined ? undefined : await versionOf(server);
    if (server === undefined || version === undefined) return 'no working memcached on PATH';
    return { version, server };
  },
  embedded: () => Promise.resolve('there is no npm package with a real Memcached'),
  plan({ maxConnections, place }) {
    const password = randomBytes(18).toString('base64url');
    const url = (port: number) => `memcached://${USER}:${password}@${LOOPBACK}:${port}`;
    return {
      command: 'sh',
      args: (port) => [
        '-c',
        START,
        place?.programs.server ?? 'memcached',
        ...memcachedArguments(port, maxConnections),
      ],
      env: { MEMCACHED_LOGIN: `${USER}:${password}`, TMPDIR: place?.directory ?? '/tmp' },
      url,
      secrets: [password],
      // Another one that took its port first does not know this password.
      isReady: (port) => isAvailable(() => withMemcached(url(port), async () => undefined)),
    };
  },
};
