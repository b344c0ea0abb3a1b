import {
  type AdmitResult,
  type DenyList,
  DenyListLostError,
  type DenyListSubject,
  type NewDenyListEntry,
} from './deny-list.ts';
import { ALGORITHM_OPTION } from './jwt.ts';
import { type TokenSessions, tokenSessions } from './jwt-session.ts';
import { openTokenCodec, type TokenClaims, type TokenCodec } from './jwt-token.ts';
import {
  type CreateResult,
  type Durability,
  type OpenContext,
  type ServiceName,
  type SessionStore,
  type StoreDefinition,
  type StoreOptions,
  StoreUnavailableError,
  type Traits,
} from './store.ts';

function traits(_options: StoreOptions, durability: Durability): Traits {
  return {
    state: 'client-and-store',
    shared: true,
    survivesServerRestart: true,
    survivesStoreCrash: durability !== 'none',
    expiry: 'idle-and-absolute',
    compareAndSwap: false,
    userIndex: true,
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
  options: {
    db: { meaning: 'where the deny list lies', values: ['redis', 'postgres'] },
    'on-outage': {
      meaning:
        'when the deny list cannot be asked: closed refuses (an error, not a logout), open takes the token as it is ' +
        '(but a list that has lost its entries is refused either way)',
      values: ['closed', 'open'],
    },
    alg: ALGORITHM_OPTION,
  },
  service,
  connections: (options, poolSize) => (service(options) === 'postgres' ? poolSize : 1),
  traits,
  async open(context) {
    const codec = openTokenCodec(context);
    return openJwtBlacklist(context, codec, await openDenyList(context));
  },
};

function service(options: StoreOptions): ServiceName {
  return options['db'] === 'postgres' ? 'postgres' : 'redis';
}

/** Loads the driver of the chosen service only. */
async function openDenyList(context: OpenContext): Promise<DenyList> {
  if (service(context.options) === 'postgres')
    return (await import('./deny-list-postgres.ts')).openPostgresDenyList(context);
  return (await import('./deny-list-redis.ts')).openRedisDenyList(context);
}

function openJwtBlacklist(context: OpenContext, codec: TokenCodec, denyList: DenyList): SessionStore {
  const sessions = tokenSessions(context);
  const acceptsBlindly = context.options['on-outage'] === 'open';
  const verify = (token: string) => {
    const claims = codec.verify(token);
    // Issued under an earlier life of the list: whether it was ended since, nobody knows any more.
    return claims?.epoch === denyList.epoch ? claims : undefined;
  };

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
  /** Claims that are ours and not ended. Only a valid token costs a question. */
  async function live(token: string): Promise<TokenClaims | undefined> {
    const claims = verify(token);
    if (claims === undefined) return undefined;
    return (await orBlind(denyList.isDenied(claims.sid), false)) ? undefined : claims;
  }

  return {
    traits: traits(context.options, context.durability),
    ...issuing(codec, sessions, denyList, verify),
    async read(token) {
      const claims = await live(token);
      return claims === undefined ? undefined : sessions.view(claims);
    },
    async update(token, data) {
      const claims = await live(token);
      if (claims === undefined) return { status: 'gone' };
      const next = sessions.updated(claims, data);
      const updated = codec.sign(next);
      if (updated === undefined) return { status: 'too-large' };
      return { status: 'ok', version: next.version, token: updated };
    },
    async touch(token) {
      const claims = verify(token);
      if (claims === undefined) return undefined;
      const next = sessions.touched(claims);
      // Blind, the session lives on but no longer: a token that outlived its index entry would escape a revocation.
      const extended = denyList.extend(subject(claims), next.expirySeconds * 1000);
      const outcome = await orBlind<boolean | 'blind'>(extended, 'blind');
      if (outcome === false) return undefined;
      const touched = outcome === 'blind' ? undefined : codec.sign(next);
      return touched === undefined ? {} : { token: touched };
    },
    async destroy(token) {
      const claims = verify(token);
      return claims !== undefined && denyList.deny(subject(claims));
    },
    destroyLogin: (userId, handle) => denyList.denyLogin(userId, handle),
    revokeUser: (userId, except) =>
      denyList.denyUser(userId, except === undefined ? undefined : verify(except)?.sid),
    setDisabled: (userId, disabled) => denyList.setDisabled(userId, disabled),
    listUser: (userId) => denyList.list(userId),
    sweep: (limit) => denyList.sweep(limit),
    // Nobody counts the tokens that are out there.
    stats: () => Promise.resolve({ sessions: undefined }),
    roundTrips: denyList.roundTrips,
    close: () => denyList.close(),
  };
}

/** The two methods that begin a login: signed first, so that one too large ends and registers nothing. */
function issuing(
  codec: TokenCodec,
  sessions: TokenSessions,
  denyList: DenyList,
  verify: (token: string) => TokenClaims | undefined,
): Pick<SessionStore, 'create' | 'rotate'> {
  return {
    async create(session, limit) {
      const claims = { ...sessions.begin(session), epoch: denyList.epoch };
      const token = codec.sign(claims);
      if (token === undefined) return { status: 'too-large' };
      if (claims.userId === undefined) return { status: 'created', token, evicted: [] };
      return issued(token, await denyList.admit({ ...entry(claims), userId: claims.userId }, limit));
    },
    async rotate(token, patch, limit) {
      const claims = verify(token);
      if (claims === undefined) return undefined;
      const next = sessions.rotated(claims, patch);
      const rotated = codec.sign(next);
      if (rotated === undefined) return { status: 'too-large' };
      const result = await denyList.rotate(subject(claims), entry(next), limit);
      return result === undefined ? undefined : issued(rotated, result);
    },
  };
}

function issued(token: string, result: AdmitResult): CreateResult {
  return result.status === 'admitted' ? { status: 'created', token, evicted: result.evicted } : result;
}

function subject({ sid, userId, absoluteExpiryMs }: TokenClaims): DenyListSubject {
  return userId === undefined ? { sid, absoluteExpiryMs } : { sid, userId, absoluteExpiryMs };
}

function entry(claims: TokenClaims): NewDenyListEntry {
  const { createdAtMs, expirySeconds } = claims;
  return { ...subject(claims), createdAtMs, idleExpiryMs: expirySeconds * 1000 };
}
