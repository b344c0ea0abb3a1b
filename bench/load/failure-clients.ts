import { seededRandom, shuffled } from '../stats/random.ts';
import { followed } from './client.ts';
import type { Dialect } from './dialect.ts';
import { dialectOf } from './dialects.ts';
import type { LoadJob } from './job.ts';
import type { ConnectionPlan, LiveRequest } from './live-request.ts';
import { logInMany, logOutMany } from './population.ts';
import type { LiveSession, RawHeaders } from './scenarios.ts';

/** What the clients of a site know of their logins, and how it has answered them. */
export interface ClientLedger {
  /** Logins that were acknowledged, and that no client has ended. */
  live: Set<LiveSession>;
  /** Logouts that were acknowledged. */
  ended: Set<LiveSession>;
  /** One for each 401 to a read of a live session. */
  denied: LiveSession[];
  asAnother: number;
  staleAccepts: number;
}

/** Of 20 requests of a connection. */
const MIX = [
  ...Array<'read'>(14).fill('read'),
  ...Array<'read ended'>(3).fill('read ended'),
  ...(['log in', 'log in', 'log out'] as const),
];
/** Mixes in the list of a connection; after the last it begins again, with new logins of the same users. */
const MIXES = 15;
/** Sessions that are ended before the load. */
const ENDED_PER_CONNECTION = 2;
/** Those who log in during the load, so that none of them has a session before. */
const FIRST_NEW_USER = 2_000_000;

/**
 * Logs users in, some of them out again, and returns what the connections send: reads of both, logins, and logouts of what
 * was logged in meanwhile. Clients follow the cookie of a balancer as browsers do.
 */
export async function prepareClients(
  job: LoadJob,
  onProgress: (done: number) => void,
): Promise<{ plans: ConnectionPlan[]; ledger: ClientLedger }> {
  const dialect = dialectOf(job);
  const random = seededRandom(job.seed);
  const live = await logInMany(job, 0, job.sessions, onProgress);
  const ended = await logInMany(job, job.sessions, ENDED_PER_CONNECTION * job.connections);
  await logOutMany(job, ended);
  const ledger: ClientLedger = {
    live: new Set(live),
    ended: new Set(ended),
    denied: [],
    asAnother: 0,
    staleAccepts: 0,
  };
  const plans = Array.from({ length: job.connections }, (_, connection): ConnectionPlan => {
    const share = (all: readonly LiveSession[]) =>
      all.filter((_, index) => index % job.connections === connection);
    const own = { live: share(live), ended: share(ended), made: [] };
    const clients = clientsOf(own, ledger, dialect);
    const reads = shuffled(own.live, random).map(clients.read);
    const [readEnded, logOut] = [clients.readEnded(), clients.logOut()];
    let count = 0;
    const requestOf = (kind: (typeof MIX)[number]): LiveRequest => {
      count += 1;
      if (kind === 'read') return reads[count % reads.length] as LiveRequest;
      if (kind === 'read ended') return readEnded;
      if (kind === 'log out') return logOut;
      return clients.logIn(dialect.userName(FIRST_NEW_USER + count * job.connections + connection));
    };
    const mixes = Array.from({ length: MIXES }, () => shuffled(MIX, random)).flat();
    return { requests: mixes.map(requestOf) };
  });
  return { plans, ledger };
}

/** The sessions of one connection, on which one request at a time is on its way. */
interface OwnSessions {
  live: readonly LiveSession[];
  ended: LiveSession[];
  /** Logged in during the load, the oldest first. */
  made: LiveSession[];
}

function clientsOf({ ended, made }: OwnSessions, ledger: ClientLedger, dialect: Dialect) {
  const follow = (session: LiveSession, headers: RawHeaders) => {
    session.credentials = followed(session.credentials, headers());
  };
  return {
    read(session: LiveSession): LiveRequest {
      const read = dialect.read(session);
      return {
        ...read,
        isPure: false,
        renew: () => ({ ...session.credentials }),
        check(status, body, headers) {
          follow(session, headers);
          const isRight = read.check(status, body, headers);
          if (status === 401) ledger.denied.push(session);
          if (status === 200 && !isRight) ledger.asAnother += 1;
          return isRight;
        },
      };
    },
    /** Each in turn. */
    readEnded(): LiveRequest {
      let turn = 0;
      let session = ended[0] as LiveSession;
      return {
        ...dialect.read(session),
        isPure: false,
        onSend() {
          session = ended[turn % ended.length] as LiveSession;
          turn += 1;
        },
        renew: () => ({ ...session.credentials }),
        check(status, _, headers) {
          follow(session, headers);
          if (status === 200) ledger.staleAccepts += 1;
          return status === 401;
        },
      };
    },
    logIn: (user: string): LiveRequest => ({
      ...dialect.login(user),
      onReply(headers) {
        const session = { user, credentials: dialect.credentials(headers()), target: 0 };
        made.push(session);
        ledger.live.add(session);
      },
    }),
    /** Ends the oldest login of the load; without one, a session that has ended, which says nothing. */
    logOut(): LiveRequest {
      const spent = ended[0] as LiveSession;
      const logout = dialect.logout(spent);
      let leaving: LiveSession | undefined;
      return {
        ...logout,
        onSend() {
          leaving = made.shift();
          // From now on it may be in either state, until the reply.
          if (leaving !== undefined) ledger.live.delete(leaving);
        },
        renew: () => dialect.logout(leaving ?? spent).headers,
        check(status, body, headers) {
          if (leaving === undefined) return status < 500;
          const isRight = logout.check(status, body, headers);
          if (isRight) {
            ended.push(leaving);
            ledger.ended.add(leaving);
          }
          return isRight;
        },
      };
    },
  };
}
