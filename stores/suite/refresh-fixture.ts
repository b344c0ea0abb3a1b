import { jwtBlacklist } from '../jwt-blacklist/backend.ts';
import type { OpenContext, SessionStore } from '../store.ts';
import { contextFor } from './context.ts';

/** The tokens of a client in rotating mode. */
export interface Pair {
  token: string;
  refreshToken: string;
}

/** A context that opens jwt-blacklist in rotating mode. */
export function rotating(serviceUrl: string, changes: Partial<OpenContext> = {}): OpenContext {
  return contextFor(jwtBlacklist, {
    serviceUrl,
    onBackgroundError: () => undefined,
    ...changes,
    options: { refresh: 'rotating', ...changes.options },
  });
}

/** The tokens of a login, which must succeed. */
export async function login(store: SessionStore, userId = 'alice', data = 'd'): Promise<Pair> {
  return pairOf(await store.create({ userId, role: 'user', data }));
}

/** The tokens of a rotation by the client of a login, which must succeed. */
export async function rotate(store: SessionStore, { token, refreshToken }: Pair): Promise<Pair> {
  return pairOf(await store.rotate(token, { refreshToken }));
}

/** The tokens of a result that must have both. */
export function pairOf(result: (Partial<Pair> & { status: string }) | undefined): Pair {
  const { token, refreshToken } = result ?? {};
  if (token === undefined || refreshToken === undefined)
    throw new Error(`expected a token and a refresh token, got ${result?.status ?? 'nothing'}`);
  return { token, refreshToken };
}

/** Whether the store accepts the token. */
export async function isLive(store: SessionStore, token: string): Promise<boolean> {
  return (await store.read(token)) !== undefined;
}
