import { userName } from '../../servers/protocol.ts';
import { type Client, credentialsOf } from './client.ts';
import type { LoadJob } from './job.ts';
import type { LiveSession } from './scenarios.ts';

/** The backend says that it cannot hold such a session: no failure, but a row of its own. */
export class UnsupportedError extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = 'UnsupportedError';
  }
}

/** More at once make no more logins, only longer queues. */
const MOST_LOGINS_AT_ONCE = 64;

/**
 * Logs users in, untimed, and answers their sessions in order. Logins go to the targets in turn.
 * @throws UnsupportedError when a session does not fit the backend; Error for any other refused login.
 */
export async function logInMany(
  client: Client,
  job: LoadJob,
  firstUser: number,
  count: number,
  onProgress: (done: number) => void,
): Promise<LiveSession[]> {
  const sessions = new Array<LiveSession>(count);
  let next = 0;
  const worker = async () => {
    for (let index = next++; index < count; index = next++) {
      sessions[index] = await logIn(client, job, userName(firstUser + index), index % job.targets.length);
      onProgress(index);
    }
  };
  await Promise.all(Array.from({ length: Math.min(job.connections, MOST_LOGINS_AT_ONCE, count) }, worker));
  return sessions;
}

async function logIn(client: Client, job: LoadJob, user: string, target: number): Promise<LiveSession> {
  const base = job.targets[target] as string;
  const reply = await client.send(base, 'POST', '/login', {}, { user, password: job.password });
  if (reply.status === 413) {
    const bytes = job.payloadBytes;
    throw new UnsupportedError(
      `a token with ${bytes} bytes of data is longer than a ${job.transport} may be`,
    );
  }
  const credentials = credentialsOf(reply.headers, job.transport);
  if (reply.status !== 200 || credentials === undefined) {
    throw new Error(`login of ${user} was answered ${reply.status} ${reply.body.slice(0, 120)}`);
  }
  return { user, credentials, target };
}
