import { randomBytes } from 'node:crypto';

/** 128 bits from the CSPRNG (ASVS 5 V7.2.3), as base64url without padding. */
const SID_BYTES = 16;
const SID_SHAPE = /^[A-Za-z0-9_-]{22}$/;

/** A fresh session id. It names one login over all copies of its token, and is the key of a deny list. */
export function newSid(): string {
  return randomBytes(SID_BYTES).toString('base64url');
}

/** Whether a text has the shape of a session id: 22 characters of base64url. */
export function isSid(text: unknown): text is string {
  return typeof text === 'string' && SID_SHAPE.test(text);
}
