import type { NewSession, OpenContext, RotatePatch, Session } from '../store.ts';
import { newSid } from './sid.ts';
import type { TokenClaims } from './token.ts';

/** Creates and changes sessions that are kept in tokens. Pure, except for the clock and the random sid. */
export interface TokenSessions {
  begin(session: NewSession): TokenClaims;
  /** New data only: the copy expires when the old one would have. */
  updated(claims: TokenClaims, data: string): TokenClaims;
  /** A later expiry, clamped to the absolute expiry. */
  touched(claims: TokenClaims): TokenClaims;
  /** Another sid and a new idle expiry; the absolute expiry stays. */
  rotated(claims: TokenClaims, patch: RotatePatch): TokenClaims;
  view(claims: TokenClaims): Session;
}

export function tokenSessions(context: OpenContext): TokenSessions {
  const idleMs = context.idleSeconds * 1000;
  const touchIntervalMs = context.touchIntervalSeconds * 1000;
  const now = () => Math.floor(context.now());
  // Rounded down: a token may expire up to a second early, never late.
  const expirySeconds = (absoluteExpiryMs: number) =>
    Math.floor(Math.min(now() + idleMs, absoluteExpiryMs) / 1000);

  return {
    begin({ userId, role, data }) {
      const createdAtMs = now();
      const absoluteExpiryMs = createdAtMs + context.absoluteSeconds * 1000;
      return {
        sid: newSid(),
        userId,
        role,
        data,
        version: 1,
        createdAtMs,
        absoluteExpiryMs,
        expirySeconds: expirySeconds(absoluteExpiryMs),
      };
    },
    updated: (claims, data) => ({ ...claims, data, version: claims.version + 1 }),
    touched: (claims) => ({ ...claims, expirySeconds: expirySeconds(claims.absoluteExpiryMs) }),
    rotated(claims, { userId, role, data }) {
      return {
        ...claims,
        sid: newSid(),
        userId: userId ?? claims.userId,
        role: role ?? claims.role,
        data: data ?? claims.data,
        expirySeconds: expirySeconds(claims.absoluteExpiryMs),
      };
    },
    view(claims) {
      const { sid, userId, role, data, version, createdAtMs, absoluteExpiryMs } = claims;
      const expiryMs = claims.expirySeconds * 1000;
      // The last touch was an idle time before the expiry. An expiry clamped to the absolute one cannot move again.
      const clamped = claims.expirySeconds >= Math.floor(absoluteExpiryMs / 1000);
      const touchDue = !clamped && now() - (expiryMs - idleMs) >= touchIntervalMs;
      return { handle: sid, userId, role, data, version, createdAtMs, absoluteExpiryMs, touchDue };
    },
  };
}
