import type { SliceResult } from '../load/job.ts';
import { loadResultOf } from '../load/load-result.ts';
import { createSliceLoop, type LoopTotals, type SliceLoad } from '../load/slice-loop.ts';
import { resultsOf } from '../load/tally.ts';
import { createHistogram } from '../stats/histogram.ts';
import type { FromProbe, ProbeJob, ProbeResult, StageResult, ToProbe } from './job.ts';
import { createRequests, type Requests } from './requests.ts';
import { type Seconds, startSeconds } from './seconds.ts';

/** The process of a probe's generator: the same loop as in runs, on one URL or a list of them. */

/** When the measured load began; `undefined` before. */
let measuring: { startedMs: number; cpu: NodeJS.CpuUsage } | undefined;
/** Returns what has been measured so far; `undefined` while nothing is under load. */
let stop: (() => Promise<ProbeResult | undefined>) | undefined;
let firstFailure: string | undefined;
/** The parts of the list. */
const targets: string[] = [];

function send(message: FromProbe): void {
  process.send?.(message);
}

async function run(job: ProbeJob, reports: boolean): Promise<ProbeResult | undefined> {
  const requests = createRequests(job, targets.splice(0));
  const recent = createHistogram();
  const loop = createSliceLoop({
    targets: [job.origin],
    plans: requests.plans,
    onFailure: (_request, status, body) => {
      firstFailure ??=
        status === 0 ? `no HTTP reply: ${body.slice(0, 120)}` : `status ${status} ${body.slice(0, 120)}`;
    },
    seed: job.seed,
    resends: true,
    wire: job.wire ?? {},
    ...(reports ? { recent } : {}),
  });
  let seconds: Seconds | undefined;
  stop = () => {
    seconds?.end();
    return partOf(loop.take(), requests);
  };
  if (job.warmupSeconds > 0) {
    send({ type: 'phase', phase: 'warm-up' });
    await loop.run(job.warmupSeconds, warmupOf(job.load));
    loop.take();
    requests.restart();
    firstFailure = undefined;
  }
  send({ type: 'phase', phase: 'measured load' });
  measuring = { startedMs: performance.now(), cpu: process.cpuUsage() };
  if (reports) {
    seconds = startSeconds(loop, recent, job.durationSeconds, (second) => send({ type: 'second', second }));
  }
  const slice = await loop.run(job.durationSeconds, job.load);
  stop = undefined;
  seconds?.end();
  loop.close();
  return resultOf(loop.take(), requests, slice, false);
}

/** Stages are warmed up for by the first rate that is not 0, at its mean. */
function warmupOf(load: SliceLoad): SliceLoad {
  if (load.model !== 'stages') return load;
  const first = load.stages.find(({ fromRps, toRps }) => fromRps + toRps > 0);
  const ratePerSecond = ((first?.fromRps ?? 0) + (first?.toRps ?? 0)) / 2;
  return { model: 'open', ratePerSecond, arrivals: load.arrivals };
}

/** The figures so far. Requests in flight, and those that wait for a connection, count as in flight. */
async function partOf(totals: LoopTotals, requests: Requests): Promise<ProbeResult | undefined> {
  if (measuring === undefined) return undefined;
  const { user, system } = process.cpuUsage(measuring.cpu);
  const seconds = (performance.now() - measuring.startedMs) / 1000;
  return resultOf(
    { ...totals, seconds, cpuNs: (user + system) * 1000 },
    requests,
    { backlogEnd: 0, outstandingEnd: 0 },
    true,
  );
}

async function resultOf(
  totals: LoopTotals,
  requests: Requests,
  ends: Pick<SliceResult, 'backlogEnd' | 'outstandingEnd'>,
  isPartial: boolean,
): Promise<ProbeResult> {
  const { backlogEnd, outstandingEnd } = ends;
  const targetCounts = requests.counts();
  const stages = totals.stages === undefined ? undefined : await stagesOf(totals.stages, ends);
  return {
    load: {
      ...(await loadResultOf(totals)),
      ...(firstFailure === undefined ? {} : { firstFailure }),
    },
    backlogEnd,
    outstandingEnd,
    ...(stages === undefined ? {} : { stages }),
    ...(targetCounts === undefined ? {} : { targets: targetCounts }),
    isPartial,
  };
}

/** The last stage ends with the load. */
function stagesOf(
  stages: NonNullable<LoopTotals['stages']>,
  ends: Pick<SliceResult, 'backlogEnd' | 'outstandingEnd'>,
): Promise<StageResult[]> {
  return Promise.all(
    stages.map(async ({ tallies, backlogEnd, outstandingEnd }, index) => {
      const [all] = await resultsOf(tallies);
      if (all === undefined) throw new Error('expected a row of all operations in a stage, got none');
      return { all, ...(index === stages.length - 1 ? ends : { backlogEnd, outstandingEnd }) };
    }),
  );
}

function reportResult(work: Promise<ProbeResult | undefined>): void {
  work.then(
    (result) => send({ type: 'probed', ...(result === undefined ? {} : { result }) }),
    (error: unknown) =>
      send({ type: 'failed', message: error instanceof Error ? error.message : String(error) }),
  );
}

process.on('message', (message: ToProbe) => {
  if (message.type === 'targets') targets.push(message.lines);
  else if (message.type === 'probe') reportResult(run(message.job, message.reports));
  // Otherwise the load has just ended and its result is on the way.
  else if (stop !== undefined) reportResult(stop());
});
// The harness has died, even by kill -9.
process.on('disconnect', () => process.exit(0));
send({ type: 'ready', port: 0 });
