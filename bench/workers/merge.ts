import type { LoadResult, OpenLoopResult, OperationResult } from '../load/job.ts';
import { createHistogram, decodeHistogram, encodeHistogram } from '../stats/histogram.ts';
import type { WorkerResult } from './job.ts';

/** The results of several workers as those of one generator. Histograms are added bucket by bucket: nothing is lost. */

/** The sum of encoded histograms. */
export async function mergeHistograms(texts: readonly string[]): Promise<string> {
  const sum = createHistogram();
  for (const text of texts) sum.add(decodeHistogram(text));
  return encodeHistogram(sum);
}

/** What several loads were together: counts are added, and it lasted as long as the longest. @param loads at least one. */
export async function mergeLoads(loads: readonly LoadResult[]): Promise<LoadResult> {
  const names = new Set(loads.flatMap(({ operations }) => operations.map(({ operation }) => operation)));
  const operations = await Promise.all(
    [...names].map((name) =>
      mergeOperations(
        loads.flatMap(({ operations: all }) => all.filter(({ operation }) => operation === name)),
      ),
    ),
  );
  const firstFailure = loads.find((load) => load.firstFailure !== undefined)?.firstFailure;
  const open = await mergeOpen(loads.flatMap((load) => load.open ?? []));
  return {
    durationSeconds: Math.max(...loads.map(({ durationSeconds }) => durationSeconds)),
    operations,
    cpuNs: sumOf(loads.map(({ cpuNs }) => cpuNs)),
    ...(firstFailure === undefined ? {} : { firstFailure }),
    ...(open === undefined ? {} : { open }),
  };
}

async function mergeOperations(all: readonly OperationResult[]): Promise<OperationResult> {
  const [first] = all;
  if (first === undefined) throw new Error('expected an operation to add up, got none');
  const { operation, histogram, response, ...counts } = first;
  const sums = { ...counts };
  for (const name of Object.keys(counts) as (keyof typeof counts)[])
    sums[name] = sumOf(all.map((one) => one[name]));
  const responses = all.flatMap((one) => one.response ?? []);
  return {
    operation,
    ...sums,
    histogram: await mergeHistograms(all.map((one) => one.histogram)),
    ...(responses.length === 0 ? {} : { response: await mergeHistograms(responses) }),
  };
}

async function mergeOpen(all: readonly OpenLoopResult[]): Promise<OpenLoopResult | undefined> {
  if (all.length === 0) return undefined;
  return {
    lateness: await mergeHistograms(all.map(({ lateness }) => lateness)),
    // Of each worker at its own time: together there were at most so many.
    backlogMax: sumOf(all.map(({ backlogMax }) => backlogMax)),
    sendsPerPump: sumOf(all.map(({ sendsPerPump }) => sendsPerPump)) / all.length,
  };
}

/** A measured load, by the harness's clock. */
export interface Window {
  startMs: number;
  endMs: number;
}

/** @param aheadMs by how much the worker's clock is ahead of the harness's. */
export const windowOf = (
  { startedMs, endedMs }: Pick<WorkerResult, 'startedMs' | 'endedMs'>,
  aheadMs: number,
): Window => ({ startMs: startedMs - aheadMs, endMs: endedMs - aheadMs });

/** The share of the longest load in which all were under way; 0 when there was no such time. */
export function overlapOf(windows: readonly Window[]): number {
  const longest = Math.max(...windows.map(({ startMs, endMs }) => endMs - startMs));
  const common =
    Math.min(...windows.map(({ endMs }) => endMs)) - Math.max(...windows.map(({ startMs }) => startMs));
  return longest > 0 ? Math.max(0, common) / longest : 0;
}

const sumOf = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0);
