/** Opens the driver's client for a URL: of one Redis, of the primary that Sentinels name, or of a cluster. */

import { Cluster, Redis, type RedisOptions } from 'ioredis';
import { type OpenContext, StoreUnavailableError } from '../store.ts';
import { clusterClient, isClusterNode, nodesOf } from './cluster.ts';
import { EvictionPolicyError, requireNoEviction } from './eviction.ts';
import { ifAnswered } from './info.ts';
import { addressOf } from './url.ts';

const CONNECT_TIMEOUT_MS = 5_000;
export const COMMAND_TIMEOUT_MS = 300;
/** A peer that vanished without a FIN sends no reply: after this time the store reconnects. */
const SILENCE_TIMEOUT_MS = 2_000;
const FIRST_RETRY_MS = 50;
const MAX_RETRY_MS = 500;

const retryDelayMs = (attempt: number) => Math.min(FIRST_RETRY_MS * 2 ** (attempt - 1), MAX_RETRY_MS);

/** In an outage a command waits for over 15 s by default. With these it fails at once, and is never sent twice. */
const LIMITS = {
  maxRetriesPerRequest: 0,
  autoResendUnfulfilledCommands: false,
  sentinelCommandTimeout: COMMAND_TIMEOUT_MS,
  socketTimeout: SILENCE_TIMEOUT_MS,
  connectTimeout: CONNECT_TIMEOUT_MS,
} satisfies RedisOptions;

/** A script as ioredis defines it: sent by EVALSHA, once per connection by EVAL, and again after NOSCRIPT. */
export interface RedisScript {
  numberOfKeys: number;
  lua: string;
}

/**
 * The client, ready; of a cluster with a connection to each primary.
 * @throws StoreUnavailableError when it is unreachable or refuses the login; EvictionPolicyError.
 */
export async function openClient(
  context: OpenContext,
  scripts: Record<string, RedisScript>,
  commandTimeoutMs: number,
): Promise<Redis | Cluster> {
  if (context.serviceUrl === undefined) throw new TypeError('expected the URL of Redis, got none');
  const { onBackgroundError } = context;
  const { url, options } = addressOf(context.serviceUrl, retryDelayMs);
  const limits = { ...LIMITS, commandTimeout: commandTimeoutMs };
  const shared = { scripts, enableAutoPipelining: context.options['pipelining'] === 'auto' };
  const all = {
    ...options,
    ...limits,
    ...shared,
    lazyConnect: true,
    enableOfflineQueue: false,
    retryStrategy: retryDelayMs,
    // A primary that became a replica while it was away: its Sentinels name another one.
    ...(url === undefined ? { reconnectOnError: isReplica } : {}),
  } satisfies RedisOptions;
  const node = url === undefined ? new Redis(all) : new Redis(url, all);
  const address = addressText(node);
  await connect(node, address, onBackgroundError);
  try {
    // INFO instead of CONFIG GET, which managed services forbid.
    const info = await ifAnswered(node.info());
    if (!(await isClusterNode(node, info))) {
      requireNoEviction(info, address);
      return node;
    }
    const client = clusterClient(node, await nodesOf(node), limits, {
      ...shared,
      clusterRetryStrategy: retryDelayMs,
    });
    await connect(client, address, onBackgroundError);
    node.disconnect();
    return await withPrimaries(client, address);
  } catch (error) {
    node.disconnect();
    if (error instanceof StoreUnavailableError || error instanceof EvictionPolicyError) throw error;
    throw new StoreUnavailableError('open', withoutCommand(error));
  }
}

/** Connects to each primary now: commands that come while a connection is made are refused. */
async function withPrimaries(client: Cluster, address: string): Promise<Cluster> {
  try {
    for (const primary of client.nodes('master'))
      requireNoEviction(await ifAnswered(primary.info('memory')), address);
    return client;
  } catch (error) {
    client.disconnect();
    throw error;
  }
}

const isReplica = (error: Error) => error.message.startsWith('READONLY');

function addressText({ options }: Redis): string {
  const { path, host, port, sentinels, name } = options;
  if (sentinels == null) return path ?? `${host}:${port}`;
  const hosts = sentinels.map((one) => `${one.host}:${one.port}`).join(',');
  return `${name} of the Sentinels ${hosts}`;
}

/** Waits until it is ready (also while Redis loads its data), for a bounded time; later failures are background errors. */
async function connect(
  client: Redis | Cluster,
  address: string,
  onBackgroundError: (error: unknown) => void,
): Promise<void> {
  let lastError: unknown;
  let opening = true;
  onOutages(client, (error, isNew) => {
    lastError = error;
    if (!opening && isNew) onBackgroundError(error);
  });
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(
        new Error(`expected Redis to be ready within ${CONNECT_TIMEOUT_MS} ms, got status ${client.status}`),
      );
    }, CONNECT_TIMEOUT_MS);
  });
  try {
    await Promise.race([client.connect(), tooLate]);
    opening = false;
  } catch (error) {
    client.disconnect();
    throw new StoreUnavailableError(
      'open',
      new Error(refusal(address, lastError ?? error), { cause: lastError ?? error }),
    );
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Calls `notify` with each failed connection. Only the first of an outage is new: one report is enough. Without a
 * listener ioredis prints each.
 */
function onOutages(client: Redis | Cluster, notify: (error: unknown, isNew: boolean) => void): void {
  const down = new Set<string>();
  const failed = (place: string) => (error: unknown) => {
    notify(withoutCommand(error), !down.has(place));
    down.add(place);
  };
  if (!(client instanceof Cluster)) {
    client.on('error', failed('')).on('ready', () => down.delete(''));
    return;
  }
  client.on('error', failed('all')).on('ready', () => down.delete('all'));
  client.on('node error', (error: unknown, place: string) => failed(place)(error));
  client.on('+node', (node: Redis) => {
    node.on('ready', () => down.delete(`${node.options.host}:${node.options.port}`));
  });
}

function refusal(address: string, error: unknown): string {
  const got = error instanceof Error ? error.message : String(error);
  const remedy = /NOAUTH|WRONGPASS|NOPERM/.test(got)
    ? 'put the user and password into its URL, redis://user:password@host:port'
    : 'start it, or correct its URL';
  return `Redis at ${address}: expected a connection, got: ${got}. Remedy: ${remedy}.`;
}

/** ioredis attaches the command to its errors: session data, or the password of AUTH, which a log would print. */
export function withoutCommand(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  if ('command' in error) delete error.command;
  // A transaction has an error for each command.
  if ('previousErrors' in error) delete error.previousErrors;
  // Of a cluster none of whose nodes replies.
  if ('lastNodeError' in error) withoutCommand(error.lastNodeError);
  return error;
}
