import { type Client, credentialsOf } from './client.ts';
import { dialectOf } from './dialects.ts';
import { type LoadJob, leastPerSecond } from './job.ts';
import type { LiveRequest } from './live-request.ts';
import type { LiveSession, PlannedRequest } from './scenarios.ts';
import { createSliceLoop, type LoopTotals } from './slice-loop.ts';

/** The backend reports that it cannot hold such a session: not a failure, but a row of its own. */
export class UnsupportedError extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = 'UnsupportedError';
  }
}

/** More concurrent logins are not faster, they only wait in longer queues. */
const MAX_AT_ONCE = 64;
/** Of others, whose logins may hash passwords slowly: each waits for those before it. */
const MAX_AT_ONCE_ELSEWHERE = 8;

/**
 * Logs users in, untimed, over separate connections, and returns their sessions. Logins go to the targets in turn.
 * @throws UnsupportedError when a session does not fit the backend; Error for any other refused login.
 */
export async function logInMany(
  job: LoadJob,
  firstUser: number,
  count: number,
  onProgress: (done: number) => void = () => undefined,
): Promise<LiveSession[]> {
  if (count === 0) return [];
  const sessions: LiveSession[] = [];
  let failure: Error | undefined;
  const dialect = dialectOf(job);
  const requestOf = (index: number, target: number): LiveRequest => {
    const user = dialect.userName(firstUser + index);
    return {
      ...dialect.login(user),
      onReply(headers) {
        sessions[index] = { user, credentials: dialect.credentials(headers()), target };
        onProgress(index);
      },
    };
  };
  const totals = await sendOnce(job, count, requestOf, (_request, status, body) => {
    failure ??= refusalOf(job, status, body);
    return true;
  });
  if (failure !== undefined) throw failure;
  expectAllReplied(totals, count, 'logins');
  return sessions;
}

/** Reads each of these sessions once, untimed, where only that tells what later reads must show. */
export async function readFirst(job: LoadJob, sessions: readonly LiveSession[]): Promise<void> {
  const { firstRead } = dialectOf(job);
  if (firstRead === undefined || sessions.length === 0) return;
  let failure: Error | undefined;
  const requestOf = (index: number) => {
    const session = sessions[index] as LiveSession;
    return firstRead(session, (shown) => {
      session.shows = shown;
    });
  };
  const totals = await sendOnce(job, sessions.length, requestOf, (_request, status, body) => {
    failure ??= new Error(`a read after a login got ${status} ${body.slice(0, 120)}`);
    return true;
  });
  if (failure !== undefined) throw failure;
  expectAllReplied(totals, sessions.length, 'reads');
}

/**
 * Logs these sessions out, untimed, each through the target that created it. A session that a server does not know (any
 * more) counts as logged out. @throws Error when logouts get no reply.
 */
export async function logOutMany(job: LoadJob, sessions: readonly LiveSession[]): Promise<void> {
  const { logout } = dialectOf(job);
  for (let target = 0; target < job.targets.length; target += 1) {
    const own = sessions.filter((session) => session.target === target);
    if (own.length === 0) continue;
    const through = { ...job, targets: [job.targets[target] as string] };
    const requestOf = (index: number) => logout(own[index] as LiveSession);
    const totals = await sendOnce(through, own.length, requestOf, () => false);
    expectAllReplied(totals, own.length, 'logouts');
  }
}

/** Sends each of these requests once. `onFailure` returns whether a failure ends it. */
async function sendOnce(
  job: LoadJob,
  count: number,
  requestOf: (index: number, target: number) => LiveRequest,
  onFailure: (request: PlannedRequest, status: number, body: string) => boolean,
): Promise<LoopTotals> {
  const targets = job.targets.length;
  // The same number for each target, so that they share the sessions and the turns equally.
  const atOnce = job.site === undefined ? MAX_AT_ONCE : MAX_AT_ONCE_ELSEWHERE;
  const connections = Math.max(1, Math.floor(Math.min(job.connections, atOnce, count) / targets)) * targets;
  const lists = Array.from({ length: connections }, (): LiveRequest[] => []);
  for (let index = 0; index < count; index += 1) {
    lists[index % connections]?.push(requestOf(index, index % targets));
  }
  const loop = createSliceLoop({
    targets: job.targets,
    wire: job.wire ?? {},
    plans: lists.map((requests) => ({ requests, isSentOnce: true })),
    seed: job.seed,
    onFailure: (request, status, body) => void (onFailure(request, status, body) && loop.close()),
  });
  try {
    await loop.run(10 + count / leastPerSecond(job), { model: 'closed' });
    return loop.take();
  } finally {
    loop.close();
  }
}

function expectAllReplied({ tallies }: LoopTotals, count: number, what: string): void {
  let completed = 0;
  for (const tally of tallies.values()) completed += tally.completed;
  if (completed < count) throw new Error(`${count - completed} of ${count} ${what} got no reply`);
}

/** Logs one user in. @throws as `logInMany`. */
export async function logIn(
  client: Client,
  job: LoadJob,
  user: string,
  target: number,
): Promise<LiveSession> {
  const base = job.targets[target] as string;
  const reply = await client.send(base, 'POST', '/login', {}, { user, password: job.password });
  const credentials = credentialsOf(reply.headers, job.transport);
  if (reply.status !== 200 || credentials === undefined) throw refusalOf(job, reply.status, reply.body);
  return { user, credentials, target };
}

function refusalOf(job: LoadJob, status: number, body: string): Error {
  return status === 413
    ? new UnsupportedError(
        `${job.payloadBytes} bytes of data are more than the backend takes: a token must fit a ${job.transport}, an item the limit of its store`,
      )
    : new Error(`a login got ${status} ${body.slice(0, 120)}`);
}
