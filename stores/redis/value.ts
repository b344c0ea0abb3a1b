import type { Role, StoredSession } from '../store.ts';

/**
 * The layout of a session in its Redis string: fixed-width ASCII fields, so that scripts read and rewrite one of them
 * by its offset (GETRANGE, SETRANGE) and neither parse nor rewrite the data:
 *
 *     0  touched ms (13)   13 absolute expiry ms (13)   26 created ms (13)   39 version (8)
 *     47 role (1)   48 data's encoding (1)   49 length of the user field (4)   53 user field, data
 *
 * The scripts in scripts.ts use the same offsets (counted from 1).
 */
const STAMP_WIDTH = 13;
const VERSION_WIDTH = 8;
const USER_LENGTH_WIDTH = 4;
const MAX_USER_FIELD = 10 ** USER_LENGTH_WIDTH - 1;

/** Bytes before the user field. */
export const HEADER_BYTES = 53;

/** Milliseconds since the epoch at fixed width, sufficient until the year 2286. */
export function stamp(ms: number): string {
  return String(Math.floor(ms)).padStart(STAMP_WIDTH, '0');
}

/** The stored text of a session. @throws RangeError for a user id beyond about 2,000 characters. */
export function encodeValue(value: StoredSession): string {
  const user = encodeUser(value.userId);
  const { encoding, text } = encodeData(value.data);
  const length = String(user.length).padStart(USER_LENGTH_WIDTH, '0');
  return (
    stamp(value.touchedAtMs) +
    stamp(value.absoluteExpiryMs) +
    stamp(value.createdAtMs) +
    String(value.version).padStart(VERSION_WIDTH, '0') +
    encodeRole(value.role) +
    encoding +
    length +
    user +
    text
  );
}

/** The session in a stored text that {@link encodeValue} or a script has written. */
export function decodeValue(value: string): StoredSession {
  const dataAt = HEADER_BYTES + Number(value.slice(49, HEADER_BYTES));
  const text = value.slice(dataAt);
  return {
    touchedAtMs: Number(value.slice(0, 13)),
    absoluteExpiryMs: Number(value.slice(13, 26)),
    createdAtMs: Number(value.slice(26, 39)),
    version: Number(value.slice(39, 47)),
    role: value[47] === 'a' ? 'admin' : 'user',
    userId: decodeUser(value.slice(HEADER_BYTES, dataAt)),
    data: value[48] === 'j' ? (JSON.parse(text) as string) : text,
  };
}

/** One letter, as in the header. */
export function encodeRole(role: Role): string {
  return role === 'admin' ? 'a' : 'u';
}

/**
 * Data as UTF-8 (`t`), or as JSON (`j`) where UTF-8 would lose something: a lone surrogate, such as `"\ud800"` in a
 * request.
 */
export function encodeData(data: string): { encoding: 't' | 'j'; text: string } {
  return /\p{Surrogate}/u.test(data)
    ? { encoding: 'j', text: JSON.stringify(data) }
    : { encoding: 't', text: data };
}

/**
 * A user as part of keys and values: `=` and the id, with all but the usual letters escaped, so that one character is
 * one byte and no two users share a field. Empty for no user.
 */
export function encodeUser(userId: string | undefined): string {
  if (userId === undefined) return '';
  const escaped = userId.replace(
    /[^A-Za-z0-9_.@-]/g,
    (c) => `%${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  if (escaped.length >= MAX_USER_FIELD)
    throw new RangeError('expected a user id of at most 1,999 characters');
  return `=${escaped}`;
}

function decodeUser(field: string): string | undefined {
  if (field === '') return undefined;
  if (!field.includes('%')) return field.slice(1);
  return field
    .slice(1)
    .replace(/%(....)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
