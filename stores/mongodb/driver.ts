/** How every connection to MongoDB is made, of servers and of the harness. */

import { MongoClient, type MongoClientOptions } from 'mongodb';
import { databaseOf } from './url.ts';

/** Time limits in milliseconds. */
export interface Limits {
  /** Until a server is found, or there is a free connection. */
  selectMs: number;
  /** For a reply. */
  replyMs: number;
}

/**
 * A client of the one server that a checked URL names. Nothing is sent twice: a create that is resent would double, and
 * what an outage hides could not be seen.
 */
export function clientOf(
  url: string,
  { selectMs, replyMs }: Limits,
  more: MongoClientOptions = {},
): MongoClient {
  return new MongoClient(url, {
    directConnection: true,
    retryWrites: false,
    retryReads: false,
    maxAdaptiveRetries: 0,
    // The driver's own option for a whole call, timeoutMS, has no effect any more (7.9).
    serverSelectionTimeoutMS: selectMs,
    waitQueueTimeoutMS: selectMs,
    connectTimeoutMS: selectMs,
    socketTimeoutMS: replyMs,
    // One connection that watches the server, not two.
    serverMonitoringMode: 'poll',
    ...more,
  });
}

/** The database of the URL. */
export const databaseFrom = (client: MongoClient, url: string) => client.db(databaseOf(url));

/** @throws Error when it takes longer: the driver has a limit for each of its steps, and none for their sum. */
export async function within<T>(limitMs: number, call: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no reply within ${limitMs} ms`)), limitMs);
  });
  try {
    return await Promise.race([call, late]);
  } finally {
    clearTimeout(timer);
  }
}

const CLOSE_LIMIT_MS = 1_000;

/** Closes all connections, within about a second even when MongoDB is silent. */
export async function closeClient(client: MongoClient): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, CLOSE_LIMIT_MS);
  });
  // It ends sessions on the server first, which would forget them by itself.
  await Promise.race([client.close(true), late]);
  clearTimeout(timer);
}

/** Whether an error of the server has one of these codes. */
export function hasCode(error: unknown, ...codes: readonly number[]): boolean {
  return error instanceof Error && 'code' in error && codes.some((code) => code === error.code);
}
