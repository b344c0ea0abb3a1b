/** Rows of the table of sessions: what they mean, and their keys for tokens and handles. The statements are in schema.ts. */

import type { Role, Session } from '../store.ts';
import { idOfToken, newTokenWithId } from '../token.ts';

/** SHA-256. */
const ID_BYTES = 32;

/** Longest name of a user, in bytes of UTF-8: the width of the column. */
export const USER_BYTES = 255;

/** As `read` selects it. */
export type SessionRow = readonly [
  userId: Buffer | null,
  role: Role,
  data: Buffer,
  version: number,
  createdMs: number,
  touchedMs: number,
  absoluteExpiryMs: number,
];

/** The session of a row. A touch is due when the last one was at `touchDueMs` or before. */
export function toSession(handle: string, row: SessionRow, touchDueMs: number): Session {
  const [userId, role, data, version, createdAtMs, touchedMs, absoluteExpiryMs] = row;
  return {
    handle,
    userId: userId?.toString(),
    role,
    data: data.toString(),
    version,
    createdAtMs,
    absoluteExpiryMs,
    touchDue: touchedMs <= touchDueMs,
  };
}

/** The row's key for a token; `undefined` for text that cannot be a token. */
export function rowId(token: string): Buffer | undefined {
  const id = idOfToken(token);
  return id === undefined ? undefined : Buffer.from(id, 'base64url');
}

/** A login's public name: its row's key as text. */
export function handleOf(id: Buffer): string {
  return id.toString('base64url');
}

/** The handles of keys that stand one after the other. */
export function handlesOf(ids: Buffer | null): string[] {
  const count = (ids?.length ?? 0) / ID_BYTES;
  return Array.from({ length: count }, (_, at) =>
    handleOf((ids as Buffer).subarray(at * ID_BYTES, (at + 1) * ID_BYTES)),
  );
}

/** A token, and the row's key for it. */
export function freshToken(): { token: string; id: Buffer } {
  const { token, id } = newTokenWithId();
  return { token, id: Buffer.from(id, 'base64url') };
}

/** The row's key for a handle; `undefined` for text that is not one, such as another spelling of the same bytes. */
export function idOfHandle(handle: string): Buffer | undefined {
  const id = Buffer.from(handle, 'base64url');
  return id.length === ID_BYTES && handleOf(id) === handle ? id : undefined;
}

/**
 * The name of a user as it is stored; `undefined` for one that cannot have a login here: too long, or with a lone
 * surrogate, which UTF-8 would make equal to another one.
 */
export function userOf(userId: string): Buffer | undefined {
  const user = Buffer.from(userId);
  return user.length <= USER_BYTES && user.toString() === userId ? user : undefined;
}

/** Data as it is stored; null for none. */
export function bytesOf(data: string | undefined): Buffer | null {
  return data === undefined ? null : Buffer.from(data);
}
