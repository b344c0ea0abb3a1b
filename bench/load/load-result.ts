import { encodeHistogram } from '../stats/histogram.ts';
import type { LoadResult } from './job.ts';
import type { LoopTotals } from './slice-loop.ts';
import { resultsOf } from './tally.ts';

/** The sum of slices in the form for IPC. */
export async function loadResultOf({ seconds, cpuNs, tallies, open }: LoopTotals): Promise<LoadResult> {
  const result = { durationSeconds: seconds, cpuNs, operations: await resultsOf(tallies) };
  if (open === undefined) return result;
  const lateness = await encodeHistogram(open.lateness);
  const { backlogMax, pumps, pumped } = open;
  return { ...result, open: { lateness, backlogMax, sendsPerPump: pumps === 0 ? 1 : pumped / pumps } };
}
