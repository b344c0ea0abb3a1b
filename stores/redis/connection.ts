import { Cluster, type Redis } from 'ioredis';
import { type OpenContext, StoreUnavailableError } from '../store.ts';
import { primariesOf } from './cluster.ts';
import { keepOpen } from './keep-open.ts';
import { COMMAND_TIMEOUT_MS, openClient, type RedisScript, withoutCommand } from './open-client.ts';

/** An open connection to Redis, or to each primary of a cluster. It limits the time of every command, and counts commands. */
export interface RedisConnection {
  readonly client: Redis | Cluster;
  /** Whether it is a cluster: the keys of a command must share a slot. */
  readonly isCluster: boolean;
  /** Awaits the reply of one command. @throws StoreUnavailableError naming the operation, with the cause. */
  ask<T>(operation: string, reply: Promise<T>): Promise<T>;
  /** Runs one of the scripts given at opening; failures as in `ask`. */
  run(operation: string, script: string, ...args: readonly (string | number)[]): Promise<unknown>;
  /** Number of keys, of all primaries; failures as in `ask`. */
  keys(operation: string): Promise<number>;
  /** Commands sent since opening. */
  roundTrips(): number;
  close(): Promise<void>;
}

/**
 * Opens the one connection of a server process and waits until it is ready; of a cluster, one to each primary.
 *
 * One, whatever `poolSize` is: Redis executes on one thread. Measured with 64 GETs in flight: 1 connection 95–105k/s at
 * 10 µs of Node CPU, 4 connections 75–92k/s at 13–15 µs, 10 connections 63k/s at 17 µs. Auto-pipelining is off, as in
 * ioredis itself: where a turn of the loop has one request it costs 30 µs more for each
 * (docs/decisions/backends-and-tokens.md).
 *
 * @param commandTimeoutMs longer only on a connection of its own for commands that block.
 * @throws StoreUnavailableError when it is unreachable or refuses the login; {@link EvictionPolicyError}.
 */
export async function openRedis(
  context: OpenContext,
  scripts: Record<string, RedisScript>,
  commandTimeoutMs: number = COMMAND_TIMEOUT_MS,
): Promise<RedisConnection> {
  const client = await openClient(context, scripts, commandTimeoutMs);
  let sent = 0;
  const ask = <T>(operation: string, reply: Promise<T>): Promise<T> => {
    sent += 1;
    return reply.catch((cause: unknown) => {
      throw new StoreUnavailableError(operation, withoutCommand(cause));
    });
  };
  const letGo = await keepOpen(client, () => sent).catch((error: unknown) => {
    client.disconnect();
    throw new StoreUnavailableError('open', withoutCommand(error));
  });
  const defined = client as unknown as Record<string, (...args: (string | number)[]) => Promise<unknown>>;
  return {
    client,
    isCluster: client instanceof Cluster,
    ask,
    run(operation, script, ...args) {
      const command = defined[script];
      if (command === undefined) throw new Error(`expected a script given at opening, got ${script}`);
      return ask(operation, command.apply(client, [...args]));
    },
    async keys(operation) {
      if (!(client instanceof Cluster)) return ask(operation, client.dbsize());
      const primaries = await ask(operation, primariesOf(client));
      const sizes = await Promise.all(primaries.map((node) => ask(operation, node.dbsize())));
      return sizes.reduce((sum, size) => sum + size, 0);
    },
    roundTrips: () => sent,
    close() {
      letGo();
      return close(client);
    },
  };
}

async function close(client: Redis | Cluster): Promise<void> {
  if (client.status !== 'ready') return client.disconnect();
  // Bounded by the command timeout; without a reply to QUIT the connection is dropped.
  await client.quit().catch(() => client.disconnect());
}
