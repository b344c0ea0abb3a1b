import { type OpenContext, StoreUnavailableError } from '../store.ts';
import type { DriverName, Reply } from './drivers.ts';
import { durabilityFault, readSettings } from './durability.ts';
import { dialling, type Link, openLink, type Statement } from './links.ts';
import { linkPool } from './pool.ts';
import { addressOf } from './url.ts';

export type Ask = (statement: Statement, values: readonly unknown[]) => Promise<Reply>;

/** One server's connections to MariaDB. Every failure is a `StoreUnavailableError` with its cause. */
export interface MariadbConnections {
  /** Reads: pipelined on one connection, or where the driver cannot, on any that is free. */
  read: Ask;
  /** Writes, each on a connection of its own: a read must not queue behind an update that waits for a lock. */
  write: Ask;
  /** A write that belongs to no call, and is not counted. */
  backgroundWrite: Ask;
  /** Statements sent since opening. */
  roundTrips(): number;
  /** Most bytes of a statement and its values. */
  maxPacketBytes: number;
  /** Closes every connection, within about a second even when MariaDB is silent. */
  close(): Promise<void>;
}

/** Of the context: `poolSize` is the number of connections in total, as far as each kind can have at least one. */
type ConnectionContext = Pick<OpenContext, 'serviceUrl' | 'poolSize' | 'durability' | 'onBackgroundError'>;

export interface ConnectionOptions {
  driver: DriverName;
  /** Statements that run once on a separate connection, before anything else. */
  setup: readonly string[];
  /** Statement that each connection begins with. */
  begin?: string;
}

/** Limits after which an outage becomes an error: a refused connection at once, a silent server after one of them. */
const LIMIT_MS = 1_000;
const SETUP_LIMIT_MS = 10_000;
const BACKOFF_FIRST_MS = 50;
const BACKOFF_LAST_MS = 1_000;
/** InnoDB has rolled the transaction back: it may be repeated. Two that wait for each other rarely meet again. */
const DEADLOCK = 1213;
const DEADLOCK_TRIES = 4;

/**
 * Prepares a session. The server's limit is shorter than the client's, so that abandoned work ends there too; only
 * MariaDB has one for every kind of statement.
 * @param limitMs the client's limit.
 */
export function sessionSettings(limitMs: number): string[] {
  return [
    'set session transaction isolation level read committed',
    `set session sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', innodb_lock_wait_timeout = 1,
       wait_timeout = 86400, lock_wait_timeout = ${limitMs / 1000} /*M!100601 , max_statement_time = ${(limitMs - 100) / 1000} */`,
  ];
}

/**
 * Opens the connections and runs `setup`.
 * @throws {StoreUnavailableError} when MariaDB does not reply, refuses, or is less durable than requested.
 */
export async function openConnections(
  context: ConnectionContext,
  { driver, setup, begin }: ConnectionOptions,
): Promise<MariadbConnections> {
  const { serviceUrl: url, durability } = context;
  if (url === undefined) throw new TypeError('expected the URL of MariaDB, got none');
  const address = addressOf(url);
  let closed = false;
  // One report per outage: it ends with the next connection.
  let isDown = false;
  const open = async () => {
    const link = await openLink({
      address,
      driver,
      limitMs: LIMIT_MS,
      begin: [...sessionSettings(LIMIT_MS), ...(begin === undefined ? [] : [begin])],
      onIdleLost(cause) {
        if (!closed && !isDown) context.onBackgroundError(cause);
        isDown = true;
      },
    });
    isDown = false;
    return link;
  };
  const pipelines = driver === 'mariadb';
  const dial = dialling(open, BACKOFF_FIRST_MS, BACKOFF_LAST_MS);
  const pool = linkPool(Math.max(1, context.poolSize - (pipelines ? 1 : 0)), dial, LIMIT_MS);
  const reader = pipelines ? pipelined(dial.open) : undefined;

  let roundTrips = 0;
  const ask =
    (run: Ask, counted = 1): Ask =>
    async (statement, values) => {
      for (let left = DEADLOCK_TRIES; ; ) {
        roundTrips += counted;
        left -= 1;
        try {
          return await run(statement, values);
        } catch (cause) {
          if (!hasErrno(cause, DEADLOCK) || left === 0)
            throw new StoreUnavailableError(statement.name, cause);
        }
      }
    };
  const onPool: Ask = (statement, values) => pool.lend((link) => runAlone(link, statement, values));
  const close = async () => {
    closed = true;
    await Promise.all([reader?.close(), pool.close()]);
  };
  try {
    await runSetup({ address, driver, limitMs: SETUP_LIMIT_MS, onIdleLost: () => undefined }, setup);
    await Promise.all([reader?.warm(), pool.lend(async () => undefined)]);
    const settings = await pool.lend(readSettings);
    const fault = durabilityFault(settings, durability);
    if (fault !== undefined) throw new Error(fault);
    return {
      read: ask(reader?.run ?? onPool),
      write: ask(onPool),
      backgroundWrite: ask(onPool, 0),
      roundTrips: () => roundTrips,
      maxPacketBytes: Number(settings['max_allowed_packet']),
      close,
    };
  } catch (cause) {
    await close();
    throw cause instanceof StoreUnavailableError ? cause : new StoreUnavailableError('open', cause);
  }
}

/**
 * Runs a statement on a link that nothing else uses. A statement that failed may have left its transaction open, if it
 * was killed in a procedure: the link is given up, but for a deadlock, which has ended the transaction.
 */
async function runAlone(link: Link, statement: Statement, values: readonly unknown[]): Promise<Reply> {
  try {
    return await link.run(statement, values);
  } catch (error) {
    if (!hasErrno(error, DEADLOCK)) link.destroy(new Error('a statement failed', { cause: error }));
    throw error;
  }
}

/** Whether an error of either driver has this number of the server. */
export function hasErrno(error: unknown, ...numbers: readonly number[]): boolean {
  return error instanceof Error && 'errno' in error && numbers.includes(error.errno as number);
}

/** One link that sends each statement at once. When it is lost, its calls fail and the next one opens another. */
function pipelined(open: () => Promise<Link>): {
  run: Ask;
  warm(): Promise<unknown>;
  close(): Promise<void>;
} {
  let link: Link | undefined;
  let opening: Promise<Link> | undefined;
  let closed = false;

  function reopen(): Promise<Link> {
    if (closed) return Promise.reject(new Error('the store has been closed'));
    opening ??= open()
      .then((fresh) => {
        link = fresh;
        return fresh;
      })
      .finally(() => {
        opening = undefined;
      });
    return opening;
  }

  return {
    run: (statement, values) =>
      link === undefined || link.isLost()
        ? reopen().then((fresh) => fresh.run(statement, values))
        : link.run(statement, values),
    warm: reopen,
    async close() {
      closed = true;
      await opening?.catch(() => undefined);
      await link?.close();
    },
  };
}

async function runSetup(
  options: Omit<Parameters<typeof openLink>[0], 'begin'>,
  setup: readonly string[],
): Promise<void> {
  const link = await openLink({ ...options, begin: sessionSettings(options.limitMs) });
  try {
    for (const text of setup) await link.query(text);
  } finally {
    await link.close();
  }
}
