/** A cluster of Redis: which nodes it has, and a client of all of them. */

import { Cluster, type ClusterOptions, type Redis, type RedisOptions } from 'ioredis';
import { ifAnswered } from './info.ts';

/** One node, and the range of slots that its primary serves. A primary has several entries if its slots are apart. */
export interface ClusterNode {
  host: string;
  port: number;
  isPrimary: boolean;
  firstSlot: number;
  lastSlot: number;
}

export const SLOTS = 16_384;

/** Beyond this a command is an outage: a slot that moves is found by one or two. */
const MAX_REDIRECTIONS = 5;
/** While a slot moves, a script whose keys are on both nodes is refused, and was not executed. */
const TRY_AGAIN_MS = 50;
/** Finds a new primary also where no command fails: an old one that is frozen. */
const REFRESH_MS = 2_000;
const REFRESH_TIMEOUT_MS = 300;

/**
 * Whether this connection leads to a node of a cluster.
 * @param info what INFO says, where it has been asked. Where it says nothing, the slots are asked for.
 */
export async function isClusterNode(redis: Redis, info?: string): Promise<boolean> {
  const text = info ?? (await ifAnswered(redis.info('cluster')));
  const enabled = /^cluster_enabled:(\d)/m.exec(text ?? '')?.[1];
  if (enabled !== undefined) return enabled === '1';
  return (await ifAnswered(redis.cluster('SLOTS'))) !== undefined;
}

/** The nodes that serve slots, primaries and replicas, as this node knows them. @throws its error. */
export async function nodesOf(redis: Redis | Cluster): Promise<ClusterNode[]> {
  const own = redis instanceof Cluster ? '' : (redis.options.host ?? '');
  const ranges = await redis.cluster('SLOTS');
  return ranges.flatMap(([firstSlot, lastSlot, ...nodes]) =>
    nodes.map(([host, port], index) => {
      // A node that does not know its own address, or may not name it; the driver's type omits null.
      const known = host === '?' ? own : host || own;
      return { host: known, port, isPrimary: index === 0, firstSlot, lastSlot };
    }),
  );
}

/** The connection to each primary. @throws Error when there is none to one of them. */
export async function primariesOf(client: Cluster): Promise<Redis[]> {
  const open = new Map(
    client.nodes('master').map((node) => [`${node.options.host}:${node.options.port}`, node]),
  );
  return primaryAddresses(await nodesOf(client)).map(({ host, port }) => {
    const node = open.get(`${host}:${port}`);
    if (node === undefined) throw new Error(`expected a connection to the primary ${host}:${port}, got none`);
    return node;
  });
}

/** The address of each primary. */
export function primaryAddresses(nodes: readonly ClusterNode[]): { host: string; port: number }[] {
  return addressesOf(nodes.filter(({ isPrimary }) => isPrimary));
}

/** Each address once. */
export function addressesOf(nodes: readonly ClusterNode[]): { host: string; port: number }[] {
  const unique = new Map(nodes.map(({ host, port }) => [`${host}:${port}`, { host, port }]));
  return [...unique.values()];
}

type Limits = Pick<
  RedisOptions,
  | 'autoResendUnfulfilledCommands'
  | 'commandTimeout'
  | 'connectTimeout'
  | 'maxRetriesPerRequest'
  | 'socketTimeout'
>;

type Credentials = Pick<RedisOptions, 'username' | 'password' | 'tls' | 'family'>;

/** User, password and TLS of a connection, for another node. */
export function credentialsOf({ options }: Redis): Credentials {
  const { username, password, tls, family } = options;
  return {
    ...(username == null ? {} : { username }),
    ...(password == null ? {} : { password }),
    ...(tls === undefined ? {} : { tls }),
    ...(family === undefined ? {} : { family }),
  };
}

/**
 * A client of the whole cluster, not yet connected. It follows MOVED and ASK, which say that nothing was executed. What
 * may have been executed is never sent twice: a lost connection, a primary that failed and a cluster that is down are
 * errors at once.
 */
export function clusterClient(
  node: Redis,
  nodes: readonly ClusterNode[],
  limits: Limits,
  options: Pick<ClusterOptions, 'scripts' | 'enableAutoPipelining' | 'clusterRetryStrategy'>,
): Cluster {
  return new Cluster(addressesOf(nodes), {
    ...options,
    lazyConnect: true,
    enableOfflineQueue: false,
    // A replica may not know of a logout yet.
    scaleReads: 'master',
    maxRedirections: MAX_REDIRECTIONS,
    retryDelayOnFailover: 0,
    retryDelayOnClusterDown: 0,
    retryDelayOnTryAgain: TRY_AGAIN_MS,
    slotsRefreshInterval: REFRESH_MS,
    slotsRefreshTimeout: REFRESH_TIMEOUT_MS,
    redisOptions: { ...credentialsOf(node), ...limits },
  });
}
