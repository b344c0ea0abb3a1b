import { hkdfSync } from 'node:crypto';
import type { ServerConfig } from './config.ts';

/** A key of 32 bytes for one purpose, of the run's secret (HKDF-SHA256, RFC 5869): no two purposes share one. */
export function deriveKey({ secret }: Pick<ServerConfig, 'secret'>, purpose: string): Buffer {
  return Buffer.from(hkdfSync('sha256', Buffer.from(secret, 'base64'), '', `session-bench ${purpose}`, 32));
}
