import type { CreateResult, OpenContext, SessionStore, StoreDefinition, StoreOption } from '../store.ts';
import { traitsOfToken } from '../traits.ts';
import { JWT_ALGORITHMS } from './keys.ts';
import { tokenSessions } from './session.ts';
import { cachesTokens, LIBRARY_OPTIONS, libraryConflict } from './signer.ts';
import { openTokenCodec } from './token.ts';

/** Options of all backends that sign tokens. */
export const TOKEN_OPTIONS: Readonly<Record<string, StoreOption>> = {
  alg: {
    meaning: 'signature algorithm of the tokens: HS256 with a shared secret, the others with a private key',
    values: JWT_ALGORITHMS,
  },
  ...LIBRARY_OPTIONS,
};

/**
 * The whole session in a signed token, and nothing on the server. Every server verifies the token alone, and it cannot
 * be revoked before it expires. A logout, a rotation or a disabled user only make the client forget the token.
 */
export const jwt: StoreDefinition = {
  name: 'jwt',
  summary: 'in a signed token at the client: no store to read, and no logout before the token expires',
  options: TOKEN_OPTIONS,
  conflict: libraryConflict,
  service: () => undefined,
  connections: () => 0,
  offers: (options) => (cachesTokens(options) ? ['verifyCacheStats'] : []),
  declaredTraits: () => traitsOfToken(true),
  open: openJwt,
};

async function openJwt(context: OpenContext): Promise<SessionStore> {
  const codec = await openTokenCodec(context);
  const sessions = tokenSessions(context);
  const issued = (token: string | undefined): CreateResult =>
    token === undefined ? { status: 'too-large' } : { status: 'created', token, evicted: [] };

  return {
    create: async (session) => issued(await codec.sign(sessions.begin(session))),
    async read(token) {
      const claims = await codec.verify(token);
      return claims && sessions.view(claims);
    },
    async update(token, data) {
      const claims = await codec.verify(token);
      if (claims === undefined) return { status: 'gone' };
      const next = sessions.updated(claims, data);
      const updated = await codec.sign(next);
      if (updated === undefined) return { status: 'too-large' };
      return { status: 'ok', version: next.version, token: updated };
    },
    async touch(token) {
      const claims = await codec.verify(token);
      if (claims === undefined) return undefined;
      const touched = await codec.sign(sessions.touched(claims));
      return touched === undefined ? {} : { token: touched };
    },
    async rotate(token, patch) {
      const claims = await codec.verify(token);
      return claims && issued(await codec.sign(sessions.rotated(claims, patch)));
    },
    // Nothing is stored, so nothing can be ended.
    destroy: () => Promise.resolve(false),
    verifyCacheStats: codec.cacheStats,
    roundTrips: () => 0,
    stats: () => Promise.resolve({ sessions: undefined }),
    close: () => Promise.resolve(),
  };
}
