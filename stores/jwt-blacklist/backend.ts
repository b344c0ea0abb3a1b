import { jwt, TOKEN_OPTIONS } from '../jwt/backend.ts';
import { type TokenSessions, tokenSessions } from '../jwt/session.ts';
import { cachesTokens, libraryConflict } from '../jwt/signer.ts';
import type { TokenClaims } from '../jwt/token.ts';
import { postgresService } from '../postgres/service.ts';
import { redisService } from '../redis/service.ts';
import type { ServiceDefinition } from '../service.ts';
import {
  type Capability,
  type CreateResult,
  type Durability,
  type OpenContext,
  type SessionStore,
  type StoreDefinition,
  type StoreOptions,
  StoreUnavailableError,
} from '../store.ts';
import type { DeclaredTraits } from '../traits.ts';
import {
  type AdmitResult,
  type DenyList,
  DenyListLostError,
  type DenyListSubject,
  type NewDenyListEntry,
} from './deny-list.ts';
import {
  type IssuedTokens,
  type RotatingTokens,
  refreshing,
  rotatingTokens,
  singleTokens,
  type TokenIssuer,
} from './refresh.ts';

function declaredTraits(_options: StoreOptions, durability: Durability): DeclaredTraits {
  return {
    state: 'client-and-store',
    shared: true,
    survivesServerRestart: true,
    survivesStoreCrash: durability !== 'none',
    expiry: 'idle-and-absolute',
    compareAndSwap: false,
    revocation: 'immediate',
    rotationEndsOld: true,
    clientReadable: true,
    dataInToken: true,
  };
}

/**
 * The session in a signed token, and on a service the list of logins that were ended early: asked on every request,
 * after the signature has been verified. A login is denied by its sid, which all its tokens share, so that an update
 * in flight cannot carry it past a logout.
 */
export const jwtBlacklist: StoreDefinition = {
  name: 'jwt-blacklist',
  summary: 'in a signed token at the client; a list of ended logins on a service, asked on each request',
  addsTo: jwt.name,
  options: {
    db: { meaning: 'where the deny list lies', values: [redisService.name, postgresService.name] },
    'on-outage': {
      meaning:
        'when the deny list cannot be asked: closed refuses (an error, not a logout), open takes the token as it is ' +
        '(but a list that has lost its entries is refused either way)',
      values: ['closed', 'open'],
    },
    refresh: {
      meaning:
        'off: a token lives until its login idles away. rotating: a token of a login lives briefly, and is renewed ' +
        'by a refresh token that may be used once (a second use ends the login). The refresh token holds the data ' +
        'too: renewed without its last token at hand, a session loses the updates since its last login or renewal',
      values: ['off', 'rotating'],
    },
    ...TOKEN_OPTIONS,
  },
  conflict: libraryConflict,
  service,
  connections: (options, poolSize) => (service(options) === postgresService ? poolSize : 1),
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
  if (isRotating(options)) capabilities.push('refresh');
  if (cachesTokens(options)) capabilities.push('verifyCacheStats');
  return capabilities;
}

function isRotating(options: StoreOptions): boolean {
  return options['refresh'] === 'rotating';
}

function service(options: StoreOptions): ServiceDefinition {
  return options['db'] === postgresService.name ? postgresService : redisService;
}

/** Loads the driver of the chosen service only. */
async function openDenyList(context: OpenContext): Promise<DenyList> {
  if (service(context.options) === postgresService)
    return (await import('./deny-list-postgres.ts')).openPostgresDenyList(context);
  return (await import('./deny-list-redis.ts')).openRedisDenyList(context);
}

function openJwtBlacklist(
  context: OpenContext,
  tokens: TokenIssuer | RotatingTokens,
  denyList: DenyList,
): SessionStore {
  const { codec } = tokens;
  const sessions = tokenSessions(context);
  const acceptsBlindly = context.options['on-outage'] === 'open';
  // Issued under an earlier life of the list: whether it was ended since, nobody knows any more.
  const current = (claims: TokenClaims | undefined) =>
    claims?.epoch === denyList.epoch ? claims : undefined;
  const verify = async (token: string) => current(await codec.verify(token));

  /**
   * What to make of a denial check: in an outage, `blind` where that is what was chosen. A lost list is no outage
   * that will pass: taking tokens as they are would bring every ended login back for good.
   */
  async function orBlind<T>(check: Promise<T>, blind: T): Promise<T> {
    if (!acceptsBlindly) return check;
    return check.catch((error: unknown) => {
      const isOutage = error instanceof StoreUnavailableError && !(error.cause instanceof DenyListLostError);
      if (isOutage) return blind;
      throw error;
    });
  }
  const isEnded = ({ sid }: TokenClaims) => orBlind(denyList.isDenied(sid), false);
  /** Claims that are ours and not ended. Only a valid token costs a question. */
  async function live(token: string): Promise<TokenClaims | undefined> {
    const claims = await verify(token);
    if (claims === undefined) return undefined;
    return (await isEnded(claims)) ? undefined : claims;
  }

  return {
    ...issuing(tokens, sessions, denyList, verify),
    async read(token) {
      const claims = await live(token);
      if (claims === undefined) return undefined;
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
      // Blind, the session lives on but no longer: a token that outlived its index entry would escape a revocation.
      const extended = denyList.extend(subject(claims), next.expirySeconds * 1000);
      const outcome = await orBlind<boolean | 'blind'>(extended, 'blind');
      if (outcome === false) return undefined;
      const touched = outcome === 'blind' ? undefined : await codec.sign(next);
      return touched === undefined ? {} : { token: touched };
    },
    async destroy(token) {
      const claims = current(await tokens.verifyToEnd(token));
      if (claims === undefined) return false;
      // By a refresh token, also what it was rotated into: perhaps by a thief, and the victim only logs out.
      return denyList.deny(subject(claims), claims.refreshId !== undefined);
    },
    users: {
      list: denyList.list,
      revoke: async (userId, except) =>
        denyList.denyUser(userId, except === undefined ? undefined : (await verify(except))?.sid),
      destroyLogin: denyList.denyLogin,
      setDisabled: denyList.setDisabled,
    },
    refresh: 'verifyRefresh' in tokens ? refreshing(tokens, sessions, denyList) : undefined,
    failedLogins: denyList.failedLogins,
    sweep: denyList.sweep,
    // Nobody counts the tokens that are out there.
    stats: () => Promise.resolve({ sessions: undefined }),
    verifyCacheStats: codec.cacheStats,
    roundTrips: denyList.roundTrips,
    close: () => denyList.close(),
  };
}

/** The two methods that begin a login: signed first, so that one too large ends and registers nothing. */
function issuing(
  tokens: TokenIssuer,
  sessions: TokenSessions,
  denyList: DenyList,
  verify: (token: string) => Promise<TokenClaims | undefined>,
): Pick<SessionStore, 'create' | 'rotate'> {
  return {
    async create(session, limit) {
      const claims = { ...sessions.begin(session), epoch: denyList.epoch };
      const made = await tokens.issue(claims);
      if (made === undefined) return { status: 'too-large' };
      const { userId } = claims;
      if (userId === undefined) return { status: 'created', token: made.token, evicted: [] };
      return issued(made, await denyList.admit({ ...entry(claims, made), userId }, limit));
    },
    async rotate(token, patch, limit) {
      const claims = await verify(token);
      const proof = claims && (await tokens.mayRotate(claims, patch.refreshToken));
      if (claims === undefined || proof === undefined) return undefined;
      const next = sessions.rotated(claims, patch);
      const made = await tokens.issue(next);
      if (made === undefined) return { status: 'too-large' };
      const result = await denyList.rotate(subject(claims), entry(next, made), limit, proof.presentedId);
      return result === undefined ? undefined : issued(made, result);
    },
  };
}

function issued({ token, refreshToken }: IssuedTokens, result: AdmitResult): CreateResult {
  if (result.status !== 'admitted') return result;
  const created = { status: 'created', token, evicted: result.evicted } as const;
  return refreshToken === undefined ? created : { ...created, refreshToken };
}

function subject({ sid, userId, absoluteExpiryMs }: TokenClaims): DenyListSubject {
  return userId === undefined ? { sid, absoluteExpiryMs } : { sid, userId, absoluteExpiryMs };
}

function entry(claims: TokenClaims, { refreshId }: IssuedTokens): NewDenyListEntry {
  const { createdAtMs, expirySeconds } = claims;
  const login = { ...subject(claims), createdAtMs, idleExpiryMs: expirySeconds * 1000 };
  return refreshId === undefined ? login : { ...login, refreshId };
}
