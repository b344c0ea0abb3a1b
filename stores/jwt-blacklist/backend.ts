import { jwt, TOKEN_OPTIONS } from '../jwt/backend.ts';
import { tokenSessions } from '../jwt/session.ts';
import { cachesTokens, libraryConflict } from '../jwt/signer.ts';
import type { TokenClaims } from '../jwt/token.ts';
import { postgresService } from '../postgres/service.ts';
import { redisService } from '../redis/service.ts';
import type { ServiceDefinition } from '../service.ts';
import {
  type Awaitable,
  type Capability,
  type Durability,
  type OpenContext,
  type SessionStore,
  type StoreDefinition,
  type StoreOptions,
  StoreUnavailableError,
} from '../store.ts';
import type { DeclaredTraits } from '../traits.ts';
import { type DenyList, DenyListLostError, LEASE_MS } from './deny-list.ts';
import { loginMethods } from './logins.ts';
import {
  type RotatingTokens,
  refreshing,
  rotatingTokens,
  singleTokens,
  type TokenIssuer,
} from './refresh.ts';

function declaredTraits(options: StoreOptions, durability: Durability): DeclaredTraits {
  return {
    ...COMMON_TRAITS,
    survivesStoreCrash: durability !== 'none',
    ...REVOCATIONS[options['check'] ?? ''],
  };
}

const REVOCATIONS: Readonly<Record<string, Partial<DeclaredTraits>>> = {
  pushed: { revocation: 'bounded', revocationBoundMs: LEASE_MS },
  generation: { endsAllLogins: true },
  'at-refresh': { revocation: 'at-refresh' },
};

const COMMON_TRAITS = {
  state: 'client-and-store',
  shared: true,
  survivesServerRestart: true,
  expiry: 'idle-and-absolute',
  compareAndSwap: false,
  revocation: 'immediate',
  rotationEndsOld: true,
  clientReadable: true,
  dataInToken: true,
} as const satisfies Omit<DeclaredTraits, 'survivesStoreCrash'>;

/**
 * The session in a signed token, and on a service the list of logins that were ended early. The list is read on every
 * request, after the signature has been verified, or less often (`check`). A login is denied by its sid, which all its
 * tokens share, so that an update in flight cannot outlive a logout.
 */
export const jwtBlacklist: StoreDefinition = {
  name: 'jwt-blacklist',
  summary: 'in a signed token at the client; a list of ended logins on a service, read on each request',
  addsTo: jwt.name,
  options: {
    db: { meaning: 'where the deny list is kept', values: [redisService.name, postgresService.name] },
    check: {
      meaning:
        'how a server learns that a login was ended: lookup asks the list on each request; pushed (db=redis only) holds ' +
        'the list in each server, fed by a stream; generation (db=redis, refresh=off only) asks for a number of the user, ' +
        'by which all logins of a user end together; at-refresh (refresh=rotating only) asks when a token is renewed',
      values: ['lookup', 'pushed', 'generation', 'at-refresh'],
    },
    'on-outage': {
      meaning:
        'when the deny list is not available: closed refuses (an error, not a logout), open accepts the token unchecked ' +
        '(but a list that has lost its entries is refused either way)',
      values: ['closed', 'open'],
    },
    refresh: {
      meaning:
        'off: a token is valid until its login idles away. rotating: a token of a login is short-lived, and is renewed ' +
        'by a refresh token that can be used once (a second use ends the login). The refresh token holds the data ' +
        'too: renewed without its last token, a session loses the updates since its last login or renewal',
      values: ['off', 'rotating'],
    },
    ...TOKEN_OPTIONS,
  },
  conflict: (options) => libraryConflict(options) ?? checkConflict(options),
  service,
  connections(options, poolSize) {
    if (service(options) === postgresService) return poolSize;
    return options['check'] === 'pushed' ? 2 : 1;
  },
  offers,
  declaredTraits,
  async open(context) {
    const tokens = await (isRotating(context.options) ? rotatingTokens(context) : singleTokens(context));
    return openJwtBlacklist(context, tokens, await openDenyList(context));
  },
};

function offers(options: StoreOptions): Capability[] {
  const capabilities: Capability[] = ['users', 'failedLogins'];
  if (service(options) === postgresService) capabilities.push('sweep');
  if (options['check'] === 'generation') capabilities.push('generation');
  else if (isRotating(options)) capabilities.push('refresh');
  if (cachesTokens(options)) capabilities.push('verifyCacheStats');
  return capabilities;
}

/** Why this way of checking is not possible; `undefined` when it is. */
function checkConflict(options: StoreOptions): { expected: string; got: string } | undefined {
  if (options['check'] === 'pushed' && service(options) !== redisService)
    return {
      expected: `db=${redisService.name} with check=pushed`,
      got: `db=${service(options).name}, which has no stream`,
    };
  if (options['check'] === 'generation' && service(options) !== redisService)
    return {
      expected: `db=${redisService.name} with check=generation`,
      got: `db=${service(options).name}, where no generations are kept`,
    };
  if (options['check'] === 'generation' && isRotating(options))
    return {
      expected: 'refresh=off with check=generation',
      got: 'refresh=rotating, whose families end one by one',
    };
  if (options['check'] === 'at-refresh' && !isRotating(options))
    return { expected: 'refresh=rotating with check=at-refresh', got: 'refresh=off, which renews nothing' };
  return undefined;
}

function isRotating(options: StoreOptions): boolean {
  return options['refresh'] === 'rotating';
}

function service(options: StoreOptions): ServiceDefinition {
  return options['db'] === postgresService.name ? postgresService : redisService;
}

/** Loads only the driver of the chosen service. */
async function openDenyList(context: OpenContext): Promise<DenyList> {
  if (service(context.options) === postgresService)
    return (await import('./deny-list-postgres.ts')).openPostgresDenyList(context);
  if (context.options['check'] === 'pushed')
    return (await import('./deny-list-pushed.ts')).openPushedDenyList(context);
  if (context.options['check'] === 'generation')
    return (await import('./deny-list-generation.ts')).openGenerationDenyList(context);
  return (await import('./deny-list-redis.ts')).openRedisDenyList(context);
}

function openJwtBlacklist(
  context: OpenContext,
  tokens: TokenIssuer | RotatingTokens,
  denyList: DenyList,
): SessionStore {
  const { codec } = tokens;
  const sessions = tokenSessions(context);
  const acceptsUnchecked = context.options['on-outage'] === 'open';
  // Issued before the list was lost: whether the login was ended since is not known.
  const current = (claims: TokenClaims | undefined) =>
    claims?.epoch === denyList.epoch ? claims : undefined;
  const verify = async (token: string) => current(await codec.verify(token));

  /**
   * The result of a denial check; `fallback` in an outage, if so configured. A lost list does not come back like an
   * outage: accepting tokens would revive every ended login for good.
   */
  function orFallback<T>(check: Awaitable<T>, fallback: T): Awaitable<T> {
    if (!acceptsUnchecked || !(check instanceof Promise)) return check;
    return check.catch((error: unknown) => {
      const isOutage = error instanceof StoreUnavailableError && !(error.cause instanceof DenyListLostError);
      if (isOutage) return fallback;
      throw error;
    });
  }
  // An anonymous session has no refresh token, so its own is looked up.
  const isTrusted = (claims: TokenClaims) =>
    context.options['check'] === 'at-refresh' && tokens.isRenewed(claims);
  const isEnded = (claims: TokenClaims) =>
    isTrusted(claims) ? false : orFallback(denyList.isDenied(claims.sid, claims), false);
  /** Valid claims whose login has not ended. Only a valid token costs a query. */
  async function live(token: string): Promise<TokenClaims | undefined> {
    const claims = await verify(token);
    if (claims === undefined) return undefined;
    return (await isEnded(claims)) ? undefined : claims;
  }

  return {
    ...loginMethods(tokens, sessions, denyList, verify),
    // As `live`, but without a turn of the microtask queue where neither the library nor the list has one.
    async read(token) {
      const verified = codec.verify(token);
      const claims = current(verified instanceof Promise ? await verified : verified);
      if (claims === undefined) return undefined;
      const ended = isEnded(claims);
      if (ended instanceof Promise ? await ended : ended) return undefined;
      const session = sessions.view(claims);
      return tokens.isRenewed(claims) ? { ...session, touchDue: false } : session;
    },
    async update(token, data) {
      const claims = await live(token);
      if (claims === undefined) return { status: 'gone' };
      const next = sessions.updated(claims, data);
      const updated = await codec.sign(next);
      if (updated === undefined) return { status: 'too-large' };
      return { status: 'ok', version: next.version, token: updated };
    },
    async touch(token) {
      const claims = await verify(token);
      if (claims === undefined) return undefined;
      if (tokens.isRenewed(claims)) return (await isEnded(claims)) ? undefined : {};
      const next = sessions.touched(claims);
      // In an outage the session continues, but is not extended: a token that outlived its index entry would escape a
      // revocation.
      const extended = denyList.extend(claims, next.expirySeconds * 1000);
      const outcome = await orFallback<boolean | 'unavailable'>(extended, 'unavailable');
      if (outcome === false) return undefined;
      const touched = outcome === 'unavailable' ? undefined : await codec.sign(next);
      return touched === undefined ? {} : { token: touched };
    },
    async destroy(token) {
      const claims = current(await tokens.verifyToEnd(token));
      if (claims === undefined) return false;
      // A refresh token also ends what its login was rotated into: that may be a thief's, and the victim only logs out.
      return denyList.deny(claims, claims.refreshId !== undefined);
    },
    users: {
      list: denyList.list,
      revoke: async (userId, except) =>
        denyList.denyUser(userId, except === undefined ? undefined : (await verify(except))?.sid),
      destroyLogin: denyList.denyLogin,
      setDisabled: denyList.setDisabled,
    },
    refresh: 'verifyRefresh' in tokens ? refreshing(tokens, sessions, denyList) : undefined,
    generation: denyList.generation,
    failedLogins: denyList.failedLogins,
    sweep: denyList.sweep,
    // The number of tokens in circulation is not known.
    stats: () => Promise.resolve({ sessions: undefined }),
    verifyCacheStats: codec.cacheStats,
    roundTrips: denyList.roundTrips,
    close: () => denyList.close(),
  };
}
