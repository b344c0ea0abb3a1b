import { setTimeout } from 'node:timers/promises';
import { userName } from '../../servers/protocol.ts';
import { createHistogram, encodeHistogram, recordUs } from '../stats/histogram.ts';
import type { Client } from './client.ts';
import type { LoadJob, LoadResult, Operation, RevocationResult } from './job.ts';
import { logIn } from './population.ts';
import type { LiveSession } from './scenarios.ts';
import { countReply, countSent, createTally, resultsOf, type Tally } from './tally.ts';

/** Polls come at once at first, then ever slower: the time of the first refusal is accurate to within 5 %. */
const POLL_PAUSE_SHARE = 0.05;
/** Interval between sessions: where a logout works at once, no two are in progress together. */
const BEGIN_EVERY_MS = 50;

/**
 * Logs users in, logs each out through one server, and polls every server that knew the session until that server
 * refuses. `seconds` bounds the wait for one session: a server that still accepts it then counts as never refusing.
 */
export async function runRevocation(client: Client, job: LoadJob, seconds: number): Promise<LoadResult> {
  const [logins, reads, logouts, visible] = [createTally(), createTally(), createTally(), createHistogram()];
  const state = { staleAccepts: 0, neverRefused: 0 };
  const [startedNs, cpuBefore] = [process.hrtime.bigint(), process.cpuUsage()];

  const revoke = async (index: number) => {
    // Logs in as late as possible: the short life begins here.
    const loginNs = process.hrtime.bigint();
    const session = await logIn(client, job, userName(index), 0);
    countSent(logins, 0);
    countReply(logins, 200, true, usSince(loginNs), 0);
    const knowing: string[] = [];
    for (const server of job.servers) {
      if ((await sendRead(client, server, session, reads)) === 200) knowing.push(server);
    }
    if (knowing.length === 0)
      throw new Error(
        `expected a server to accept the session of ${session.user} before its logout, got none`,
      );
    const sentNs = process.hrtime.bigint();
    const through = knowing[index % knowing.length] as string;
    const reply = await client.send(through, 'POST', '/logout', session.credentials);
    countSent(logouts, 0);
    countReply(logouts, reply.status, reply.status === 200, usSince(sentNs), reply.body.length);
    await Promise.all(knowing.map((server) => pollUntilRefused(server, session, sentNs)));
  };

  const pollUntilRefused = async (server: string, session: LiveSession, sentNs: bigint) => {
    const limitUs = seconds * 1e6;
    for (let elapsedUs = 0; elapsedUs < limitUs; elapsedUs = usSince(sentNs)) {
      const status = await sendRead(client, server, session, reads);
      if (status === 401) return recordUs(visible, usSince(sentNs));
      // Accepted although the reply to the logout had arrived before this read was sent. An error is neither.
      if (status === 200) state.staleAccepts += 1;
      await setTimeout((usSince(sentNs) * POLL_PAUSE_SHARE) / 1000);
    }
    state.neverRefused += 1;
  };

  const under = Array.from({ length: job.sessions }, async (_, index) => {
    await setTimeout(index * BEGIN_EVERY_MS);
    await revoke(index);
  });
  await Promise.all(under);

  const durationSeconds = Number(process.hrtime.bigint() - startedNs) / 1e9;
  const { user, system } = process.cpuUsage(cpuBefore);
  const revocation: RevocationResult = { visible: await encodeHistogram(visible), ...state };
  const tallies = new Map<Operation, Tally>([
    ['login', logins],
    ['read', reads],
    ['logout', logouts],
  ]);
  const operations = await resultsOf(tallies);
  return { durationSeconds, cpuNs: (user + system) * 1000, operations, revocation };
}

/** A read past the balancer. A refusal (401) is the correct reply for a revoked session. */
async function sendRead(client: Client, server: string, session: LiveSession, tally: Tally): Promise<number> {
  const sentNs = process.hrtime.bigint();
  countSent(tally, 0);
  const reply = await client.send(server, 'GET', '/session', session.credentials);
  const isRight =
    reply.status === 401 || (reply.status === 200 && reply.body.startsWith(`{"user":"${session.user}",`));
  countReply(tally, reply.status, isRight, usSince(sentNs), reply.body.length);
  return reply.status;
}

function usSince(startNs: bigint): number {
  return Number(process.hrtime.bigint() - startNs) / 1000;
}
