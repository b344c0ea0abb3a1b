import { setTimeout } from 'node:timers/promises';
import type { Config } from '../../config/config.ts';
import { type CpuSource, kindOf, sourcesFor } from '../../config/cpu-from.ts';
import { type CpuReading, readExporter, shownUrl } from '../../environment/exporter/scrape.ts';
import { BenchError, messageOf } from '../../errors.ts';
import type { Observed } from '../../results/observed.ts';
import type { Arm } from './arms.ts';
import { type Account, accountOf, requestCost, type Span } from './elsewhere-account.ts';

/** The CPU that arms of a block use on other machines, from the exporters of `--cpu-from`. */
export interface Elsewhere {
  /** Runs a slice of an arm, with its exporters asked before and after it where it has an account of its own. */
  around<T>(arm: Arm, slice: () => Promise<T>): Promise<T>;
  /** After the load: what the machines use when nothing is loaded. */
  watchIdle(): Promise<void>;
  /** `undefined` for an arm whose processes are all here. */
  spent(arm: Arm): Observed['elsewhere'];
}

/** How long the machines are watched idle: their counters grow in steps of 10 ms. */
const IDLE_MS = 3_000;
/** Where values are renewed from time to time, until they were twice: by cAdvisor every 10 to 15 s. */
const RENEWED_WITHIN_MS = 40_000;
const POLL_MS = 500;
/** Requests in a row that show what one of them costs its machine. */
const REQUESTS = 20;

interface Exporter {
  source: CpuSource;
  idle?: Span;
  requestNs: number;
  /** Why it failed first: it is not asked again in this block. */
  fault?: string;
}

/** One exporter, around the load of one arm. */
interface Watch {
  exporter: Exporter;
  load: Span[];
  /** Before the first slice, where one arm has all of the load. */
  first?: CpuReading | undefined;
}

export interface ElsewhereOptions {
  /**
   * Whether one arm has all of the load, without untimed work between its slices: one account then goes from the first
   * slice to the last, for each reading adds an error.
   */
  isWhole: boolean;
  /** Ends the watch. */
  released: AbortSignal;
}

export function createElsewhere(
  arms: readonly Arm[],
  config: Config,
  { isWhole, released }: ElsewhereOptions,
): Elsewhere {
  const exporters = new Map(
    config.cpuFrom.map((source): [CpuSource, Exporter] => [source, { source, requestNs: 0 }]),
  );
  const watches = new Map(
    arms.map((arm) => [
      arm,
      sourcesFor(config, arm.trial).map((source): Watch => {
        return { exporter: exporters.get(source) as Exporter, load: [] };
      }),
    ]),
  );
  const used = new Set([...watches.values()].flat().map(({ exporter }) => exporter));

  return {
    async around(arm, slice) {
      const own = (watches.get(arm) ?? []).filter(({ first }) => !isWhole || first === undefined);
      if (own.length === 0) return slice();
      const before = await readAll(own);
      if (isWhole) for (const [index, watch] of own.entries()) watch.first = before[index];
      const result = await slice();
      if (isWhole) return result;
      const after = await readAll(own);
      for (const [index, { load }] of own.entries()) load.push(...spanOf(before[index], after[index]));
      return result;
    },
    async watchIdle() {
      await Promise.all(
        [...used].map(async (exporter) => {
          const start = await read(exporter);
          for (const { exporter: other, load, first } of [...watches.values()].flat())
            if (isWhole && other === exporter) load.push(...spanOf(first, start));
          if (start !== undefined) await watchOne(exporter, start, released);
        }),
      );
    },
    spent(arm) {
      const own = watches.get(arm) ?? [];
      const from = kindOf(own.map(({ exporter }) => exporter.source));
      if (from === undefined) return undefined;
      const accounts = own.map(accountOfWatch);
      const notes = accounts.flatMap((account, index) => {
        const { source } = (own[index] as Watch).exporter;
        return 'reason' in account ? [`no CPU from ${shownUrl(source)}: ${account.reason}`] : [];
      });
      const ns = accounts.reduce((sum, account) => sum + ('ns' in account ? account.ns : 0), 0);
      const role = arm.trial.site === undefined ? 'store' : 'server';
      return { role, from, ns: notes.length > 0 ? undefined : ns, notes };
    },
  };
}

function accountOfWatch({ exporter: { idle, requestNs, fault }, load }: Watch): Account {
  if (fault !== undefined || idle === undefined) return { reason: fault ?? 'nothing was read' };
  return accountOf({ load, idle, requestNs });
}

const readAll = (watches: readonly Watch[]) => Promise.all(watches.map(({ exporter }) => read(exporter)));

/** `undefined` when it fails now or has failed before, which `fault` says. */
async function read(exporter: Exporter): Promise<CpuReading | undefined> {
  if (exporter.fault !== undefined) return undefined;
  try {
    return await readExporter(exporter.source);
  } catch (error) {
    if (!(error instanceof BenchError)) throw error;
    exporter.fault ??= messageOf(error);
    return undefined;
  }
}

const spanOf = (start: CpuReading | undefined, end: CpuReading | undefined): Span[] =>
  start === undefined || end === undefined ? [] : [{ start, end }];

async function watchOne(exporter: Exporter, start: CpuReading, signal: AbortSignal): Promise<void> {
  if (start.takenAtMs === undefined) {
    await setTimeout(IDLE_MS, undefined, { signal });
    const [span] = spanOf(start, await read(exporter));
    if (span !== undefined) exporter.idle = span;
  } else {
    exporter.idle = await renewed(exporter, start, signal);
  }
  if (exporter.source.container !== undefined || exporter.idle === undefined) return;
  const first = await read(exporter);
  let last = first;
  for (let request = 0; request < REQUESTS; request += 1) last = await read(exporter);
  const [burst] = spanOf(first, last);
  exporter.requestNs = burst === undefined ? 0 : requestCost(exporter.idle, burst, REQUESTS);
}

/** From the first new values to the next: what came before belongs to the load. What it had, when it is too slow. */
async function renewed(exporter: Exporter, start: CpuReading, signal: AbortSignal): Promise<Span> {
  const deadlineMs = performance.now() + RENEWED_WITHIN_MS;
  let first: CpuReading | undefined;
  let latest = start;
  while (performance.now() < deadlineMs) {
    await setTimeout(POLL_MS, undefined, { signal });
    const next = await read(exporter);
    if (next === undefined) break;
    const isNew = next.takenAtMs !== latest.takenAtMs;
    latest = next;
    if (!isNew) continue;
    if (first !== undefined && next.atMs - first.atMs >= IDLE_MS) break;
    first ??= next;
  }
  return { start: first ?? start, end: latest };
}
