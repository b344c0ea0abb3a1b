import { Socket } from 'node:net';
import { Client, type ClientConfig, Pool, type QueryArrayConfig, type QueryArrayResult } from 'pg';
import { type OpenContext, StoreUnavailableError } from '../store.ts';
import { connectionOf } from './url.ts';

/** A statement prepared once per connection under its name, which is also the operation named in errors. */
export interface Statement {
  name: string;
  text: string;
}

/** Statements of these texts, each under its key as its name. */
export function statements<N extends string>(texts: Readonly<Record<N, string>>): Record<N, Statement> {
  const named = Object.entries<string>(texts).map(([name, text]) => [name, { name, text }]);
  return Object.fromEntries(named) as Record<N, Statement>;
}

export type Ask = (statement: Statement, values: readonly unknown[]) => Promise<QueryArrayResult<unknown[]>>;

/** One server's connections to Postgres. Every failure is a `StoreUnavailableError` with its cause. */
export interface PostgresConnections {
  /** Reads: pipelined on one connection, or on the pool. */
  read: Ask;
  /** Writes, on the pool: a read must not queue behind an update that waits for a lock. */
  write: Ask;
  /** Writes that a crash may undo: on a connection with `synchronous_commit=off` if requested, else on the pool. */
  relaxedWrite: Ask;
  /** A write that belongs to no call, and is not counted. */
  backgroundWrite: Ask;
  /** Statements sent since opening. */
  roundTrips(): number;
  /** Closes every connection, within about a second even when Postgres is silent. */
  close(): Promise<void>;
}

/** Of the context: `poolSize` is the number of connections in total, as far as each kind can have at least one. */
type ConnectionContext = Pick<OpenContext, 'serviceUrl' | 'poolSize' | 'durability' | 'onBackgroundError'>;

export interface ConnectionOptions {
  reads: 'pipelined' | 'pool';
  /** Whether relaxed writes get a separate connection, which does not wait for the log. */
  relaxed: boolean;
  /** Runs once on a separate connection, before anything else. */
  setup: string;
}

/**
 * Limits after which an outage becomes an error: a refused connection at once, a silent server after one of them. The
 * pool's limit also bounds the wait for a free connection.
 */
const CONNECT_TIMEOUT_MS = 1_000;
const QUERY_TIMEOUT_MS = 1_000;
/** Shorter than the client's, so that abandoned work ends on the server too. */
const STATEMENT_TIMEOUT_MS = 900;
const SETUP_TIMEOUT_MS = 10_000;
const CLOSE_TIMEOUT_MS = 1_000;
const BACKOFF_FIRST_MS = 50;
const BACKOFF_LAST_MS = 1_000;

/**
 * Opens the connections and runs `setup`.
 *
 * @throws {StoreUnavailableError} when Postgres does not reply, refuses, or is less durable than requested.
 */
export async function openConnections(
  context: ConnectionContext,
  options: ConnectionOptions,
): Promise<PostgresConnections> {
  const { serviceUrl: url, durability } = context;
  if (url === undefined) throw new TypeError('expected the URL of Postgres, got none');
  const sockets = new Set<Socket>();
  let closed = false;
  const onBackgroundError = (error: unknown) => {
    if (!closed) context.onBackgroundError(error);
  };
  const config = (synchronousCommit: 'on' | 'off'): ClientConfig => ({
    ...connectionOf(url),
    application_name: 'session-bench',
    // Every statement uses an index: a plan cached while a table was tiny must not keep scanning it when it has grown.
    // Commits are set here because SET in a function's definition comes too late for its own commit.
    // The server's own limit of idle time would end a pooled connection under a request.
    options: `-c synchronous_commit=${synchronousCommit} -c enable_seqscan=off -c jit=off -c idle_session_timeout=0`,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: QUERY_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    keepAlive: true,
    stream: () => track(sockets),
  });
  const commits = durability === 'commit' ? 'on' : 'off';
  const spare = context.poolSize - (options.reads === 'pipelined' ? 1 : 0) - (options.relaxed ? 1 : 0);
  const pool = new Pool({ ...config(commits), max: Math.max(1, spare), idleTimeoutMillis: 0 });
  // Without a listener, a restart of Postgres would end this process.
  pool.on('error', onBackgroundError);
  const reader = options.reads === 'pipelined' ? pipelined(config(commits), onBackgroundError) : undefined;
  const relaxed = options.relaxed ? pipelined(config('off'), onBackgroundError) : undefined;

  let roundTrips = 0;
  const ask =
    (run: Run, counted = 1): Ask =>
    async ({ name, text }, values) => {
      roundTrips += counted;
      try {
        return await run({ name, text, values: values as unknown[], rowMode: 'array' });
      } catch (cause) {
        throw new StoreUnavailableError(name, cause);
      }
    };
  const onPool: Run = (query) => pool.query(query);
  const connections: PostgresConnections = {
    read: ask(reader?.run ?? onPool),
    write: ask(onPool),
    relaxedWrite: ask(relaxed?.run ?? onPool),
    backgroundWrite: ask(onPool, 0),
    roundTrips: () => roundTrips,
    async close() {
      closed = true;
      const ended = Promise.all([reader?.end(), relaxed?.end(), pool.end()]);
      await Promise.race([ended, afterMs(CLOSE_TIMEOUT_MS)]);
      // A silent server would keep its half of the connection open for ever.
      for (const socket of sockets) socket.destroy();
    },
  };
  try {
    await runSetup(
      { ...config('on'), query_timeout: SETUP_TIMEOUT_MS, statement_timeout: SETUP_TIMEOUT_MS },
      options.setup,
    );
    await assertDurable(connections, commits, options.relaxed);
    roundTrips = 0;
  } catch (cause) {
    await connections.close();
    throw cause instanceof StoreUnavailableError ? cause : new StoreUnavailableError('open', cause);
  }
  return connections;
}

type Run = (query: QueryArrayConfig<unknown[]>) => Promise<QueryArrayResult<unknown[]>>;

/**
 * One connection that sends each statement at once, without waiting for earlier replies. When it is lost, its pending
 * statements fail and the next one reconnects; while that fails, calls fail at once for a time that doubles up to a
 * second.
 */
function pipelined(
  config: ClientConfig,
  onBackgroundError: (error: unknown) => void,
): { run: Run; end(): Promise<void> } {
  let client: Client | undefined;
  let connecting: Promise<Client> | undefined;
  let backoffMs = BACKOFF_FIRST_MS;
  let refusal: { error: unknown; untilMs: number } | undefined;
  let ended = false;

  async function connect(): Promise<Client> {
    const fresh = new Client({ ...config, pipeline: true });
    let up = false;
    fresh.on('error', (error) => {
      if (client === fresh) client = undefined;
      if (up) onBackgroundError(error);
      void fresh.end();
    });
    try {
      await fresh.connect();
    } catch (error) {
      refusal = { error, untilMs: performance.now() + backoffMs };
      backoffMs = Math.min(2 * backoffMs, BACKOFF_LAST_MS);
      throw error;
    }
    up = true;
    backoffMs = BACKOFF_FIRST_MS;
    refusal = undefined;
    client = fresh;
    return fresh;
  }

  function reconnect(): Promise<Client> {
    if (ended) return Promise.reject(new Error('the store has been closed'));
    if (refusal !== undefined && performance.now() < refusal.untilMs) return Promise.reject(refusal.error);
    connecting ??= connect().finally(() => {
      connecting = undefined;
    });
    return connecting;
  }

  return {
    run: (query) =>
      client === undefined ? reconnect().then((fresh) => fresh.query(query)) : client.query(query),
    async end() {
      ended = true;
      await client?.end();
    },
  };
}

async function runSetup(config: ClientConfig, setup: string): Promise<void> {
  const client = new Client(config);
  // A connection lost during setup fails the statement too; that error is reported.
  let lost: unknown;
  client.on('error', (error) => {
    lost = error;
  });
  await client.connect();
  try {
    await client.query(setup);
  } catch (error) {
    throw lost ?? error;
  } finally {
    await client.end();
  }
}

/**
 * Opens a connection of each kind and reads its settings: a URL's `options`, a role's settings or a proxy may override
 * the requested ones, and the figures would be wrong.
 */
async function assertDurable(
  { read, write, relaxedWrite }: PostgresConnections,
  wanted: 'on' | 'off',
  relaxed: boolean,
): Promise<void> {
  const { settings } = statements({
    settings: `select current_setting('synchronous_commit'), current_setting('fsync')`,
  });
  await read(settings, []);
  const [commits, fsync] = (await write(settings, [])).rows[0] ?? [];
  const [relaxedCommits] = (await relaxedWrite(settings, [])).rows[0] ?? [];
  if (commits !== wanted || (relaxed && relaxedCommits !== 'off'))
    throw new Error(
      `expected synchronous_commit=${wanted}${relaxed ? ', off for touches' : ''} on the store's connections, ` +
        `got ${String(commits)}, ${String(relaxedCommits)}; remove options from the URL`,
    );
  if (wanted === 'on' && fsync !== 'on')
    throw new Error(
      `expected fsync=on for durability 'commit', got ${String(fsync)}; turn it on in Postgres`,
    );
}

function track(sockets: Set<Socket>): Socket {
  const socket = new Socket();
  sockets.add(socket);
  socket.once('close', () => sockets.delete(socket));
  return socket;
}

function afterMs(delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, delayMs).unref();
  });
}
