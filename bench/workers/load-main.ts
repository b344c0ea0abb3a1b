import { type ArmLoad, prepareArm } from '../load/arm-load.ts';
import { startSeconds } from '../probe/seconds.ts';
import { bucketsOf, createHistogram } from '../stats/histogram.ts';
import { type FromLoad, type ToLoad, type WorkerJob, type WorkerResult, wallMs } from './job.ts';

/** The process of a worker's load generator: the same loop as in runs, in one slice that has no pause in it. */

const recent = createHistogram();
let prepared: { arm: ArmLoad; work: WorkerJob } | undefined;
let isRunning = false;
let isStopped = false;

function send(message: FromLoad): void {
  process.send?.(message);
}

async function prepare(work: WorkerJob): Promise<void> {
  const arm = await prepareArm(work.job, (text) => send({ type: 'progress', text }), recent);
  prepared = { arm, work };
  send({ type: 'prepared' });
}

async function start(): Promise<void> {
  if (prepared === undefined) throw new Error('expected sessions before the load, got none');
  isRunning = true;
  const result = await run(prepared.arm, prepared.work);
  isRunning = false;
  send({ type: 'loaded', ...(result === undefined ? {} : { result }) });
}

async function run(
  arm: ArmLoad,
  { warmupSeconds, durationSeconds, load }: WorkerJob,
): Promise<WorkerResult | undefined> {
  if (warmupSeconds > 0) {
    await arm.replenish(warmupSeconds);
    if (!isStopped) await arm.slice(warmupSeconds, load);
    await arm.collect();
  }
  await arm.replenish(durationSeconds);
  if (isStopped) return undefined;
  send({ type: 'measuring' });
  const startedMs = wallMs();
  const seconds = reportSeconds(arm, durationSeconds);
  const { backlogEnd, outstandingEnd } = await arm.slice(durationSeconds, load);
  const [endedMs, isPartial] = [wallMs(), isStopped];
  seconds.end();
  return { load: await arm.collect(), backlogEnd, outstandingEnd, startedMs, endedMs, isPartial };
}

/** The times of a second are in `recent` until it is reported. */
function reportSeconds({ loop }: ArmLoad, durationSeconds: number) {
  if (loop === undefined) throw new Error('expected a scenario that connections send');
  let bytesBefore = 0;
  let cpuFrom = process.cpuUsage();
  return startSeconds(loop, recent, durationSeconds, ({ counts, seconds }) => {
    const { user, system } = process.cpuUsage(cpuFrom);
    const cpuPercent = seconds > 0 ? (user + system) / 1e4 / seconds : 0;
    const bytes = loop.look().tallies.reduce((sum, { responseBytes }) => sum + responseBytes, 0);
    const { ok, completed, connErrors, timeouts, dropped } = counts;
    const wrong = completed - ok + connErrors + timeouts + dropped;
    const second = { ok, wrong, bytes: bytes - bytesBefore, cpuPercent, times: bucketsOf(recent) };
    send({ type: 'second', second });
    bytesBefore = bytes;
    cpuFrom = process.cpuUsage();
  });
}

/** A slice that runs ends at once, and its result follows. */
function stop(): void {
  isStopped = true;
  if (isRunning) prepared?.arm.loop?.close();
  else send({ type: 'loaded' });
}

process.on('message', (message: ToLoad) => {
  if (message.type === 'stop') return stop();
  const work = message.type === 'prepare' ? prepare(message.work) : start();
  work.catch((error: unknown) =>
    send({ type: 'failed', message: error instanceof Error ? error.message : String(error) }),
  );
});
// The worker has died, even by kill -9.
process.on('disconnect', () => process.exit(0));
send({ type: 'ready', port: 0 });
