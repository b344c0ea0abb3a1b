import type { SessionStore, StoreDefinition } from '../store.ts';
import type { DeclaredTraits } from '../traits.ts';

/** Token of the control: role, user and padding to the length of a real token. It authenticates nothing. */
const TOKEN_LENGTH = 43;
const TOKEN_SHAPE = /^([ua])\.([A-Za-z0-9_@-]{0,32})\.-*$/;

function declaredTraits(): DeclaredTraits {
  return {
    state: 'nowhere',
    shared: true,
    survivesServerRestart: true,
    survivesStoreCrash: undefined,
    expiry: 'none',
    compareAndSwap: false,
    revocation: 'never',
    rotationEndsOld: false,
    clientReadable: true,
    dataInToken: false,
  };
}

/**
 * The control: no session at all. It replies what a backend would reply, byte for byte, from the name in the request
 * alone. The difference to any other figure is the cost of sessions.
 */
export const none: StoreDefinition = {
  name: 'none',
  summary: 'control: no session at all, the cost of the endpoint itself',
  isGated: true,
  options: {},
  service: () => undefined,
  connections: () => 0,
  offers: () => [],
  declaredTraits,
  open(context) {
    const { controlData, now, absoluteSeconds } = context;
    const tokenFor = (role: 'user' | 'admin', userId: string) =>
      `${role === 'admin' ? 'a' : 'u'}.${userId}.`.padEnd(TOKEN_LENGTH, '-');
    const parse = (token: string) => TOKEN_SHAPE.exec(token);
    const created = (role: 'user' | 'admin', userId: string) =>
      Promise.resolve({ status: 'created', token: tokenFor(role, userId), evicted: [] } as const);

    const store: SessionStore = {
      create: (session) => created(session.role, session.userId ?? ''),
      read(token) {
        const match = parse(token);
        if (match === null) return Promise.resolve(undefined);
        const userId = match[2] ?? '';
        const at = now();
        return Promise.resolve({
          handle: token,
          userId: userId === '' ? undefined : userId,
          role: match[1] === 'a' ? 'admin' : 'user',
          data: controlData(userId),
          version: 1,
          createdAtMs: at,
          absoluteExpiryMs: at + absoluteSeconds * 1000,
          touchDue: false,
        });
      },
      update: (token) => Promise.resolve(parse(token) ? { status: 'ok', version: 2 } : { status: 'gone' }),
      touch: (token) => Promise.resolve(parse(token) ? {} : undefined),
      rotate(token, patch) {
        const match = parse(token);
        if (match === null) return Promise.resolve(undefined);
        const role = patch.role ?? (match[1] === 'a' ? 'admin' : 'user');
        return created(role, patch.userId ?? match[2] ?? '');
      },
      destroy: () => Promise.resolve(false),
      roundTrips: () => 0,
      stats: () => Promise.resolve({ sessions: undefined }),
      close: () => Promise.resolve(),
    };
    return Promise.resolve(store);
  },
};
