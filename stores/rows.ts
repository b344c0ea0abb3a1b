/** What stores with a row per session share: the keys of rows, and what makes a row live. */

import type { OpenContext } from './store.ts';
import { idOfToken, newTokenWithId } from './token.ts';

/** SHA-256. */
export const ID_BYTES = 32;

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

/** Data as it is stored; null for none. */
export function bytesOf(data: string | undefined): Buffer | null {
  return data === undefined ? null : Buffer.from(data);
}

/** Parameters that identify live rows: the latest touch that is too old, and now. */
export function liveParameters({
  now,
  idleSeconds,
}: Pick<OpenContext, 'now' | 'idleSeconds'>): () => [idleSinceMs: number, nowMs: number] {
  return () => {
    const nowMs = now();
    return [nowMs - idleSeconds * 1000, nowMs];
  };
}

const NAMESPACE = /^[A-Za-z0-9_]{1,40}$/;

/** The namespace, which becomes a part of names in SQL. @throws {TypeError} for other than 1 to 40 letters, digits and `_`. */
export function checkedNamespace(namespace: string): string {
  if (NAMESPACE.test(namespace)) return namespace;
  throw new TypeError(
    `expected a namespace of 1 to 40 letters, digits and _, got ${JSON.stringify(namespace)}`,
  );
}
