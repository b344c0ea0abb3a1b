import { JWT_ALGORITHMS } from './jwt-keys.ts';
import { tokenSessions } from './jwt-session.ts';
import { openTokenCodec } from './jwt-token.ts';
import type { CreateResult, OpenContext, SessionStore, StoreDefinition, Traits } from './store.ts';

function traits(): Traits {
  return {
    state: 'client',
    shared: true,
    survivesServerRestart: true,
    survivesStoreCrash: undefined,
    expiry: 'idle-and-absolute',
    compareAndSwap: false,
    userIndex: false,
    revocation: 'at-expiry',
    rotationEndsOld: false,
    clientReadable: true,
    dataInToken: true,
    refresh: 'none',
  };
}

/** The `alg` option, the same for all backends that sign tokens. */
export const ALGORITHM_OPTION: { meaning: string; values: readonly [string, ...string[]] } = {
  meaning: 'what signs the tokens: HS256 with a shared secret, the others with a private key',
  values: JWT_ALGORITHMS,
};

/**
 * The whole session in a signed token, and nothing on the server: every server verifies it alone, and nobody can
 * take it back before it expires. A logout, a rotation or a disabled user only make the client forget the token.
 */
export const jwt: StoreDefinition = {
  name: 'jwt',
  summary: 'in a signed token at the client: no store to ask, and no logout before the token expires',
  options: { alg: ALGORITHM_OPTION },
  service: () => undefined,
  connections: () => 0,
  traits: () => traits(),
  open: (context) => Promise.resolve().then(() => openJwt(context)),
};

function openJwt(context: OpenContext): SessionStore {
  const codec = openTokenCodec(context);
  const sessions = tokenSessions(context);
  const issued = (token: string | undefined): CreateResult =>
    token === undefined ? { status: 'too-large' } : { status: 'created', token, evicted: [] };

  return {
    traits: traits(),
    create: (session) => Promise.resolve(issued(codec.sign(sessions.begin(session)))),
    read(token) {
      const claims = codec.verify(token);
      return Promise.resolve(claims === undefined ? undefined : sessions.view(claims));
    },
    update(token, data) {
      const claims = codec.verify(token);
      if (claims === undefined) return Promise.resolve({ status: 'gone' });
      const next = sessions.updated(claims, data);
      const updated = codec.sign(next);
      return Promise.resolve(
        updated === undefined
          ? { status: 'too-large' }
          : { status: 'ok', version: next.version, token: updated },
      );
    },
    touch(token) {
      const claims = codec.verify(token);
      if (claims === undefined) return Promise.resolve(undefined);
      const touched = codec.sign(sessions.touched(claims));
      return Promise.resolve(touched === undefined ? {} : { token: touched });
    },
    rotate(token, patch) {
      const claims = codec.verify(token);
      return Promise.resolve(
        claims === undefined ? undefined : issued(codec.sign(sessions.rotated(claims, patch))),
      );
    },
    // Nothing is kept, so nothing can be ended, listed, limited, counted or swept.
    destroy: () => Promise.resolve(false),
    destroyLogin: () => Promise.resolve(undefined),
    revokeUser: () => Promise.resolve(undefined),
    setDisabled: () => Promise.resolve(undefined),
    listUser: () => Promise.resolve(undefined),
    refresh: () => Promise.resolve({ status: 'unsupported' }),
    failedLogins: () => undefined,
    sweep: () => Promise.resolve(0),
    roundTrips: () => 0,
    stats: () => Promise.resolve({ sessions: undefined }),
    close: () => Promise.resolve(),
  };
}
