import { planConnections, planLogouts, type SessionSource } from './connection-plans.ts';
import type { LoadJob } from './job.ts';
import type { ConnectionPlan } from './live-request.ts';
import { logInMany, logOutMany } from './population.ts';
import type { LiveSession } from './scenarios.ts';

/** What a job's connections send, and the sessions that a slice consumes or leaves behind. */
export interface Supply {
  plans: readonly ConnectionPlan[];
  /**
   * Untimed: removes the sessions that the last slice created, and creates those that the next one consumes, for about
   * `requests` requests. Returns new plans when they change.
   */
  replenish(requests: number): Promise<readonly ConnectionPlan[] | undefined>;
}

/** Sessions that a mix may log out before its own logins replace some, per connection. */
const MIX_POOL_PER_CONNECTION = 16;
/** Users of pools begin here, and their numbers are reused after this many. */
const FIRST_POOL_USER = 1_000_000;
const POOL_USERS = 1_000_000;

/** The supply of each scenario that has a population. */
export function createSupply(job: LoadJob, sessions: readonly LiveSession[]): Supply {
  if (job.scenario === 'logout') return logoutSupply(job);
  if (job.scenario === 'mixed') return mixedSupply(job, sessions);
  return loginSupply(job, sessions);
}

/** Numbers of users that no other session of a pool has at the same time. */
function poolUsers(job: LoadJob): (count: number) => Promise<LiveSession[]> {
  let made = 0;
  return (count) => {
    const first = FIRST_POOL_USER + (made % (POOL_USERS / 2));
    made += count;
    return logInMany(job, first, count);
  };
}

/** Each session of a pool is logged out once; the next slice uses what is left over. */
function logoutSupply(job: LoadJob): Supply {
  const pool = new Set<LiveSession>();
  const logIn = poolUsers(job);
  return {
    plans: Array.from({ length: job.connections }, () => ({ requests: [], isSentOnce: true })),
    async replenish(requests) {
      // At most the job's number of sessions: a slice that uses them up ends early.
      const wanted = Math.min(job.sessions, requests) + job.connections;
      for (const session of await logIn(Math.max(0, wanted - pool.size))) pool.add(session);
      return planLogouts(job, [...pool], (session) => pool.delete(session));
    },
  };
}

/** The logins of a mix supply its logouts, first in, first out. */
function mixedSupply(job: LoadJob, sessions: readonly LiveSession[]): Supply {
  const pools = job.targets.map((): LiveSession[] => []);
  const logIn = poolUsers(job);
  const wanted = Math.ceil((MIX_POOL_PER_CONNECTION * job.connections) / pools.length);
  /** Reused when a pool is empty: then logins have failed, which makes the row invalid. */
  let last: LiveSession | undefined;
  const source: SessionSource = {
    take(target) {
      last = pools[target]?.shift() ?? last;
      return last?.credentials ?? {};
    },
    give: (session) => void pools[session.target]?.push(session),
  };
  return {
    plans: planConnections(job, sessions, source),
    async replenish() {
      const surplus = pools.flatMap((pool) => pool.splice(wanted));
      await logOutMany(job, surplus);
      const missing = Math.max(...pools.map((pool) => wanted - pool.length));
      for (const session of await logIn(missing * pools.length)) source.give(session);
      return undefined;
    },
  };
}

/** Logins and visits leave sessions behind; the other scenarios of this kind need and leave none. */
function loginSupply(job: LoadJob, sessions: readonly LiveSession[]): Supply {
  let made: LiveSession[] = [];
  const source: SessionSource = {
    take: () => ({}),
    give: (session) => void made.push(session),
  };
  return {
    plans: planConnections(job, sessions, source),
    async replenish() {
      const old = made;
      made = [];
      await logOutMany(job, old);
      return undefined;
    },
  };
}
