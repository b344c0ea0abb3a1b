import type { TokenSessions } from '../jwt/session.ts';
import type { TokenClaims } from '../jwt/token.ts';
import type { CreateResult, SessionStore } from '../store.ts';
import type { AdmitResult, DenyList, NewDenyListEntry } from './deny-list.ts';
import type { IssuedTokens, TokenIssuer } from './refresh.ts';

/** Logins of one user that are under way at once may end each other by the limit: each time one of them succeeds. */
const MAX_ATTEMPTS = 50;

/**
 * The two methods that begin a login. They sign first, so that a token that is too large ends and registers nothing.
 */
export function loginMethods(
  tokens: TokenIssuer,
  sessions: TokenSessions,
  denyList: DenyList,
  verify: (token: string) => Promise<TokenClaims | undefined>,
): Pick<SessionStore, 'create' | 'rotate'> {
  /**
   * Begins a login under the generation of its user: the one that was read before the credential was checked, or the
   * current one. The latter is read again when it has moved.
   */
  async function underGeneration<T extends CreateResult | undefined>(
    userId: string | undefined,
    known: number | undefined,
    begin: (generation: number | undefined) => Promise<T>,
  ): Promise<T> {
    if (denyList.generation === undefined || userId === undefined) return begin(undefined);
    for (let attempt = 1; ; attempt += 1) {
      const result = await begin(known ?? (await denyList.generation(userId)));
      if (result?.status !== 'moved' || known !== undefined || attempt === MAX_ATTEMPTS) return result;
    }
  }

  return {
    async create(session, limit) {
      const begun = { ...sessions.begin(session), epoch: denyList.epoch };
      const { userId } = begun;
      return underGeneration(userId, session.generation, async (generation) => {
        const claims = { ...begun, generation };
        const made = await tokens.issue(claims);
        if (made === undefined) return { status: 'too-large' };
        if (userId === undefined) return { status: 'created', token: made.token, evicted: [] };
        return issued(made, await denyList.admit({ ...entry(claims, made), userId }, limit));
      });
    },
    async rotate(token, patch, limit) {
      const claims = await verify(token);
      const proof = claims && (await tokens.mayRotate(claims, patch.refreshToken));
      if (claims === undefined || proof === undefined) return undefined;
      const rotated = sessions.rotated(claims, patch);
      // A rotation of a login raises the generation of its user.
      const raised = rotated.userId === claims.userId ? raisedBy(claims) : patch.generation;
      return underGeneration(rotated.userId, raised, async (generation) => {
        const next = { ...rotated, generation };
        const made = await tokens.issue(next);
        if (made === undefined) return { status: 'too-large' };
        const result = await denyList.rotate(claims, entry(next, made), limit, proof.presentedId);
        return result === undefined ? undefined : issued(made, result);
      });
    },
  };
}

const raisedBy = ({ generation }: TokenClaims) => (generation === undefined ? undefined : generation + 1);

function issued({ token, refreshToken }: IssuedTokens, result: AdmitResult): CreateResult {
  if (result.status !== 'admitted') return result;
  const created = { status: 'created', token, evicted: result.evicted } as const;
  return refreshToken === undefined ? created : { ...created, refreshToken };
}

function entry(claims: TokenClaims, { refreshId }: IssuedTokens): NewDenyListEntry {
  return { ...claims, idleExpiryMs: claims.expirySeconds * 1000, refreshId };
}
