import type { SliceResult } from '../load/job.ts';
import type { LiveRequest } from '../load/live-request.ts';
import { loadResultOf } from '../load/load-result.ts';
import { createSliceLoop, type LoopTotals } from '../load/slice-loop.ts';
import type { FromProbe, ProbeJob, ProbeResult, ToProbe } from './job.ts';

/** The process of a probe's generator: the same loop as in runs, on one URL. */

/** When the measured load began; `undefined` before. */
let measuring: { startedMs: number; cpu: NodeJS.CpuUsage } | undefined;
/** Returns what has been measured so far; `undefined` while nothing is under load. */
let stop: (() => Promise<ProbeResult | undefined>) | undefined;
let firstFailure: string | undefined;

function send(message: FromProbe): void {
  process.send?.(message);
}

/** All but refusals are correct, including a redirect. */
function requestOf(job: ProbeJob): LiveRequest {
  return {
    operation: 'read',
    method: 'GET',
    path: job.path,
    headers: job.headers,
    check: (status) => status >= 200 && status < 400,
  };
}

async function run(job: ProbeJob): Promise<ProbeResult | undefined> {
  const plan = { requests: [requestOf(job)] };
  const loop = createSliceLoop({
    targets: [job.origin],
    plans: Array.from({ length: job.connections }, () => plan),
    onFailure: (_request, status, body) => {
      firstFailure ??=
        status === 0 ? `no HTTP reply: ${body.slice(0, 120)}` : `status ${status} ${body.slice(0, 120)}`;
    },
    seed: job.seed,
  });
  stop = () => partOf(loop.take());
  if (job.warmupSeconds > 0) {
    send({ type: 'phase', phase: 'warm-up' });
    await loop.run(job.warmupSeconds, job.load);
    loop.take();
    firstFailure = undefined;
  }
  send({ type: 'phase', phase: 'measured load' });
  measuring = { startedMs: performance.now(), cpu: process.cpuUsage() };
  const slice = await loop.run(job.durationSeconds, job.load);
  stop = undefined;
  loop.close();
  return resultOf(loop.take(), slice, false);
}

/** The figures so far. Requests in flight, and those that wait for a connection, count as in flight. */
async function partOf(totals: LoopTotals): Promise<ProbeResult | undefined> {
  if (measuring === undefined) return undefined;
  const { user, system } = process.cpuUsage(measuring.cpu);
  const seconds = (performance.now() - measuring.startedMs) / 1000;
  return resultOf(
    { ...totals, seconds, cpuNs: (user + system) * 1000 },
    { backlogEnd: 0, outstandingEnd: 0 },
    true,
  );
}

async function resultOf(
  totals: LoopTotals,
  { backlogEnd, outstandingEnd }: Pick<SliceResult, 'backlogEnd' | 'outstandingEnd'>,
  isPartial: boolean,
): Promise<ProbeResult> {
  const failure = firstFailure === undefined ? {} : { firstFailure };
  return {
    load: { ...(await loadResultOf(totals)), ...failure },
    backlogEnd,
    outstandingEnd,
    isPartial,
  };
}

function reportResult(work: Promise<ProbeResult | undefined>): void {
  work.then(
    (result) => send({ type: 'probed', ...(result === undefined ? {} : { result }) }),
    (error: unknown) =>
      send({ type: 'failed', message: error instanceof Error ? error.message : String(error) }),
  );
}

process.on('message', (message: ToProbe) => {
  if (message.type === 'probe') reportResult(run(message.job));
  // Otherwise the load has just ended and its result is on the way.
  else if (stop !== undefined) reportResult(stop());
});
// The harness has died, even by kill -9.
process.on('disconnect', () => process.exit(0));
send({ type: 'ready', port: 0 });
