/** Rows of the table of sessions: what they mean. The statements are in schema.ts. */

import type { Role, Session } from '../store.ts';

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

/** Whether a user of this name can have a login here: Postgres text cannot hold NUL. */
export function isStorable(userId: string): boolean {
  return !userId.includes('\0');
}
