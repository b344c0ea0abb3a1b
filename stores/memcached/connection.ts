import { type OpenContext, StoreUnavailableError } from '../store.ts';
import { stats } from './commands.ts';
import { type Link, LoginError, openLink } from './link.ts';
import { addressOf } from './url.ts';

/** The connection of a server process to Memcached, which is made again when it has ended. */
export interface MemcachedConnection {
  /**
   * Runs an operation, all of it on the link of this moment: the CAS of a value that was read from a server which has
   * restarted since may be that of another value there.
   * @throws StoreUnavailableError naming the operation, with the cause.
   */
  run<T>(operation: string, act: (link: Link) => Promise<T>): Promise<T>;
  /** Commands sent since opening. */
  roundTrips(): number;
  close(): Promise<void>;
}

/** Memcached may evict what it holds when it is full: sessions end silently and, worse, a user's list is lost. */
export class EvictionError extends Error {
  readonly code = 'EVICTIONS';
  constructor(address: string) {
    super(
      `Memcached at ${address}: expected evictions off, got on. ` +
        'It may evict the list of a user’s logins, and a revocation would then leave them alive. ' +
        'Remedy: start it with -M, or use a separate instance.',
    );
    this.name = 'EvictionError';
  }
}

const LIMITS = { connectMs: 5_000, commandMs: 300, silenceMs: 2_000 };
const FIRST_RETRY_MS = 50;
const MAX_RETRY_MS = 500;

/**
 * Opens the connection of a server process.
 *
 * One, whatever `poolSize` is: no command waits for another there, and replies that come together cost one read.
 *
 * @throws StoreUnavailableError when it is unreachable or refuses the login; {@link EvictionError}.
 */
export async function openMemcached(context: OpenContext): Promise<MemcachedConnection> {
  if (context.serviceUrl === undefined) throw new TypeError('expected the URL of Memcached, got none');
  const url = context.serviceUrl;
  const first = await firstLink(url);
  let { link } = first;
  /** Of links that have ended, less what is sent to open one. */
  let sentBefore = -link.sent;
  let retry: NodeJS.Timeout | undefined;
  let isClosed = false;
  /** Sent only to keep it open; not counted. */
  let pings = 0;
  const letGo = keepOpen(
    () => link,
    first.idleSeconds,
    () => {
      pings += 1;
    },
  );

  /** One report for each outage, however many attempts fail until it is over. */
  function follow(current: Link): void {
    link = current;
    void current.closed.then(() => {
      if (isClosed) return;
      reconnect(FIRST_RETRY_MS);
      context.onBackgroundError(current.ended);
    });
  }

  function reconnect(delayMs: number): void {
    const again = () => {
      if (!isClosed) reconnect(Math.min(2 * delayMs, MAX_RETRY_MS));
    };
    retry = setTimeout(() => {
      void openLink(url, LIMITS).then((next) => {
        if (isClosed) return next.close();
        sentBefore += link.sent - next.sent;
        return follow(next);
      }, again);
    }, delayMs);
  }

  follow(link);
  return {
    async run(operation, act) {
      try {
        return await act(link);
      } catch (cause) {
        throw new StoreUnavailableError(operation, cause);
      }
    },
    roundTrips: () => sentBefore + link.sent - pings,
    close() {
      isClosed = true;
      clearTimeout(retry);
      letGo();
      return link.close();
    },
  };
}

/** Looks in the time after which Memcached closes an idle connection: at most two pass before a command. */
const LOOKS = 3;

/**
 * Keeps an idle connection open where `idle_timeout` of Memcached would close it: a request that meets the end, or comes
 * while another connection is made, would fail. The returned function ends it.
 * @param idleSeconds 0 for never.
 */
function keepOpen(current: () => Link, idleSeconds: number, onPing: () => void): () => void {
  if (idleSeconds === 0) return () => undefined;
  let [link, before] = [current(), current().sent];
  const look = () => {
    const isIdle = current() === link && link.sent === before && link.ended === undefined;
    link = current();
    if (isIdle) {
      onPing();
      // An outage is reported when the link has ended.
      link.ask('mn\r\n').catch(() => undefined);
    }
    before = link.sent;
  };
  const timer = setInterval(look, (idleSeconds * 1000) / LOOKS).unref();
  return () => clearInterval(timer);
}

/** With the time after which Memcached closes an idle connection, in seconds; 0 for never. */
async function firstLink(url: string): Promise<{ link: Link; idleSeconds: number }> {
  const address = addressText(url);
  let link: Link;
  try {
    link = await openLink(url, LIMITS);
  } catch (error) {
    throw new StoreUnavailableError('open', new Error(refusal(address, error), { cause: error }));
  }
  try {
    const settings = await stats(link, 'settings');
    if (settings.get('evictions') !== 'off') throw new EvictionError(address);
    return { link, idleSeconds: Number(settings.get('idle_timeout') ?? 0) };
  } catch (error) {
    await link.close();
    throw error instanceof EvictionError ? error : new StoreUnavailableError('open', error);
  }
}

export function addressText(url: string): string {
  const address = addressOf(url);
  return 'path' in address ? address.path : `${address.host}:${address.port}`;
}

function refusal(address: string, error: unknown): string {
  const got = error instanceof Error ? error.message : String(error);
  const remedy =
    error instanceof LoginError
      ? 'put the user and password that it asks for into its URL, memcached://user:password@host:port'
      : 'start it, or correct its URL';
  return `Memcached at ${address}: expected a connection, got: ${got}. Remedy: ${remedy}.`;
}
