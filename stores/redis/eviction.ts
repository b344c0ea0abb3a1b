/** Redis may evict keys when it is full: sessions end silently and, worse, revocations are lost. */
export class EvictionPolicyError extends Error {
  readonly code = 'EVICTION_POLICY';
  constructor(address: string, got: string | undefined) {
    super(
      `Redis at ${address}: expected maxmemory-policy noeviction, got ${got ?? 'none reported'}. ` +
        'Any other policy may evict an index or a revocation, and a logged-out session would stay valid. ' +
        'Remedy: redis-cli CONFIG SET maxmemory-policy noeviction (managed Redis: its parameter group), ' +
        'or use a separate instance.',
    );
    this.name = 'EvictionPolicyError';
  }
}

/** @param info what INFO says; `undefined` where the user may not ask: whoever gave it the URL has been told. */
export function requireNoEviction(info: string | undefined, address: string): void {
  if (info === undefined) return;
  const policy = /^maxmemory_policy:(\S+)/m.exec(info)?.[1];
  if (policy !== 'noeviction') throw new EvictionPolicyError(address, policy);
}
