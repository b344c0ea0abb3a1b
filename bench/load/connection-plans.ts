import type { Scenario } from '../config/words.ts';
import { seededRandom, shuffled } from '../stats/random.ts';
import { type Credentials, renewedCredentials } from './client.ts';
import type { Dialect } from './dialect.ts';
import { dialectOf } from './dialects.ts';
import type { LoadJob, Operation } from './job.ts';
import type { ConnectionPlan, LiveRequest } from './live-request.ts';
import { keySequence, type LiveSession, MIX } from './scenarios.ts';

/** Where the requests of a mix take sessions from, and put those that they create. */
export interface SessionSource {
  /** The session that a logout ends. */
  take(target: number): Credentials;
  /** Receives each session that a login created. */
  give(session: LiveSession): void;
}

/** Users of the login scenario begin here, so that none of them has a session in the population. */
const FIRST_LOGIN_USER = 2_000_000;
/** Maximum bytes of prebuilt requests: with larger payloads each connection uses fewer of its sessions. */
const PREBUILT_BYTES = 64 * 1024 * 1024;
const HEAD_BYTES = 512;
/** Minimum length of a connection's list. */
const LIST_LENGTH = 600;

/** What each connection sends repeatedly. */
export function planConnections(
  job: LoadJob,
  sessions: readonly LiveSession[],
  source: SessionSource,
): ConnectionPlan[] {
  const random = seededRandom(job.seed);
  const dialect = dialectOf(job);
  const writesBodies = job.scenario === 'update' || job.scenario === 'mixed';
  const bytesEach = HEAD_BYTES + (writesBodies ? job.payloadBytes : 0);
  const room = Math.max(1, Math.floor(PREBUILT_BYTES / bytesEach / job.connections));
  return sessionsByConnection(job, sessions).map((all, connection) => {
    const own = all.slice(0, room);
    // Whole mixes: each list logs in as often as it logs out.
    const length = Math.ceil(Math.max(own.length, LIST_LENGTH) / MIX.length) * MIX.length;
    const keys = keySequence(job.keys, own.length, length, random);
    const mix = job.scenario === 'mixed' ? shuffled(MIX, random) : [operationOf(job.scenario)];
    const target = connection % job.targets.length;
    const newUser = (index: number) => dialect.userName(FIRST_LOGIN_USER + connection * length + index);
    const reads = own.map(job.takesUp === true ? (one) => renewedRead(one, dialect, job) : dialect.read);
    const updates = writesBodies ? own.map(dialect.update) : [];
    const requestOf: Record<Operation, (key: number, index: number) => LiveRequest> = {
      read: (key) => reads[key] as LiveRequest,
      update: (key) => updates[key] as LiveRequest,
      login: (_, index) => newLogin(newUser(index), target, dialect, source),
      logout: () => anyLogout(target, dialect, source),
      visit: () => newVisit(target, dialect, source),
    };
    const requests = keys.map((key, index) => requestOf[mix[index % mix.length] as Operation](key, index));
    return { requests };
  });
}

/** What a scenario of one operation sends. A scenario that is none of these does not compile. */
function operationOf(scenario: Exclude<Scenario, 'mixed'>): Operation {
  if (scenario === 'revocation' || scenario === 'failure')
    throw new Error(`expected a scenario of one operation, got ${scenario}`);
  return scenario;
}

/**
 * The sessions of each connection. Each session belongs to one connection, at the target that created it, so that two
 * requests of a session are never in flight at once.
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

/** A read that goes on with the token of a reply, as a browser does: a touch of a token issues another one. */
function renewedRead(session: LiveSession, dialect: Dialect, { transport }: LoadJob): LiveRequest {
  let { credentials } = session;
  return {
    ...dialect.read(session),
    takeUp(headers) {
      const renewed = renewedCredentials(headers(), transport, credentials);
      if (renewed === undefined) return undefined;
      credentials = renewed;
      return { ...renewed };
    },
  };
}

/** A login, whose session is given away. */
function newLogin(user: string, target: number, dialect: Dialect, source: SessionSource): LiveRequest {
  return {
    ...dialect.login(user),
    onReply: (headers) => source.give({ user, target, credentials: dialect.credentials(headers()) }),
  };
}

/** A visit, whose session is given away: it has no user. */
function newVisit(target: number, dialect: Dialect, source: SessionSource): LiveRequest {
  return {
    ...dialect.visit(),
    onReply: (headers) => source.give({ user: '', target, credentials: dialect.credentials(headers()) }),
  };
}

/** A logout of any session that is available when it is sent. */
function anyLogout(target: number, { logout }: Dialect, source: SessionSource): LiveRequest {
  const renew = () => logout({ credentials: source.take(target) }).headers;
  return { ...logout({ credentials: {} }), renew };
}

/**
 * Logs each session out once, in lists of equal length, so that all connections end together. Calls `onSend` for each.
 */
export function planLogouts(
  job: LoadJob,
  sessions: readonly LiveSession[],
  onSend: (session: LiveSession) => void,
): ConnectionPlan[] {
  const { logout } = dialectOf(job);
  const lists = sessionsByConnection(job, sessions);
  const shortest = Math.min(...lists.map((list) => list.length));
  return lists.map((list) => ({
    isSentOnce: true,
    requests: list.slice(0, shortest).map((session) => ({
      ...logout(session),
      onSend: () => onSend(session),
    })),
  }));
}
