import type { Removed, Stored } from '../logins/cells.ts';
import type { Link } from './link.ts';
import { type Reply, ReplyError } from './replies.ts';

/*
 * The commands that the store needs. Read, delete and count are those of the meta protocol: value and CAS in one line, a
 * guarded delete. Writes are the classic `add` and `cas`, for `ms` deletes what is there when the new value is too large
 * or finds no memory (process_mset_command, from 1.6.0 to 1.6.45), also with a CAS: an update that fails would end the
 * session, and a login that fails would lose the list of its user.
 */

/*
 * Reads leave the order of use alone (`u`), which matters for evictions only, and takes references that keep the memory of
 * a removed item.
 */

/** A value and the number that changes with it. */
export interface Found {
  value: string;
  cas: string;
}

/** The server refuses a command: it is full, or does not know it. */
export class RefusedError extends Error {
  constructor(reply: Reply) {
    super(`${reply.code} ${reply.rest}`.trim());
    this.name = 'RefusedError';
  }
}

const THIRTY_DAYS_SECONDS = 30 * 86_400;
/** The server's clock ticks once a second: an item may end up to a second before its time, and must not. */
const TICK_SECONDS = 1;

/** How long to keep an item at least, as Memcached takes it. More than thirty days are read as a date. */
export function expiryText(ms: number): string {
  const seconds = Math.max(1, Math.ceil(ms / 1000)) + TICK_SECONDS;
  return String(seconds <= THIRTY_DAYS_SECONDS ? seconds : Math.ceil(Date.now() / 1000) + seconds);
}

/** `undefined`: there is none. */
export async function get(link: Link, key: string): Promise<string | undefined> {
  const reply = await link.ask(`mg ${key} k u v\r\n`);
  return reply.code === 'EN' ? undefined : valueFor(link, key, reply).value;
}

/** With its CAS. `undefined`: there is none. */
export async function gets(link: Link, key: string): Promise<Found | undefined> {
  const reply = await link.ask(`mg ${key} k c u v\r\n`);
  if (reply.code === 'EN') return undefined;
  const { value, flags } = valueFor(link, key, reply);
  if (!/^ c\d+$/.test(flags)) return link.fail(new ReplyError(reply.code));
  return { value, cas: flags.slice(2) };
}

/** Stores a value only where there is none, for `ms` milliseconds at least, or for ever. */
export async function add(link: Link, key: string, value: string, ms: number | 'ever'): Promise<Stored> {
  return storedOf(link, await link.ask(`add ${key} ${storeText(value, ms)}\r\n${value}\r\n`));
}

/** Replaces a value only if it is the one that was found. */
export async function swap(
  link: Link,
  key: string,
  value: string,
  ms: number | 'ever',
  cas: string,
): Promise<Stored> {
  return storedOf(link, await link.ask(`cas ${key} ${storeText(value, ms)} ${cas}\r\n${value}\r\n`));
}

/** Removes a value; with a CAS only if it is the one that was found. */
export async function remove(link: Link, key: string, cas?: string): Promise<Removed> {
  const reply = await link.ask(cas === undefined ? `md ${key}\r\n` : `md ${key} C${cas}\r\n`);
  if (reply.code === 'HD') return 'removed';
  if (reply.code === 'NF') return 'absent';
  if (reply.code === 'EX') return 'changed';
  return refuse(link, reply);
}

/** Counts one more, from 1, where a new count is kept for this long, and others as long as before. */
export async function count(link: Link, key: string, ms: number): Promise<void> {
  const reply = await link.ask(`ma ${key} N${expiryText(ms)} J1\r\n`);
  if (reply.code !== 'HD') refuse(link, reply);
}

/** Figures by name, of `stats` or a part of it such as `settings`. */
export async function stats(link: Link, part = ''): Promise<Map<string, string>> {
  const lines = await link.askLines(`stats ${part}`.trim().concat('\r\n'));
  return new Map(
    lines.map((line) => {
      if (line.code !== 'STAT') return refuse(link, line);
      const space = line.rest.indexOf(' ');
      return [line.rest.slice(0, space), line.rest.slice(space + 1)];
    }),
  );
}

const storeText = (value: string, ms: number | 'ever') =>
  `0 ${ms === 'ever' ? 0 : expiryText(ms)} ${Buffer.byteLength(value)}`;

/** The value of this very key, so that a connection out of step never hands out the session of another user. */
function valueFor(link: Link, key: string, reply: Reply): { value: string; flags: string } {
  const { value, rest } = reply;
  if (value === undefined) return refuse(link, reply);
  const start = rest.indexOf(' ') + 1;
  const end = start + 1 + key.length;
  if (rest[start] !== 'k' || rest.slice(start + 1, end) !== key) return link.fail(new ReplyError(reply.code));
  return { value, flags: rest.slice(end) };
}

function storedOf(link: Link, reply: Reply): Stored {
  switch (reply.code) {
    case 'STORED':
      return 'stored';
    case 'EXISTS':
    case 'NOT_STORED':
      return 'changed';
    case 'NOT_FOUND':
      return 'absent';
    case 'SERVER_ERROR':
      if (reply.rest.startsWith('object too large')) return 'too-large';
      if (reply.rest.startsWith('out of memory')) return 'full';
  }
  return refuse(link, reply);
}

/** A reply that says no more than that it went wrong, or that is not one to what was asked. */
function refuse(link: Link, reply: Reply): never {
  if (/ERROR$/.test(reply.code)) throw new RefusedError(reply);
  return link.fail(new ReplyError(reply.code));
}
