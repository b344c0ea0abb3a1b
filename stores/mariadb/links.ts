/** Connections that are held by ourselves: limits of our own on every reply, and reconnection within bounds. */

import { Socket } from 'node:net';
import { connectBy, type DriverConnection, type DriverName, type Reply } from './drivers.ts';
import type { Address } from './url.ts';

/** A statement, prepared once per connection; its name is also the operation named in errors. */
export interface Statement {
  name: string;
  text: string;
}

/** One connection. After a failure of the connection or of a limit it is lost, and every call fails. */
export interface Link {
  isLost(): boolean;
  run(statement: Statement, values: readonly unknown[]): Promise<Reply>;
  /** Text, without preparation. */
  query(text: string): Promise<Reply>;
  /** Breaks it, without a report: an open transaction ends on the server. */
  destroy(cause: Error): void;
  /** The port of this end; `undefined` for the socket of a file. */
  localPort: number | undefined;
  close(): Promise<void>;
}

export interface LinkOptions {
  address: Address;
  driver: DriverName;
  /** Limit of each step of connecting, and of each reply, in milliseconds. */
  limitMs: number;
  /** Limit of each reply, where it is another one. */
  replyLimitMs?: number;
  /** Statements that prepare the session, in this order. */
  begin: readonly string[];
  /** Called once, when it is lost while no call waits: those that wait are rejected, and report it. */
  onIdleLost: (cause: Error) => void;
}

/** @throws the error of the driver, or of the server. */
export async function openLink(options: LinkOptions): Promise<Link> {
  const { address, driver, begin, onIdleLost } = options;
  let { limitMs } = options;
  const socket = new Socket().setNoDelay(true).setKeepAlive(true, 30_000);
  let lost: Error | undefined;
  let isUp = false;
  let isClosing = false;
  /** How to reject each call that waits for a reply. */
  const waiting = new Set<(cause: Error) => void>();

  function lose(cause: Error): void {
    if (lost !== undefined) return;
    lost = cause;
    // Without the cause: the driver mariadb takes every listener off a socket that has ended, ours for errors too.
    socket.destroy();
    if (isUp && !isClosing && waiting.size === 0) onIdleLost(cause);
    // Later, for the driver may know better: a server says why it refuses, and closes. Not every driver notices the end.
    setImmediate(() => {
      for (const reject of waiting) reject(cause);
    });
  }
  socket.on('error', lose);
  socket.once('close', () => lose(new Error('the connection was closed')));
  socket.once('end', () => lose(new Error('the server closed the connection')));
  /** Rejects after the limit, and when the connection is lost, whatever the driver does then. */
  function within<T>(reply: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const timer = setTimeout(() => {
        const late = new Error(`no reply within ${limitMs} ms`);
        lose(late);
        fail(late);
      }, limitMs);
      const settle = () => {
        clearTimeout(timer);
        waiting.delete(fail);
      };
      const fail = (error: unknown) => {
        settle();
        reject(error);
      };
      waiting.add(fail);
      reply.then((value) => {
        settle();
        resolve(value);
      }, fail);
    });
  }

  let connection: DriverConnection;
  try {
    socket.connect(address.target);
    connection = await within(connectBy(driver, address, socket));
    for (const text of begin) await within(connection.query(text));
  } catch (error) {
    isClosing = true;
    lose(new Error('the connection could not be opened'));
    throw error;
  }
  isUp = true;
  limitMs = options.replyLimitMs ?? limitMs;
  const localPort = 'host' in address.target ? socket.localPort : undefined;
  return {
    isLost: () => lost !== undefined,
    localPort,
    run: ({ text }, values) =>
      lost === undefined ? within(connection.execute(text, values)) : Promise.reject(lost),
    query: (text) => (lost === undefined ? within(connection.query(text)) : Promise.reject(lost)),
    destroy(cause) {
      isClosing = true;
      lose(cause);
    },
    async close() {
      isClosing = true;
      if (lost === undefined) await within(connection.quit()).catch(lose);
      lose(new Error('the connection has been closed'));
    },
  };
}

export interface Dialling {
  /** Opens a link. While that fails, it fails at once for a time that doubles up to `lastMs`. */
  open(): Promise<Link>;
}

/** Bounds how often a server that is down is asked. */
export function dialling(open: () => Promise<Link>, firstMs: number, lastMs: number): Dialling {
  let backoffMs = firstMs;
  let refusal: { error: unknown; untilMs: number } | undefined;
  return {
    async open() {
      if (refusal !== undefined && performance.now() < refusal.untilMs) throw refusal.error;
      try {
        const link = await open();
        backoffMs = firstMs;
        refusal = undefined;
        return link;
      } catch (error) {
        refusal = { error, untilMs: performance.now() + backoffMs };
        backoffMs = Math.min(2 * backoffMs, lastMs);
        throw error;
      }
    },
  };
}
