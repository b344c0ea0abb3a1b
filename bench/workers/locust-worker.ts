import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { BenchError } from '../errors.ts';
import type { WorkerSecond } from './job.ts';
import { type LocustAddress, type LocustModule, NO_VERSION, statsOf, usersIn } from './locust-messages.ts';

/** A worker as Locust's master sees it: it comes, spawns users, reports, stops and quits (locust/runners.py of 2.12). */
export interface LocustWorker {
  /** Reported within a second. */
  count(second: WorkerSecond): void;
  /** Reports the rest and leaves. */
  close(): Promise<void>;
}

/** What the master wants. */
export interface LocustOrders {
  /** All users are there: the load begins. Called once. */
  onStart(): void;
  /** The load ends, whether it is over or not. */
  onStop(): void;
  onStep(text: string): void;
  /** Called once. */
  onFailed(error: BenchError): void;
}

const REPORT_MS = 1_000;
const READY_EVERY_MS = 5_000;
const READY_MS = 60_000;

/** @param load name of what is sent, and the number of users that make it. */
export function joinLocust(
  { connectLocust }: LocustModule,
  address: LocustAddress,
  load: { name: string; users: number },
  orders: LocustOrders,
): LocustWorker {
  const id = `${hostname()}_${randomBytes(16).toString('hex')}`;
  const where = `${address.host}:${address.port}`;
  let state: 'ready' | 'running' = 'ready';
  let users: Readonly<Record<string, number>> = {};
  let [hasJoined, hasStarted, isOver] = [false, false, false];
  let lastSpawn = 0;
  let cpuPercent = 0;
  let seconds: WorkerSecond[] = [];

  const fail = (code: 'SERVICE_UNREACHABLE' | 'CONFLICT', expected: string, got: string, remedy: string) => {
    if (isOver) return;
    isOver = true;
    orders.onFailed(new BenchError({ code, expected, got, remedy }));
  };
  const client = connectLocust(address, id, {
    onMessage,
    onLost: (why) =>
      fail('SERVICE_UNREACHABLE', `the Locust master at ${where} until the end`, why, 'Start all again.'),
  });
  const report = () => {
    client.send('stats', statsOf(load.name, seconds, Date.now() / 1000, users));
    seconds = [];
  };
  const beat = () =>
    client.send('heartbeat', {
      state,
      current_cpu_usage: cpuPercent,
      current_memory_usage: process.memoryUsage.rss(),
    });
  const comeReady = () => client.send('client_ready', NO_VERSION);

  function spawn(data: unknown): void {
    const wanted = usersIn(data);
    const { timestamp = 0 } = (data ?? {}) as { timestamp?: number };
    // Messages may overtake one another.
    if (wanted === undefined || timestamp <= lastSpawn) return;
    lastSpawn = timestamp;
    client.send('spawning');
    users = wanted.counts;
    state = 'running';
    client.send('spawning_complete', { user_classes_count: users, user_count: wanted.total });
    const expected = `${load.users} users for each worker from Locust, one for each connection`;
    const remedy = 'Start Locust with -u as -c of pnpm bench collect says.';
    if (wanted.total > load.users) fail('CONFLICT', expected, `${wanted.total}`, remedy);
    else if (hasStarted && wanted.total !== load.users)
      fail('CONFLICT', `${load.users} users until the end of the load`, `${wanted.total}`, remedy);
    else if (wanted.total < load.users)
      orders.onStep(
        `has ${wanted.total} of ${load.users} users from Locust (-u is -c of pnpm bench collect)`,
      );
    else if (!hasStarted) {
      hasStarted = true;
      orders.onStart();
    }
  }

  function onMessage(type: string, data: unknown): void {
    if (isOver) return;
    if (type === 'ack') {
      if (!hasJoined) orders.onStep('waits for Locust to start');
      hasJoined = true;
    } else if (type === 'spawn') spawn(data);
    else if (type === 'stop') {
      orders.onStop();
      users = {};
      state = 'ready';
      client.send('client_stopped');
      comeReady();
    } else if (type === 'quit') {
      report();
      orders.onStop();
      // The master ends next.
      isOver = true;
    }
  }

  const beganMs = performance.now();
  const coming = setInterval(() => {
    if (hasJoined) return clearInterval(coming);
    if (performance.now() - beganMs < READY_MS) return comeReady();
    const got = `no reply in ${READY_MS / 1000} s`;
    fail(
      'SERVICE_UNREACHABLE',
      `a Locust master at ${where}`,
      got,
      'Start locust --master there, or correct --master.',
    );
  }, READY_EVERY_MS);
  const reporting = setInterval(() => {
    if (!hasJoined || isOver) return;
    beat();
    report();
  }, REPORT_MS);
  orders.onStep(`comes to the Locust master at ${where}`);
  comeReady();
  return {
    count(second) {
      seconds.push(second);
      cpuPercent = second.cpuPercent;
    },
    async close() {
      clearInterval(coming);
      clearInterval(reporting);
      if (hasJoined && !isOver) {
        report();
        client.send('quit');
      }
      isOver = true;
      await client.close();
    },
  };
}
