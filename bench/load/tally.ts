import { createHistogram, encodeHistogram, type LatencyHistogram, recordUs } from '../stats/histogram.ts';
import type { Operation, OperationResult } from './job.ts';

/** What happened to the requests of one operation within a window. */
export interface Tally extends Omit<OperationResult, 'operation' | 'inflightEnd' | 'histogram'> {
  histogram: LatencyHistogram;
}

export function createTally(): Tally {
  return {
    sent: 0,
    completed: 0,
    ok: 0,
    http4xx: 0,
    unauthorized: 0,
    http5xx: 0,
    checkFailed: 0,
    connErrors: 0,
    timeouts: 0,
    requestBytes: 0,
    responseBytes: 0,
    histogram: createHistogram(),
  };
}

/** Counts one whole reply. `isRight` is the outcome of its check. */
export function countReply(
  tally: Tally,
  status: number,
  isRight: boolean,
  serviceUs: number,
  bytes: number,
): void {
  tally.completed += 1;
  tally.responseBytes += bytes;
  recordUs(tally.histogram, serviceUs);
  if (isRight) tally.ok += 1;
  else if (status >= 500) tally.http5xx += 1;
  else if (status >= 400) tally.http4xx += 1;
  else tally.checkFailed += 1;
  if (!isRight && status === 401) tally.unauthorized += 1;
}

/** The results of a window: the sum of all operations first, then, of a mix, each by itself. */
export async function resultsOf(tallies: ReadonlyMap<Operation, Tally>): Promise<OperationResult[]> {
  const all = createTally();
  for (const tally of tallies.values()) addTo(all, tally);
  const results = [await resultOf('all', all)];
  if (tallies.size < 2) return results;
  for (const [operation, tally] of tallies) results.push(await resultOf(operation, tally));
  return results;
}

function addTo(sum: Tally, { histogram, ...counts }: Tally): void {
  sum.histogram.add(histogram);
  for (const key of Object.keys(counts) as (keyof typeof counts)[]) sum[key] += counts[key];
}

async function resultOf(operation: Operation | 'all', tally: Tally): Promise<OperationResult> {
  const { histogram, ...counts } = tally;
  const inflightEnd = counts.sent - counts.completed - counts.connErrors - counts.timeouts;
  return { operation, ...counts, inflightEnd, histogram: await encodeHistogram(histogram) };
}
