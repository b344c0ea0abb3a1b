import type { Redis } from 'ioredis';
import { type Inspection, refusal } from '../service.ts';
import { type Info, ifAnswered, readInfo } from './info.ts';
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

/** One Redis, or one primary of a cluster. @throws ServiceError when it cannot serve a run. */
export async function inspectRedis(redis: Redis): Promise<Inspection> {
  const [server, replication, memory, settings, idleSeconds] = await Promise.all([
    readInfo(redis, 'server'),
    readInfo(redis, 'replication'),
    readInfo(redis, 'memory'),
    readSettings(redis),
    idleTimeoutOf(redis),
  ]);
  await checkMode(redis, server);
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

async function checkMode(redis: Redis, server: Info | undefined): Promise<void> {
  if (server?.get('redis_mode') !== 'sentinel') return;
  const watched = [...((await readInfo(redis, 'sentinel'))?.values() ?? [])].flatMap((text) => {
    const [, name = '', address = ''] = /^name=([^,]*),.*?\baddress=([^,]+)/.exec(text) ?? [];
    return address === '' ? [] : [{ name, address }];
  });
  const first = watched[0];
  const named = first === undefined ? '' : `, ${watched.map(({ address }) => address).join(' or ')}`;
  const path = first === undefined ? 'NAME' : encodeURIComponent(first.name);
  const remedy = `Name the primary that it watches${named}, or write redis-sentinel://HOST:PORT/${path}.`;
  throw refusal('to be Redis itself', 'a Sentinel', remedy);
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
