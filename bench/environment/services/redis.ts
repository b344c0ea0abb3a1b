/** Redis on every tier, with the same arguments on each. */

import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { BenchError, redactUrl } from '../../errors.ts';
import { withFreePort } from '../port.ts';
import { exitText, startProcess } from '../process.ts';
import { commandOf } from '../process-identity.ts';
import { acceptsConnection } from '../process-ready.ts';
import { openTogether } from '../resources.ts';
import { readRedisInfo, readRedisSettings, withRedis } from './redis-client.ts';
import {
  breakable,
  type DescribedService,
  type Durability,
  diedError,
  isLoopbackUrl,
  LOOPBACK,
  SETTLE_TIMEOUT_MS,
  type ServiceRequest,
  START_TIMEOUT_MS,
  type StartedService,
  waitUntil,
} from './service.ts';

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

/** A name for {@link RedisPlace.mark}. */
export function redisMark(): string {
  return `${randomBytes(9).toString('hex')}.rdb`;
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

/** Starts the binary of this machine. @throws BenchError SERVICE_DIED when it does not become ready. */
export function startLocalRedis(binary: string, request: ServiceRequest): Promise<StartedService> {
  const { guard, durability, signal } = request;
  return openTogether(async (resources) => {
    const directory = mkdtempSync(join(request.directory, 'redis-'));
    resources.add('the data of redis', () => rmSync(directory, { recursive: true, force: true }));
    const mark = redisMark();
    const launch = (port: number) =>
      startProcess({
        name: 'redis',
        command: binary,
        cpus: request.cpus,
        args: redisArguments({ port, directory, mark }, durability),
        ready: { check: () => answersAs(port, mark) },
        timeoutMs: START_TIMEOUT_MS,
        guard,
        failure: { code: 'SERVICE_DIED', remedy: `Start ${binary} by hand to see why.` },
        ...(signal === undefined ? {} : { signal }),
      });
    const first = await withFreePort(LOOPBACK, async (port) => ({ server: await launch(port), port }));
    const { port } = first;
    let server = first.server;
    resources.add('redis', () => server.stop());
    const password = newPassword();
    const url = await setRedisPassword(port, password);
    return {
      ...(await describeRedis(url, durability)),
      tier: 'local',
      networking: 'loopback-tcp',
      pids: async () => [server.pid],
      died: new Promise((resolve) => {
        server.onUnexpectedExit((exit) => resolve(diedError('redis', exitText(exit), server.outputTail())));
      }),
      breakable: breakable(
        () => server,
        async () => {
          server = await launch(port);
          await setRedisPassword(port, password);
        },
      ),
      stop: () => resources.close(),
    };
  });
}

/** Takes a Redis that somebody else runs, and changes nothing of it. @throws BenchError SERVICE_UNREACHABLE, SERVICE_REFUSED. */
export async function useRedis(url: string, durability: Durability): Promise<StartedService> {
  return {
    ...(await describeRedis(url, durability)),
    tier: 'url',
    networking: 'url',
    pids: () => pidsBehind(url),
    died: new Promise(() => undefined),
    stop: async () => undefined,
  };
}

/** What the running Redis says of itself. */
export async function describeRedis(url: string, durability: Durability): Promise<DescribedService> {
  const [info, settings] = await withRedis(url, (redis) =>
    Promise.all([readRedisInfo(redis, 'server'), readRedisSettings(redis)]),
  );
  const told = redisDurability(settings);
  return {
    name: 'redis',
    url,
    redactedUrl: redactUrl(url),
    version: info.get('redis_version') ?? '',
    settings,
    durabilityMatches: told === undefined ? undefined : told === durability,
    settle: () => settle(url),
    dataBytes: () =>
      withRedis(url, async (redis) => Number((await readRedisInfo(redis, 'memory')).get('used_memory'))),
  };
}

/** The durability that settings amount to: `other` is none of ours, such as snapshots; `undefined` when they are not told. */
export function redisDurability(
  settings: Readonly<Record<string, string>>,
): Durability | 'other' | undefined {
  const { appendonly, appendfsync, save } = settings;
  if (appendonly === undefined) return undefined;
  if (appendonly === 'no') return save === '' ? 'none' : 'other';
  return appendfsync === 'always' ? 'commit' : appendfsync === 'everysec' ? 'second' : 'other';
}

/** Whether the server with that mark answers on the port. One that is not ours may well refuse to talk. */
export async function answersAs(port: number, mark: string): Promise<boolean> {
  if (!(await acceptsConnection(LOOPBACK, port))) return false;
  try {
    const url = `redis://${LOOPBACK}:${port}`;
    const [, name] = (await withRedis(url, (redis) => redis.config('GET', 'dbfilename'))) as string[];
    return name === mark;
  } catch (error) {
    if (error instanceof BenchError) return false;
    throw error;
  }
}

/** A password that is not among the arguments, which everybody on the machine can read. Answers the URL with the password. */
export async function setRedisPassword(port: number, password: string = newPassword()): Promise<string> {
  await withRedis(`redis://${LOOPBACK}:${port}`, (redis) => redis.config('SET', 'requirepass', password));
  return `redis://:${password}@${LOOPBACK}:${port}`;
}

function newPassword(): string {
  return randomBytes(18).toString('base64url');
}

/** A rewrite of the append-only file in a measured window would be charged to whoever is measured then. */
async function settle(url: string): Promise<string[]> {
  await withRedis(url, (redis) =>
    waitUntil(
      'no background save of redis',
      async () => isQuiet(await readRedisInfo(redis, 'persistence')),
      SETTLE_TIMEOUT_MS,
    ),
  );
  return [];
}

function isQuiet(persistence: ReadonlyMap<string, string>): boolean {
  const busy = [
    'aof_rewrite_in_progress',
    'aof_rewrite_scheduled',
    'rdb_bgsave_in_progress',
    'loading',
    'async_loading',
  ];
  return busy.every((key) => (persistence.get(key) ?? '0') === '0');
}

/** Its pid if it runs on this machine outside of any container: the pid that it names must be a redis-server here. */
async function pidsBehind(url: string): Promise<number[]> {
  if (!isLoopbackUrl(url)) return [];
  const pid = Number((await withRedis(url, (redis) => readRedisInfo(redis, 'server'))).get('process_id'));
  return commandOf(pid)?.startsWith('redis-server') === true ? [pid] : [];
}
