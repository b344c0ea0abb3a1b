import { createHistogram, encodeHistogram, type LatencyHistogram, recordUs } from '../stats/histogram.ts';
import type { Operation, OperationResult } from './job.ts';

/** Results of the requests of one operation within a window. Nothing is in flight when it is read. */
export interface Tally extends Omit<OperationResult, 'operation' | 'inflightEnd' | 'histogram' | 'response'> {
  /** Service times. */
  histogram: LatencyHistogram;
  /** Response times; open loop only. */
  response?: LatencyHistogram;
}

export function createTally(): Tally {
  return {
    scheduled: 0,
    sent: 0,
    completed: 0,
    ok: 0,
    http4xx: 0,
    unauthorized: 0,
    http5xx: 0,
    checkFailed: 0,
    connErrors: 0,
    timeouts: 0,
    closedIdle: 0,
    resent: 0,
    dropped: 0,
    requestBytes: 0,
    responseBytes: 0,
    histogram: createHistogram(),
  };
}

/** Counts one request that is due when it is sent, as in a closed loop. */
export function countSent(tally: Tally, bytes: number): void {
  tally.scheduled += 1;
  tally.sent += 1;
  tally.requestBytes += bytes;
}

/** Counts one complete reply. `isRight` is the outcome of its check. */
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

/** The counts of a slice, over all operations. */
export type Counts = Pick<Tally, 'scheduled' | 'completed' | 'ok'>;

export function countsOf(tallies: Iterable<Tally>): Counts {
  const sum: Counts = { scheduled: 0, completed: 0, ok: 0 };
  for (const { scheduled, completed, ok } of tallies) {
    sum.scheduled += scheduled;
    sum.completed += completed;
    sum.ok += ok;
  }
  return sum;
}

/** The times of all replies so far: of each operation response times where it has them, else service times. */
export function timesOf(tallies: Iterable<Tally>): LatencyHistogram {
  const sum = createHistogram();
  for (const { histogram, response } of tallies) sum.add(response ?? histogram);
  return sum;
}

/** The results of a window: the sum of all operations first, then each operation of a mix. */
export async function resultsOf(tallies: ReadonlyMap<Operation, Tally>): Promise<OperationResult[]> {
  const all = createTally();
  for (const tally of tallies.values()) addTo(all, tally);
  const results = [await resultOf('all', all)];
  if (tallies.size < 2) return results;
  for (const [operation, tally] of tallies) results.push(await resultOf(operation, tally));
  return results;
}

/** The counts of all operations together. */
export function addCounts(tallies: Iterable<Tally>): Omit<Tally, 'histogram' | 'response'> {
  const { histogram: _, response: _none, ...sum } = createTally();
  for (const { histogram: _times, response: _others, ...counts } of tallies)
    for (const key of Object.keys(counts) as (keyof typeof counts)[]) sum[key] += counts[key];
  return sum;
}

/** The sum of two windows. */
export function addTallies(
  one: ReadonlyMap<Operation, Tally>,
  other: ReadonlyMap<Operation, Tally>,
): Map<Operation, Tally> {
  const sums = new Map<Operation, Tally>();
  for (const [operation, tally] of [...one, ...other]) {
    const sum = sums.get(operation) ?? createTally();
    addTo(sum, tally);
    sums.set(operation, sum);
  }
  return sums;
}

function addTo(sum: Tally, { histogram, response, ...counts }: Tally): void {
  sum.histogram.add(histogram);
  if (response !== undefined) {
    sum.response ??= createHistogram();
    sum.response.add(response);
  }
  for (const key of Object.keys(counts) as (keyof typeof counts)[]) sum[key] += counts[key];
}

async function resultOf(operation: Operation | 'all', tally: Tally): Promise<OperationResult> {
  const { histogram, response, ...counts } = tally;
  const { scheduled, completed, connErrors, timeouts, dropped } = counts;
  return {
    operation,
    ...counts,
    inflightEnd: scheduled - completed - connErrors - timeouts - dropped,
    histogram: await encodeHistogram(histogram),
    ...(response === undefined ? {} : { response: await encodeHistogram(response) }),
  };
}
