import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, createClient } from './client.ts';
import type { ClientLedger } from './failure-clients.ts';
import type { FailureResult, LoadJob } from './job.ts';
import type { LiveSession } from './scenarios.ts';

/** What is found of the sessions of a load after it: each server is asked, past the balancer. */

type Found = 'alive' | 'gone' | 'unknown';

const AT_ONCE = 16;
/** Of all sessions together: by then a server that does not answer will not. */
const LIMIT_MS = 10_000;
const PAUSE_MS = 200;

/** Looks for every session that a client was told of. */
export async function auditOf(
  job: LoadJob,
  { live, ended, denied }: ClientLedger,
): Promise<Omit<FailureResult, 'seconds' | 'lastTroubleSeconds' | 'asAnother' | 'staleAccepts'>> {
  const client = createClient(AT_ONCE);
  const deadlineMs = performance.now() + LIMIT_MS;
  try {
    const find = (session: LiveSession) => findSession(client, job, session, deadlineMs);
    const [ofLive, ofEnded] = [await findEach(live, find), await findEach(ended, find)];
    const count = (found: ReadonlyMap<LiveSession, Found>, what: Found) =>
      [...found.values()].filter((one) => one === what).length;
    return {
      deniedAlive: denied.filter((session) => ofLive.get(session) === 'alive').length,
      logins: live.size,
      loginsLost: count(ofLive, 'gone'),
      logouts: ended.size,
      logoutsUndone: count(ofEnded, 'alive'),
      unknown: count(ofLive, 'unknown') + count(ofEnded, 'unknown'),
    };
  } finally {
    client.close();
  }
}

async function findEach(
  sessions: ReadonlySet<LiveSession>,
  find: (session: LiveSession) => Promise<Found>,
): Promise<Map<LiveSession, Found>> {
  const found = new Map<LiveSession, Found>();
  const queue = sessions.values();
  const work = async () => {
    for (const session of queue) found.set(session, await find(session));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return found;
}

/** It lives where one server knows it, and is gone when each says that it does not. */
async function findSession(
  client: Client,
  { servers }: LoadJob,
  session: LiveSession,
  deadlineMs: number,
): Promise<Found> {
  for (;;) {
    const answers = await Promise.all(servers.map((server) => ask(client, server, session)));
    if (answers.includes('alive')) return 'alive';
    if (answers.every((answer) => answer === 'gone')) return 'gone';
    if (performance.now() > deadlineMs) return 'unknown';
    await sleep(PAUSE_MS);
  }
}

async function ask(client: Client, server: string, { user, credentials }: LiveSession): Promise<Found> {
  const reply = await client.send(server, 'GET', '/session', credentials).catch(() => undefined);
  if (reply?.status === 200 && reply.body.startsWith(`{"user":"${user}",`)) return 'alive';
  // Without a reply, and in an outage, nothing is known of it.
  return reply?.status === 401 ? 'gone' : 'unknown';
}
