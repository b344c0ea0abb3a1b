/** Rows of the table of sessions: what they mean. The statements are in schema.ts. */

import { handleOf, ID_BYTES } from '../rows.ts';
import type { Role, Session } from '../store.ts';

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

/** The handles of keys that stand one after the other. */
export function handlesOf(ids: Buffer | null): string[] {
  const count = (ids?.length ?? 0) / ID_BYTES;
  return Array.from({ length: count }, (_, at) =>
    handleOf((ids as Buffer).subarray(at * ID_BYTES, (at + 1) * ID_BYTES)),
  );
}

/**
 * The name of a user as it is stored; `undefined` for one that cannot have a login here: too long, or with a lone
 * surrogate, which UTF-8 would make equal to another one.
 */
export function userOf(userId: string): Buffer | undefined {
  const user = Buffer.from(userId);
  return user.length <= USER_BYTES && user.toString() === userId ? user : undefined;
}
