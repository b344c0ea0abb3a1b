import { userName } from '../../servers/protocol.ts';
import { seededRandom, shuffled } from '../stats/random.ts';
import type { ConnectionPlan, LiveRequest } from './autocannon-loop.ts';
import { credentialsInRaw } from './client.ts';
import type { LoadJob, Operation } from './job.ts';
import {
  keySequence,
  type LiveSession,
  loginRequest,
  logoutRequest,
  MIX,
  readRequest,
  updateRequest,
} from './scenarios.ts';

/** Sessions that logouts consume, and that logins of a mix give back. */
export interface LogoutPool {
  take(): LiveSession['credentials'];
  give(credentials: LiveSession['credentials']): void;
}

/** Users of the login scenario begin here, so that no live session of the population is one of theirs. */
export const FIRST_LOGIN_USER = 2_000_000;
/** Most bytes of prebuilt requests: with larger payloads each connection cycles through fewer sessions. */
const PREBUILT_BYTES = 64 * 1024 * 1024;
const HEAD_BYTES = 512;
/** Requests per connection of a scenario whose list is not bounded by its sessions. */
const LIST_LENGTH = 600;

/** What each connection sends over and over. `pools` holds one pool for each target; only `mixed` draws on them. */
export function planConnections(
  job: LoadJob,
  sessions: readonly LiveSession[],
  pools: readonly LogoutPool[],
): ConnectionPlan[] {
  const random = seededRandom(job.seed);
  const writesBodies = job.scenario === 'update' || job.scenario === 'mixed';
  const room = PREBUILT_BYTES / (HEAD_BYTES + (writesBodies ? job.payloadBytes : 0)) / job.connections;
  return Array.from({ length: job.connections }, (_, connection) => {
    const own = ownSessions(job, sessions, connection);
    const length = Math.max(1, Math.min(Math.floor(room), Math.max(own.length, LIST_LENGTH)));
    const keys = keySequence(job.keys, own.length, length, random);
    const mix = job.scenario === 'mixed' ? shuffled(MIX, random) : [job.scenario as Operation];
    const pool = pools[connection % job.targets.length] as LogoutPool;
    const newUser = (index: number) => userName(FIRST_LOGIN_USER + connection * LIST_LENGTH + index);
    return {
      requests: keys.map((key, index) => {
        const operation = mix[index % mix.length] as Operation;
        return requestFor(operation, own[key] as LiveSession, newUser(index), job, pool);
      }),
    };
  });
}

/** Each session belongs to one connection, so that no two requests of one session are ever under way at once. */
function ownSessions(job: LoadJob, sessions: readonly LiveSession[], connection: number): LiveSession[] {
  const target = connection % job.targets.length;
  const atTarget = sessions.filter((session) => session.target === target);
  const turn = Math.floor(connection / job.targets.length);
  const sharers = Math.ceil((job.connections - target) / job.targets.length);
  const own = atTarget.filter((_, index) => index % sharers === turn);
  return own.length > 0 ? own : atTarget;
}

function requestFor(
  operation: Operation,
  session: LiveSession,
  newUser: string,
  job: LoadJob,
  pool: LogoutPool,
): LiveRequest {
  if (operation === 'read') return readRequest(session, job.payloadBytes);
  if (operation === 'update') return updateRequest(session, job.payloadBytes);
  if (operation === 'login') {
    const request = loginRequest(newUser, job.password);
    if (job.scenario === 'login') return request;
    const onReply = (rawHeaders: readonly string[]) => pool.give(credentialsInRaw(rawHeaders, job.transport));
    return { ...request, onReply };
  }
  return { ...logoutRequest(session), renew: () => logoutRequest({ credentials: pool.take() }).headers };
}

/** Each session of a pool is logged out once: equal lists, so that all connections end together. */
export function planLogouts(job: LoadJob, sessions: readonly LiveSession[]): ConnectionPlan[] {
  const lists = Array.from({ length: job.connections }, (_, connection) =>
    ownSessions(job, sessions, connection).map(logoutRequest),
  );
  const shortest = Math.min(...lists.map((list) => list.length));
  return lists.map((list) => ({ requests: list.slice(0, shortest) }));
}

/** A pool that hands out what was given first, and forgets it. */
export function createLogoutPool(sessions: readonly LiveSession[]): LogoutPool {
  const waiting = sessions.map((session) => session.credentials);
  let next = 0;
  return {
    take() {
      const credentials = waiting[next];
      if (credentials === undefined) throw new Error('more logouts than sessions in the pool');
      next += 1;
      return credentials;
    },
    give: (credentials) => void waiting.push(credentials),
  };
}
