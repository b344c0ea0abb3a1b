import { Redis } from 'ioredis';
import { type OpenContext, StoreUnavailableError } from '../store.ts';
import { keepOpen } from './keep-open.ts';
import { socketOf } from './url.ts';

/** A script as ioredis defines it: sent by EVALSHA, once per connection by EVAL, and again after NOSCRIPT. */
export interface RedisScript {
  numberOfKeys: number;
  lua: string;
}

/** An open connection to Redis. It limits the time of every command, and counts commands. */
export interface RedisConnection {
  readonly client: Redis;
  /** Awaits the reply of one command. @throws StoreUnavailableError naming the operation, with the cause. */
  ask<T>(operation: string, reply: Promise<T>): Promise<T>;
  /** Runs one of the scripts given at opening; failures as in `ask`. */
  run(operation: string, script: string, ...args: readonly (string | number)[]): Promise<unknown>;
  /** Commands sent since opening. */
  roundTrips(): number;
  close(): Promise<void>;
}

/** Redis may evict keys when it is full: sessions end silently and, worse, revocations are lost. */
export class EvictionPolicyError extends Error {
  readonly code = 'EVICTION_POLICY';
  constructor(address: string, got: string | undefined) {
    super(
      `Redis at ${address}: expected maxmemory-policy noeviction, got ${got ?? 'none reported'}. ` +
        'Any other policy may evict an index or a revocation, and a logged-out session would stay valid. ' +
        'Remedy: redis-cli CONFIG SET maxmemory-policy noeviction (managed Redis: its parameter group), ' +
        'or use a separate instance.',
    );
    this.name = 'EvictionPolicyError';
  }
}

const CONNECT_TIMEOUT_MS = 5_000;
const COMMAND_TIMEOUT_MS = 300;
/** A peer that vanished without a FIN sends no reply: after this time the store reconnects. */
const SILENCE_TIMEOUT_MS = 2_000;
const FIRST_RETRY_MS = 50;
const MAX_RETRY_MS = 500;

/**
 * Opens the one connection of a server process and waits until it is ready.
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
  if (context.serviceUrl === undefined) throw new TypeError('expected the URL of Redis, got none');
  const socket = socketOf(context.serviceUrl);
  const client = new Redis(context.serviceUrl, {
    ...socket,
    scripts,
    lazyConnect: true,
    enableAutoPipelining: context.options['pipelining'] === 'auto',
    // In an outage a command waits for over 15 s by default. It fails at once instead, and is never sent twice.
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    commandTimeout: commandTimeoutMs,
    socketTimeout: SILENCE_TIMEOUT_MS,
    connectTimeout: CONNECT_TIMEOUT_MS,
    retryStrategy: (attempt) => Math.min(FIRST_RETRY_MS * 2 ** (attempt - 1), MAX_RETRY_MS),
  });
  const address = socket.path ?? `${client.options.host}:${client.options.port}`;
  await connect(client, address, context.onBackgroundError);

  let sent = 0;
  let letGo = (): void => undefined;
  const ask = <T>(operation: string, reply: Promise<T>): Promise<T> => {
    sent += 1;
    return reply.catch((cause: unknown) => {
      throw new StoreUnavailableError(operation, withoutCommand(cause));
    });
  };
  const defined = client as unknown as Record<string, (...args: (string | number)[]) => Promise<unknown>>;
  const connection: RedisConnection = {
    client,
    ask,
    run(operation, script, ...args) {
      const command = defined[script];
      if (command === undefined) throw new Error(`expected a script given at opening, got ${script}`);
      return ask(operation, command.apply(client, [...args]));
    },
    roundTrips: () => sent,
    close() {
      letGo();
      return close(client);
    },
  };
  try {
    await requireNoEviction(connection, address);
    letGo = await keepOpen(client, () => sent).catch((error: unknown) => {
      throw new StoreUnavailableError('open', withoutCommand(error));
    });
  } catch (error) {
    client.disconnect();
    throw error;
  }
  return connection;
}

/** Waits for 'ready' (also while Redis loads its data), for a bounded time; later failures are background errors. */
async function connect(
  client: Redis,
  address: string,
  onBackgroundError: (error: unknown) => void,
): Promise<void> {
  let lastError: unknown;
  let opening = true;
  let isReported = false;
  // Without a listener ioredis prints each failed attempt. One report per outage is enough.
  client.on('error', (error: unknown) => {
    lastError = withoutCommand(error);
    if (opening || isReported) return;
    isReported = true;
    onBackgroundError(lastError);
  });
  client.on('ready', () => {
    isReported = false;
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

function refusal(address: string, error: unknown): string {
  const got = error instanceof Error ? error.message : String(error);
  const remedy = /NOAUTH|WRONGPASS|NOPERM/.test(got)
    ? 'put the user and password into its URL, redis://user:password@host:port'
    : 'start it, or correct its URL';
  return `Redis at ${address}: expected a connection, got: ${got}. Remedy: ${remedy}.`;
}

/**
 * INFO instead of CONFIG GET, which managed services forbid. A user without the right to either cannot know: whoever
 * gave it the URL has been told.
 */
async function requireNoEviction({ client }: RedisConnection, address: string): Promise<void> {
  let info: string;
  try {
    info = await client.info('memory');
  } catch (error) {
    if (error instanceof Error && error.message.startsWith('NOPERM')) return;
    throw new StoreUnavailableError('open', withoutCommand(error));
  }
  const policy = /^maxmemory_policy:(\S+)/m.exec(info)?.[1];
  if (policy !== 'noeviction') throw new EvictionPolicyError(address, policy);
}

/** ioredis attaches the command to its errors: session data, or the password of AUTH, which a log would print. */
function withoutCommand(error: unknown): unknown {
  if (error instanceof Error && 'command' in error) delete error.command;
  // A transaction has an error for each command.
  if (error instanceof Error && 'previousErrors' in error) delete error.previousErrors;
  return error;
}

async function close(client: Redis): Promise<void> {
  if (client.status !== 'ready') return client.disconnect();
  // Bounded by the command timeout; without a reply to QUIT the connection is dropped.
  await client.quit().catch(() => client.disconnect());
}
