/** redis-server on every tier, with the same arguments on each. */

import { randomBytes } from 'node:crypto';
import { findOnPath, versionOf } from '../programs.ts';
import { type Durability, isAvailable, LOOPBACK, type ServiceServer } from '../service.ts';
import { withRedis } from './short-connection.ts';

const PERSISTENCE: Readonly<Record<Durability, readonly string[]>> = {
  none: ['--appendonly', 'no', '--appendfsync', 'no'],
  second: ['--appendonly', 'yes', '--appendfsync', 'everysec'],
  commit: ['--appendonly', 'yes', '--appendfsync', 'always'],
};

export interface RedisPlace {
  port: number;
  directory: string;
  /** A file name that is unique to this server. */
  mark: string;
}

/**
 * Arguments of redis-server, the same on every tier. No RDB snapshots (redis-server makes them by default): only the
 * append-only file determines the durability. No eviction: an evicted deny list would fail open.
 */
export function redisArguments(place: RedisPlace, durability: Durability): string[] {
  const { port, directory, mark } = place;
  return [
    ...['--port', String(port), '--bind', LOOPBACK, '--protected-mode', 'yes', '--daemonize', 'no'],
    ...['--dir', directory, '--save', '', ...PERSISTENCE[durability]],
    ...['--maxmemory', '0', '--maxmemory-policy', 'noeviction', '--io-threads', '1'],
    // Never written. The name distinguishes this server from another one that took the port first.
    ...['--dbfilename', mark],
  ];
}

export const redisServer: ServiceServer = {
  async local() {
    const server = findOnPath('redis-server');
    const version = server === undefined ? undefined : await versionOf(server);
    if (server === undefined || version === undefined) return 'no working redis-server on PATH';
    return { version, server };
  },
  embedded: () => Promise.resolve('there is no npm package with a real Redis'),
  plan({ durability, place }) {
    const mark = `${randomBytes(9).toString('hex')}.rdb`;
    const password = randomBytes(18).toString('base64url');
    // The image's working directory, which is its volume.
    const directory = place?.directory ?? './';
    return {
      command: place?.programs.server ?? 'redis-server',
      args: (port) => redisArguments({ port, directory, mark }, durability),
      url: (port) => `redis://:${password}@${LOOPBACK}:${port}`,
      secrets: [password],
      isReady: (port) => isAvailable(() => hasMark(port, mark)),
      // Not an argument, which every user of the machine can read. A restart forgets it.
      onReady: (port) =>
        withRedis(openUrl(port), async (redis) => void (await redis.config('SET', 'requirepass', password))),
    };
  },
};

const openUrl = (port: number) => `redis://${LOOPBACK}:${port}`;

async function hasMark(port: number, mark: string): Promise<boolean> {
  const [, name] = (await withRedis(openUrl(port), (redis) => redis.config('GET', 'dbfilename'))) as string[];
  return name === mark;
}
