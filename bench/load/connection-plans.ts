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
/** Most bytes of prebuilt requests: with larger payloads each connection uses fewer of its sessions. */
const PREBUILT_BYTES = 64 * 1024 * 1024;
const HEAD_BYTES = 512;
/** Least requests in the list of a connection. */
const LIST_LENGTH = 600;

/** What each connection sends over and over. `pools` holds one pool for each target; only `mixed` draws on them. */
export function planConnections(
  job: LoadJob,
  sessions: readonly LiveSession[],
  pools: readonly LogoutPool[],
): ConnectionPlan[] {
  const random = seededRandom(job.seed);
  const writesBodies = job.scenario === 'update' || job.scenario === 'mixed';
  const bytesEach = HEAD_BYTES + (writesBodies ? job.payloadBytes : 0);
  const room = Math.max(1, Math.floor(PREBUILT_BYTES / bytesEach / job.connections));
  return sessionsByConnection(job, sessions).map((all, connection) => {
    const own = all.slice(0, room);
    // Whole mixes: each list logs in as often as it logs out.
    const length = Math.ceil(Math.max(own.length, LIST_LENGTH) / MIX.length) * MIX.length;
    const keys = keySequence(job.keys, own.length, length, random);
    const mix = job.scenario === 'mixed' ? shuffled(MIX, random) : [job.scenario as Operation];
    const pool = pools[connection % job.targets.length] as LogoutPool;
    const newUser = (index: number) => userName(FIRST_LOGIN_USER + connection * length + index);
    const reads = own.map((session) => readRequest(session, job.payloadBytes));
    const updates = writesBodies ? own.map((session) => updateRequest(session, job.payloadBytes)) : [];
    const requests = keys.map((key, index): LiveRequest => {
      const operation = mix[index % mix.length] as Operation;
      if (operation === 'read') return reads[key] as LiveRequest;
      if (operation === 'update') return updates[key] as LiveRequest;
      return operation === 'login' ? poolLogin(newUser(index), job, pool) : poolLogout(pool);
    });
    return { requests };
  });
}

/**
 * The sessions of each connection: each belongs to one, at the target that made it, so that no two requests of
 * one session are ever under way at once.
 */
function sessionsByConnection(job: LoadJob, sessions: readonly LiveSession[]): LiveSession[][] {
  const targets = job.targets.length;
  const lists = Array.from({ length: job.connections }, (): LiveSession[] => []);
  const turns = Array<number>(targets).fill(0);
  for (const session of sessions) {
    const { target } = session;
    const sharers = Math.ceil((job.connections - target) / targets);
    const turn = (turns[target] as number) % sharers;
    turns[target] = turn + 1;
    lists[target + turn * targets]?.push(session);
  }
  return lists;
}

/** A login; in a mix, its session goes into the pool. */
function poolLogin(user: string, job: LoadJob, pool: LogoutPool): LiveRequest {
  const request = loginRequest(user, job.password);
  if (job.scenario === 'login') return request;
  return { ...request, onReply: (rawHeaders) => pool.give(credentialsInRaw(rawHeaders, job.transport)) };
}

/** A logout of whichever session the pool hands out at the moment of sending. */
function poolLogout(pool: LogoutPool): LiveRequest {
  const renew = () => logoutRequest({ credentials: pool.take() }).headers;
  return { ...logoutRequest({ credentials: {} }), renew };
}

/** Each session of a pool is logged out once: equal lists, so that all connections end together. */
export function planLogouts(job: LoadJob, sessions: readonly LiveSession[]): ConnectionPlan[] {
  const lists = sessionsByConnection(job, sessions).map((own) => own.map(logoutRequest));
  const shortest = Math.min(...lists.map((list) => list.length));
  return lists.map((list) => ({ requests: list.slice(0, shortest) }));
}

/**
 * A pool that hands out what was given first. Logins that fail give nothing back; should they empty it, sessions that
 * are out already are handed out again, for the row is invalid by those failures.
 */
export function createLogoutPool(sessions: readonly LiveSession[]): LogoutPool {
  const waiting = sessions.map((session) => session.credentials);
  let next = 0;
  return {
    take() {
      const credentials = waiting[next % waiting.length] ?? {};
      next += 1;
      return credentials;
    },
    give: (credentials) => void waiting.push(credentials),
  };
}
