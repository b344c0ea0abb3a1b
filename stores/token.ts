import { hash, randomBytes } from 'node:crypto';

/** Random bytes in a server-side session's token: 256 bits (ASVS 5 V7.2.3 asks for 128). */
const TOKEN_BYTES = 32;
const TOKEN_LENGTH = 43;
const TOKEN_SHAPE = /^[A-Za-z0-9_-]{43}$/;

/** A fresh token: 43 characters of base64url. */
export function newToken(): string {
  return randomBytes(TOKEN_BYTES).toString('base64url');
}

/** A fresh token with its id (see {@link idOfToken}). */
export function newTokenWithId(): { token: string; id: string } {
  const token = newToken();
  return { token, id: hash('sha256', token, 'base64url') };
}

/**
 * The id under which a token is stored: its SHA-256 as base64url, so that a dump of the store holds no usable token. It
 * is also the login's public handle: no token can be derived from it. `undefined` for text that cannot be a token:
 * malformed is absence.
 */
export function idOfToken(token: string): string | undefined {
  if (!hasTokenShape(token)) return undefined;
  return hash('sha256', token, 'base64url');
}

/** Whether text could be a token of {@link newToken}. */
export function hasTokenShape(text: string): boolean {
  return text.length === TOKEN_LENGTH && TOKEN_SHAPE.test(text);
}
