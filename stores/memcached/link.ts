import { connect, type Socket } from 'node:net';
import { type Reply, ReplyError, readReplies } from './replies.ts';
import { addressOf, loginOf } from './url.ts';

/**
 * One connection to Memcached, from its opening to its end: it never reconnects, and nothing is sent twice. Commands
 * are written at once, however many wait for their replies, which come in the order of the commands.
 */
export interface Link {
  /** Sends one command and awaits its line. Rejects with the reason when that fails or does not come in time. */
  ask(command: string): Promise<Reply>;
  /** Sends one command and awaits its lines, until `END`, which is left out, or an error. */
  askLines(command: string): Promise<Reply[]>;
  /** Commands sent since it was opened; each command of a pipeline counts once. */
  readonly sent: number;
  /** Ends it, for a reply that is not one to what was asked: those that follow would be of other commands too. */
  fail(error: Error): never;
  /** Why it has ended; `undefined` while it is open. */
  readonly ended: Error | undefined;
  /** Resolves when it has ended. */
  readonly closed: Promise<void>;
  /** Ends it, with the replies that are awaited. */
  close(): Promise<void>;
}

/** Limits of a link, in milliseconds. */
export interface LinkLimits {
  /** Until the server has accepted the connection, and the login. */
  connectMs: number;
  /** Until a reply has come. */
  commandMs: number;
  /** A peer that vanished without a FIN sends no reply: after this time without one the link ends. */
  silenceMs: number;
}

/** The server rejects the login, or lacks one that the URL has. */
export class LoginError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'LoginError';
  }
}

interface Waiting {
  sentMs: number;
  /** Of a command with several lines. */
  lines: Reply[] | undefined;
  resolve: (reply: Reply | Reply[]) => void;
  reject: (error: Error) => void;
  /** Sent after it. */
  next: Waiting | undefined;
}

const CLOSE_MS = 100;
const MISUNDERSTOOD = /^(?:CLIENT_)?ERROR$/;

/** Connects and logs in. @throws Error when that fails; {@link LoginError}, {@link ReplyError} among them. */
export async function openLink(url: string, limits: LinkLimits): Promise<Link> {
  const { link, begin } = linkOf(await connected(url, limits.connectMs), limits);
  try {
    await logIn(link, url);
    begin();
    return link;
  } catch (error) {
    await link.close();
    throw error;
  }
}

function connected(url: string, limitMs: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ ...addressOf(url), noDelay: true, keepAlive: true });
    const timer = setTimeout(() => {
      socket.destroy(new Error(`expected a connection within ${limitMs} ms`));
    }, limitMs);
    socket.once('connect', () => {
      clearTimeout(timer);
      socket.off('error', reject);
      resolve(socket);
    });
    socket.once('error', reject);
    socket.once('close', () => clearTimeout(timer));
  });
}

/**
 * Without a login a server with passwords replies with an error to all but `set`, of which the text is the login. One
 * without passwords would store that as a value, so it is asked first.
 */
async function logIn(link: Link, url: string): Promise<void> {
  const login = loginOf(url);
  const greeting = await link.ask('version\r\n');
  if (greeting.code === 'VERSION') {
    if (login === undefined) return;
    throw new LoginError('it asks for no password, and would store the one of the URL as a value');
  }
  const text = `${greeting.code} ${greeting.rest}`;
  // Nothing of a session can be in it yet.
  if (greeting.code !== 'CLIENT_ERROR' || !/unauthenticated/i.test(text))
    throw new Error(`expected its version, got "${text.slice(0, 80)}"`);
  if (login === undefined) throw new LoginError(text);
  const credentials = `${login.user} ${login.password}`;
  const { code, rest } = await link.ask(
    `set auth 0 0 ${Buffer.byteLength(credentials)}\r\n${credentials}\r\n`,
  );
  if (code !== 'STORED') throw new LoginError(`${code} ${rest}`);
}

function linkOf(socket: Socket, { commandMs, silenceMs }: LinkLimits): { link: Link; begin(): void } {
  /** Those that were rejected stay until their replies have come, or all later ones would get the wrong one. */
  let oldest: Waiting | undefined;
  let newest: Waiting | undefined;
  let timer: NodeJS.Timeout | undefined;
  let ended: Error | undefined;
  let isLoggedIn = false;
  let sent = 0;

  function end(reason: Error): void {
    if (ended !== undefined) return;
    ended = reason;
    clearTimeout(timer);
    socket.destroy();
    rejectAll(reason);
  }

  function rejectAll(reason: Error): void {
    for (let one = oldest; one !== undefined; one = one.next) one.reject(reason);
    oldest = undefined;
    newest = undefined;
  }

  function take(reply: Reply): void {
    const one = oldest;
    if (ended !== undefined) return;
    // An error that nobody asked for, as when there are too many connections.
    if (one === undefined) {
      end(new ReplyError(reply.code));
      return;
    }
    const isError = one.lines !== undefined && /ERROR$/.test(reply.code);
    if (one.lines !== undefined && reply.code !== 'END' && !isError) {
      one.lines.push(reply);
      return;
    }
    oldest = one.next;
    if (oldest === undefined) newest = undefined;
    one.resolve(one.lines === undefined ? reply : isError ? [reply] : one.lines);
    // It has not understood a command, and may take the rest of it for others, whose replies would come in between.
    if (isLoggedIn && MISUNDERSTOOD.test(reply.code)) end(new Error(`${reply.code} ${reply.rest}`.trim()));
  }

  /** Rejects what has waited too long, and ends a link that is silent. One timer for all: their limits are equal. */
  function look(): void {
    timer = undefined;
    const nowMs = performance.now();
    if (oldest === undefined) return;
    if (nowMs - oldest.sentMs >= silenceMs) {
      end(new Error(`expected a reply within ${silenceMs} ms, got none`));
      return;
    }
    let nextMs = oldest.sentMs + silenceMs;
    for (let one: Waiting | undefined = oldest; one !== undefined; one = one.next) {
      if (nowMs - one.sentMs < commandMs) {
        nextMs = Math.min(nextMs, one.sentMs + commandMs);
        break;
      }
      one.reject(new Error(`expected a reply within ${commandMs} ms, got none`));
    }
    timer = setTimeout(look, Math.max(1, nextMs - nowMs));
  }

  function send<T extends Reply | Reply[]>(command: string, lines: Reply[] | undefined): Promise<T> {
    if (ended !== undefined) return Promise.reject(ended);
    sent += 1;
    return new Promise<T>((resolve, reject) => {
      const settle = { resolve: resolve as Waiting['resolve'], reject };
      const one: Waiting = { sentMs: performance.now(), lines, ...settle, next: undefined };
      if (newest === undefined) oldest = one;
      else newest.next = one;
      newest = one;
      timer ??= setTimeout(look, commandMs);
      socket.write(command);
    });
  }

  const read = readReplies(take);
  socket.on('data', (chunk) => {
    try {
      read(chunk);
    } catch (error) {
      end(error as ReplyError);
    }
  });
  socket.on('error', end);
  const closed = new Promise<void>((resolve) => {
    socket.once('close', () => {
      end(new Error('the server closed the connection'));
      resolve();
    });
  });

  const link: Link = {
    ask: (command) => send(command, undefined),
    askLines: (command) => send(command, []),
    fail(error) {
      end(error);
      throw error;
    },
    get sent() {
      return sent;
    },
    get ended() {
      return ended;
    },
    closed,
    close() {
      if (ended !== undefined) return closed;
      ended = new Error('the connection was closed');
      clearTimeout(timer);
      rejectAll(ended);
      socket.end();
      const late = setTimeout(() => socket.destroy(), CLOSE_MS);
      return closed.then(() => clearTimeout(late));
    },
  };
  return {
    link,
    begin() {
      isLoggedIn = true;
    },
  };
}
