import { type ConnectionPlan, runAutocannon } from './autocannon-loop.ts';
import { createClient } from './client.ts';
import { createLogoutPool, planConnections, planLogouts } from './connection-plans.ts';
import type { FromGenerator, LoadJob, LoadResult, ToGenerator } from './job.ts';
import { logInMany, UnsupportedError } from './population.ts';
import { runRevocation } from './revocation.ts';
import { resultsOf } from './tally.ts';

/** Logouts of the warm-up take this share of the pool, which is made larger by it. */
const WARM_SHARE = 0.2;
/** Sessions that a mix may log out before its own logins give some back, per connection. */
const MIX_POOL_PER_CONNECTION = 16;
/** Users of pools begin here. */
const FIRST_POOL_USER = 1_000_000;

/** The load generator's process: prepares, warms up and measures when the harness says so over IPC. */
interface Prepared {
  warm: (seconds: number) => Promise<unknown>;
  measure: (seconds: number) => Promise<LoadResult>;
  sessionsLive: number;
}

let prepared: Prepared | undefined;
let firstFailure: string | undefined;

function send(message: FromGenerator): void {
  process.send?.(message);
}

async function handle(message: ToGenerator): Promise<void> {
  if (message.type === 'prepare') {
    prepared = await prepare(message.job);
    send({ type: 'prepared', sessionsLive: prepared.sessionsLive });
    return;
  }
  if (prepared === undefined) throw new Error('prepare comes before the load');
  if (message.type === 'warm') {
    await prepared.warm(message.seconds);
    firstFailure = undefined;
    send({ type: 'warmed' });
    return;
  }
  const result = await prepared.measure(message.seconds);
  const failure = firstFailure === undefined ? {} : { firstFailure };
  send({ type: 'measured', result: { ...result, ...failure } });
}

async function prepare(job: LoadJob): Promise<Prepared> {
  // A poll must not queue behind another for a connection of ours.
  const client = createClient(job.scenario === 'revocation' ? job.sessions : job.connections);
  if (job.scenario === 'revocation') {
    // It logs in as it goes; one login now tells whether such sessions can be had at all.
    await logInMany(client, job, FIRST_POOL_USER, 1, () => undefined);
    return {
      sessionsLive: job.sessions,
      warm: () => Promise.resolve(),
      measure: (seconds) => runRevocation(client, job, seconds),
    };
  }
  let lastTold = 0;
  const onProgress = (done: number) => {
    if (Date.now() - lastTold < 500) return;
    lastTold = Date.now();
    send({ type: 'progress', text: `${done} of ${job.sessions} sessions made` });
  };
  const sessions = await logInMany(client, job, 0, job.sessions, onProgress);
  const poolSize = job.scenario === 'mixed' ? MIX_POOL_PER_CONNECTION * job.connections : 0;
  const poolSessions = await logInMany(client, job, FIRST_POOL_USER, poolSize, () => undefined);
  const warmLogouts = Math.max(job.connections, Math.ceil(job.sessions * WARM_SHARE));
  const logouts = job.scenario === 'logout' ? job.sessions + warmLogouts : 0;
  const logoutSessions = await logInMany(client, job, FIRST_POOL_USER, logouts, onProgress);
  client.close();

  const loop = async (plans: readonly ConnectionPlan[], seconds: number, once: boolean) => {
    const options = { targets: job.targets, plans, seconds, once, onFailure: noteFailure };
    const { tallies, seconds: durationSeconds, cpuNs } = await runAutocannon(options);
    return { durationSeconds, cpuNs, operations: await resultsOf(tallies) };
  };
  if (job.scenario === 'logout') {
    const [warm, measured] = [logoutSessions.slice(job.sessions), logoutSessions.slice(0, job.sessions)];
    return {
      sessionsLive: job.sessions,
      warm: (seconds) => loop(planLogouts(job, warm), seconds, true),
      measure: (seconds) => loop(planLogouts(job, measured), seconds, true),
    };
  }
  const pools = job.targets.map((_, target) =>
    createLogoutPool(poolSessions.filter((session) => session.target === target)),
  );
  const plans = planConnections(job, sessions, pools);
  return {
    sessionsLive: sessions.length,
    warm: (seconds) => loop(plans, seconds, false),
    measure: (seconds) => loop(plans, seconds, false),
  };
}

function noteFailure(request: { operation: string }, status: number, body: string): void {
  firstFailure ??= `${request.operation} was answered ${status} ${body.slice(0, 120)}`;
}

process.on('message', (message: ToGenerator) => {
  handle(message).catch((error: unknown) => {
    if (error instanceof UnsupportedError) send({ type: 'unsupported', reason: error.message });
    else send({ type: 'failed', message: error instanceof Error ? error.message : String(error) });
  });
});
// The harness is gone, even by kill -9.
process.on('disconnect', () => process.exit(0));
send({ type: 'ready', port: 0 });
