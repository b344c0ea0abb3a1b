/** redis-server on every tier, with the same arguments on each. */

import { randomBytes } from 'node:crypto';
import { findOnPath, versionOf } from '../programs.ts';
import { answers, type Durability, LOOPBACK, type ServiceServer } from '../service.ts';
import { withRedis } from './client.ts';

const PERSISTENCE: Readonly<Record<Durability, readonly string[]>> = {
  none: ['--appendonly', 'no', '--appendfsync', 'no'],
  second: ['--appendonly', 'yes', '--appendfsync', 'everysec'],
  commit: ['--appendonly', 'yes', '--appendfsync', 'always'],
};

export interface RedisPlace {
  port: number;
  directory: string;
  /** A file name that no other server has. */
  mark: string;
}

/**
 * Arguments of redis-server, the same on every tier. No RDB snapshots (a bare redis-server makes them): the
 * durability is the append-only file's alone. Never an eviction: a deny list that is evicted fails open.
 */
export function redisArguments(place: RedisPlace, durability: Durability): string[] {
  const { port, directory, mark } = place;
  return [
    ...['--port', String(port), '--bind', LOOPBACK, '--protected-mode', 'yes', '--daemonize', 'no'],
    ...['--dir', directory, '--save', '', ...PERSISTENCE[durability]],
    ...['--maxmemory', '0', '--maxmemory-policy', 'noeviction', '--io-threads', '1'],
    // Never written. By this name we know our own server from one that was faster to take the port.
    ...['--dbfilename', mark],
  ];
}

export const redisServer: ServiceServer = {
  async local() {
    const server = findOnPath('redis-server');
    const version = server === undefined ? undefined : await versionOf(server);
    if (server === undefined || version === undefined) return 'no redis-server on PATH that runs';
    return { version, server };
  },
  embedded: () => Promise.resolve('no npm package holds a real Redis'),
  plan({ durability, place }) {
    const mark = `${randomBytes(9).toString('hex')}.rdb`;
    const password = randomBytes(18).toString('base64url');
    // The image's own working directory, which is its volume.
    const directory = place?.directory ?? './';
    return {
      command: place?.programs.server ?? 'redis-server',
      args: (port) => redisArguments({ port, directory, mark }, durability),
      url: (port) => `redis://:${password}@${LOOPBACK}:${port}`,
      secrets: [password],
      isReady: (port) => answers(() => hasMark(port, mark)),
      // Not among the arguments, which everybody on the machine can read. A restart forgets it.
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
