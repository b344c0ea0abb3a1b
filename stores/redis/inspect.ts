import type { Redis } from 'ioredis';
import { type Inspection, refusal } from '../service.ts';
import { idleTimeoutOf } from './keep-open.ts';
import { rehearse } from './rehearsal.ts';

/** What a Redis, or what speaks its protocol, says of itself. Anything that it refuses to say is not known. */

const REPORTED_SETTINGS = [
  'appendonly',
  'appendfsync',
  'save',
  'maxmemory',
  'maxmemory-policy',
  'io-threads',
  'auto-aof-rewrite-percentage',
];

/** SET with KEEPTTL, which the scripts use. */
const LEAST_VERSION = [6, 0];

type Info = ReadonlyMap<string, string>;

/** @throws ServiceError when it cannot serve a run. */
export async function inspectRedis(redis: Redis): Promise<Inspection> {
  const [server, replication, cluster, memory, settings, idleSeconds] = await Promise.all([
    readInfo(redis, 'server'),
    readInfo(redis, 'replication'),
    readInfo(redis, 'cluster'),
    readInfo(redis, 'memory'),
    readSettings(redis),
    idleTimeoutOf(redis),
  ]);
  await checkMode(redis, server, cluster);
  checkRole(replication);
  await checkDatabase(redis);
  checkVersion(server);
  checkEviction(settings?.['maxmemory-policy'] ?? memory?.get('maxmemory_policy'));
  await rehearse(redis);
  return {
    version: server === undefined ? '' : flavourOf(server).version,
    settings: settings ?? {},
    notes: [
      ...(server === undefined ? ['version, size and CPU: not known without the right to INFO (+info)'] : []),
      ...(settings === undefined
        ? ['durability: not known without the right to CONFIG GET (+config|get)']
        : []),
      ...(idleSeconds === undefined || idleSeconds === 0
        ? []
        : [`closes connections that are idle for ${idleSeconds} s (timeout): ours are kept open by PING`]),
    ],
  };
}

/** Name and program of what speaks the protocol: Redis has no name in its version. */
export function flavourOf(server: Info): { version: string; program: string } {
  const redis = server.get('redis_version') ?? '';
  const valkey = server.get('valkey_version');
  if (valkey !== undefined) return { version: `Valkey ${valkey}`, program: 'valkey-server' };
  for (const [key, name, program] of [
    ['dragonfly_version', 'Dragonfly', 'dragonfly'],
    ['garnet_version', 'Garnet', 'GarnetServer'],
    ['kvrocks_version', 'Kvrocks', 'kvrocks'],
    ['redict_version', 'Redict', 'redict-server'],
  ] as const) {
    const version = server.get(key);
    if (version !== undefined) return { version: `${name} ${version.replace(/^df-/, '')}`, program };
  }
  // KeyDB says what it is by its program alone.
  if (/\/keydb-server$/.test(server.get('executable') ?? '')) {
    return { version: `KeyDB ${redis}`, program: 'keydb-server' };
  }
  const named = server.get('server_name');
  return {
    version: named === undefined || named === 'redis' ? redis : `${named} ${redis}`,
    program: 'redis-server',
  };
}

async function checkMode(redis: Redis, server: Info | undefined, cluster: Info | undefined): Promise<void> {
  const mode = server?.get('redis_mode');
  if (mode === 'sentinel') {
    const watched = await readInfo(redis, 'sentinel');
    const addresses = [...(watched?.values() ?? [])].flatMap(
      (text) => /,address=([^,]+)/.exec(text)?.[1] ?? [],
    );
    const named = addresses.length === 0 ? '' : `, ${addresses.join(' or ')}`;
    throw refusal('to be Redis itself', 'a Sentinel', `Name the primary that it watches${named}.`);
  }
  if (mode === 'cluster' || cluster?.get('cluster_enabled') === '1') {
    throw refusal(
      'to be one Redis, not a cluster',
      'a node of a cluster',
      'Name a Redis without cluster mode.',
    );
  }
}

function checkRole(replication: Info | undefined): void {
  if (replication?.get('role') !== 'slave') return;
  const primary = `${replication.get('master_host')}:${replication.get('master_port')}`;
  throw refusal('to be a primary', 'a replica, which accepts no writes', `Name its primary, ${primary}.`);
}

/** The driver ignores that SELECT fails: what is written then goes to the database 0. */
async function checkDatabase(redis: Redis): Promise<void> {
  const number = Number(redis.options.db ?? 0);
  if (number === 0) return;
  try {
    await redis.select(number);
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'ReplyError') throw error;
    const remedy = 'Name a number below its setting databases, and a user who may SELECT (+select).';
    throw refusal(`to have the database ${number}`, `"${error.message}"`, remedy, error);
  }
}

function checkVersion(server: Info | undefined): void {
  const version = server?.get('redis_version');
  const [major = 0, minor = 0] = (version ?? '').split('.').map(Number);
  const [leastMajor = 0, leastMinor = 0] = LEAST_VERSION;
  if (version === undefined || major > leastMajor || (major === leastMajor && minor >= leastMinor)) return;
  throw refusal(
    'to be version 6.0 or newer',
    version,
    'Upgrade it, or leave the URL out to have one started.',
  );
}

function checkEviction(policy: string | undefined): void {
  if (policy === undefined || policy === 'noeviction') return;
  throw refusal(
    'to evict nothing: an evicted revocation is a login that lives on',
    `maxmemory-policy ${policy}`,
    'redis-cli CONFIG SET maxmemory-policy noeviction (managed Redis: its parameter group), or name another one.',
  );
}

/** The relevant settings; `undefined` when CONFIG is not permitted or does not exist, as in managed services. */
async function readSettings(redis: Redis): Promise<Record<string, string> | undefined> {
  const all = await ifAnswered(redis.config('GET', ...REPORTED_SETTINGS));
  if (all !== undefined) return pairsOf(all);
  // Before version 7 it takes one name at a time.
  const single = await Promise.all(REPORTED_SETTINGS.map((name) => ifAnswered(redis.config('GET', name))));
  return single.every((one) => one === undefined)
    ? undefined
    : Object.assign({}, ...single.map((one) => pairsOf(one ?? [])));
}

function pairsOf(reply: unknown): Record<string, string> {
  const pairs = Array.isArray(reply) ? reply.map(String) : [];
  return Object.fromEntries(pairs.flatMap((key, at) => (at % 2 === 0 ? [[key, pairs[at + 1] ?? '']] : [])));
}

/** A section of INFO as a map; `undefined` when it is not permitted. */
export async function readInfo(
  redis: Redis,
  section: 'server' | 'replication' | 'cluster' | 'persistence' | 'memory' | 'sentinel',
): Promise<Map<string, string> | undefined> {
  const text = await ifAnswered(redis.info(section));
  if (text === undefined) return undefined;
  return new Map(text.split(/\r?\n/).map((line) => line.split(/:(.*)/s).slice(0, 2) as [string, string]));
}

/** `undefined` for an error of the service itself: it refuses the command, or lacks it. @throws every other error. */
async function ifAnswered<T>(reply: Promise<T>): Promise<T | undefined> {
  try {
    return await reply;
  } catch (error) {
    if (
      error instanceof Error &&
      error.name === 'ReplyError' &&
      !/^(NOAUTH|WRONGPASS|DENIED)/.test(error.message)
    ) {
      return undefined;
    }
    throw error;
  }
}
