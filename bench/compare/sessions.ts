/** When runs were made: those of one session had a machine that was the same, and are compared with each other alone. */

import type { Row } from '../results/row.ts';

/** The rows of one result file, which are those of one run. */
export interface RunFile {
  name: string;
  rows: readonly Row[];
}

/** A run of a side, and the ordinal of its session. */
export interface Dated {
  session: number;
  startMs: number;
}

/** A session ends where no run starts for so long. */
const GAP_MS = 3 * 3_600_000;

/**
 * The session of each run, in the order of the files, sides together. All are of one session where a start is not known.
 */
export function datesOf(
  base: readonly RunFile[],
  head: readonly RunFile[],
): { base: Dated[]; head: Dated[] } {
  const starts = [...base, ...head].map(startMs);
  const order = [...starts].sort((a, b) => a - b);
  // NaN for an unknown start: no gap is seen, and no order.
  const begins = order.filter((start, index) => start - (order[index - 1] ?? start) > GAP_MS);
  const dated = starts.map((start) => ({
    startMs: start,
    session: starts.includes(Number.NaN) ? 0 : begins.filter((begin) => begin <= start).length,
  }));
  return { base: dated.slice(0, base.length), head: dated.slice(base.length) };
}

/** NaN when a row does not say. Times of ISO 8601 in UTC sort as text. */
function startMs({ rows }: RunFile): number {
  const first = rows.reduce<string | undefined>((before, { started_at: own = '' }) => {
    return before === undefined || own < before ? own : before;
  }, undefined);
  return Date.parse(first ?? '');
}

/** Why these runs give no verdict; `undefined` when they took turns. */
export function orderFault({
  base,
  head,
}: {
  base: readonly Dated[];
  head: readonly Dated[];
}): string | undefined {
  const sessions = [...new Set([...base, ...head].map(({ session }) => session))];
  const orders = sessions.flatMap((session) => {
    const [before, after] = [base, head].map((side) =>
      side.filter((run) => run.session === session).map(({ startMs }) => startMs),
    ) as [number[], number[]];
    return before.length === 0 || after.length === 0 ? [] : [orderOf(before, after)];
  });
  if (orders.length === 0) return NO_COMMON;
  const [first] = orders;
  return first !== 'turns' && orders.every((order) => order === first) ? APART : undefined;
}

/**
 * Whether all runs of one side are older than those of the other. A rank test takes the runs as exchangeable: of the
 * committed runs of one commit, the first six against the last six would be called REGRESSED, for the machine became
 * slower in between.
 */
function orderOf(base: readonly number[], head: readonly number[]): 'base first' | 'head first' | 'turns' {
  if (Math.max(...base) < Math.min(...head)) return 'base first';
  return Math.max(...head) < Math.min(...base) ? 'head first' : 'turns';
}

const APART =
  'all runs of one side are older than those of the other: a drift of the machine would look like a change; take turns';
const NO_COMMON =
  'no session has runs of both sides (a session ends where no run starts for 3 h): a machine differs more from day to day than by a change; take turns';
