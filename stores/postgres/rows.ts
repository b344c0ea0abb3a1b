/** Rows of the table of sessions: what they mean, and their keys for tokens and handles. The statements are in schema.ts. */

import type { Role, Session } from '../store.ts';
import { idOfToken, newTokenWithId } from '../token.ts';

/** SHA-256. */
const ID_BYTES = 32;

/** As `read` selects it; bigint arrives as text. */
export type SessionRow = [
  userId: string | null,
  role: Role,
  data: Buffer,
  version: number,
  createdMs: string,
  touchedMs: string,
  absoluteExpiryMs: string,
];

/** The session of a row. A touch is due when the last one was at `touchDueMs` or before. */
export function toSession(handle: string, row: SessionRow, touchDueMs: number): Session {
  const [userId, role, data, version, createdMs, touchedMs, absoluteExpiryMs] = row;
  return {
    handle,
    userId: userId ?? undefined,
    role,
    data: data.toString(),
    version,
    createdAtMs: Number(createdMs),
    absoluteExpiryMs: Number(absoluteExpiryMs),
    touchDue: Number(touchedMs) <= touchDueMs,
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

/** Whether a user of this name can have a login here: Postgres text cannot hold NUL. */
export function isStorable(userId: string): boolean {
  return !userId.includes('\0');
}

/** Data as it is stored; null for none. */
export function bytesOf(data: string | undefined): Buffer | null {
  return data === undefined ? null : Buffer.from(data);
}
