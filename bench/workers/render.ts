import { cellsOf } from '../probe/cells.ts';
import type { ProbeJob } from '../probe/job.ts';
import { renderProbe } from '../probe/render.ts';
import type { Row } from '../results/row.ts';
import { counted, whole } from '../results/text.ts';
import type { Collected } from './collect.ts';
import type { CollectConfig } from './config.ts';
import { windowOf } from './merge.ts';
import type { Peer } from './peer.ts';
import { shareOf } from './share.ts';

/** The figures of several workers, for people and as JSON. Pure. */

/** A generator that uses this share of a processor is the bottleneck of a closed loop. */
const FULL = 90;

/** The figures of all workers together, under the names of the result columns. Unknown ones are absent. */
export function cellsOfAll(config: CollectConfig, { result, workers, reasons }: Collected): Row {
  const { bottleneck: _, ...cells } = cellsOf(jobOf(config), result);
  const fullest = Math.max(...workers.flatMap((worker) => cpuPercentOf(worker) ?? []));
  const isFull = config.ratePerSecond === undefined && fullest >= FULL;
  const all = [...reasons, ...(cells.invalid_reason === undefined ? [] : [cells.invalid_reason])];
  return {
    ...cells,
    target: config.url,
    scenario: config.scenario,
    transport: 'cookie',
    key_distribution: config.keys,
    sessions_live: config.workers * shareOf(config, 0).job.sessions,
    // Of the fullest: the sum of several processes says nothing.
    gen_cpu_pct: fullest,
    ...(isFull ? { bottleneck: 'generator' } : {}),
    valid: all.length === 0,
    ...(all.length === 0 ? {} : { invalid_reason: all.join('; ') }),
  };
}

export function renderCollected(
  config: CollectConfig,
  collected: Collected,
  cells: Row,
  { color }: { color: boolean },
): string {
  const head = renderProbe(jobOf(config), collected.result, cells, { color });
  const begun = startsOf(collected);
  const lines = collected.workers.map((worker) => workerText(worker, begun.get(worker)));
  const overlap = `${(collected.overlap * 100).toFixed(1)} %`;
  const together = `${counted(collected.workers.length, 'worker')}, together for ${overlap} of the load`;
  return `${head}\n${[together, ...lines.map((line) => `  ${line}`)].join('\n')}\n`;
}

/** The object of `--json`: the cells, each worker, and the sums of the histograms. */
export function jsonOf(collected: Collected, cells: Row): object {
  const begun = startsOf(collected);
  const [all] = collected.result.load.operations;
  return {
    type: 'summary',
    ...cells,
    overlap_pct: rounded(collected.overlap * 100),
    workers: collected.workers.map((worker) => ({
      name: worker.name,
      address: worker.address,
      ...figuresOf(worker, begun.get(worker)),
      ...(worker.lost === undefined ? {} : { lost: worker.lost }),
    })),
    histograms: { service: all?.histogram, response: all?.response },
  };
}

/** The load as that of one generator. */
function jobOf(config: CollectConfig): ProbeJob {
  const { url, scenario, connections, warmupSeconds, durationSeconds, ratePerSecond, arrivals, seed } =
    config;
  return {
    // Shown as `read http://…`.
    ...{ origin: url, method: scenario, path: '', headers: {} },
    ...{ connections, warmupSeconds, durationSeconds, seed },
    load: ratePerSecond === undefined ? { model: 'closed' } : { model: 'open', ratePerSecond, arrivals },
  };
}

/** Milliseconds after the first of them, by the harness's clock, at which each began its measured load. */
function startsOf({ workers }: Collected): Map<Peer, number> {
  const starts = workers.flatMap((worker) =>
    worker.result === undefined
      ? []
      : [[worker, windowOf(worker.result, worker.clock()?.aheadMs ?? 0).startMs] as const],
  );
  const first = Math.min(...starts.map(([, startMs]) => startMs));
  return new Map(starts.map(([worker, startMs]) => [worker, startMs - first]));
}

function figuresOf(worker: Peer, begunMs: number | undefined): Record<string, number> {
  const { result } = worker;
  const clock = worker.clock();
  const all = result?.load.operations[0];
  const seconds = result?.load.durationSeconds ?? 0;
  const cpu = cpuPercentOf(worker);
  return {
    ...(all === undefined ? {} : { sent: all.sent, completed: all.completed, ok: all.ok }),
    ...(all === undefined || seconds === 0 ? {} : { rps_ok: rounded(all.ok / seconds) }),
    ...(cpu === undefined ? {} : { gen_cpu_pct: rounded(cpu) }),
    ...(begunMs === undefined ? {} : { begun_after_ms: rounded(begunMs) }),
    ...(clock === undefined
      ? {}
      : { clock_ahead_ms: rounded(clock.aheadMs), clock_error_ms: rounded(clock.errorMs) }),
  };
}

function workerText(worker: Peer, begunMs: number | undefined): string {
  const { ok, rps_ok: rate, gen_cpu_pct: cpu } = figuresOf(worker, begunMs);
  const clock = worker.clock();
  const parts = [
    worker.label,
    ...(ok === undefined ? ['no figures'] : [`${whole(ok)} ok, ${whole(rate ?? 0)} a second`]),
    ...(cpu === undefined ? [] : [`${cpu.toFixed(0)} % of a processor`]),
    ...(begunMs === undefined ? [] : [`began ${begunMs.toFixed(0)} ms after the first`]),
    ...(clock === undefined
      ? []
      : [`its clock is ${signed(clock.aheadMs)} ms off, ± ${clock.errorMs.toFixed(1)} ms`]),
  ];
  return parts.join(', ');
}

function cpuPercentOf({ result }: Peer): number | undefined {
  if (result === undefined || result.load.durationSeconds === 0) return undefined;
  return result.load.cpuNs / 1e7 / result.load.durationSeconds;
}

const signed = (ms: number) => `${ms < 0 ? '−' : '+'}${Math.abs(ms).toFixed(1)}`;
const rounded = (value: number) => Math.round(value * 1000) / 1000;
