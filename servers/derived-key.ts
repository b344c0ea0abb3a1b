import { hkdfSync } from 'node:crypto';
import type { ServerConfig } from './config.ts';

/**
 * Derives a key of 32 bytes for one purpose from the run's secret (HKDF-SHA256, RFC 5869). Each purpose has its own
 * key.
 */
export function deriveKey({ secret }: Pick<ServerConfig, 'secret'>, purpose: string): Buffer {
  return Buffer.from(hkdfSync('sha256', Buffer.from(secret, 'base64'), '', `session-bench ${purpose}`, 32));
}
