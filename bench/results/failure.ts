import type { FailureResult, LoadResult, SecondCounts } from '../load/job.ts';
import type { Observed } from './observed.ts';
import { defined } from './request-cells.ts';
import type { Row } from './row.ts';
import type { FaultEvent, SeriesRecord } from './series.ts';

/** The figures of the scenario failure: what its clients saw from the fault on, and when a trial of it is not sound. */

/** More 401 before the fault than the traits predict, as a share of all requests. */
const DENIED_TOLERANCE = 0.05;

/** The columns of the scenario; empty for others. */
export function failureCells({ failure }: LoadResult, { events = [] }: Observed): Row {
  if (failure === undefined) return {};
  const [begin] = events;
  const since = failure.seconds.filter(({ second }) => second >= Math.floor(begin?.atSeconds ?? 0));
  const shares = since.flatMap((one) => answeredPercent([one]) ?? []);
  return defined({
    availability_pct: answeredPercent(since),
    worst_second_pct: shares.length === 0 ? undefined : Math.min(...shares),
    trouble_s: troubleSeconds(failure, begin?.atSeconds ?? 0),
    recover_s: recoverySeconds(failure, events),
    wrong_answers: failure.asAnother + failure.deniedAlive,
    logins: failure.logins,
    logins_lost: failure.loginsLost,
    logouts: failure.logouts,
    logouts_undone: failure.logoutsUndone,
  });
}

/** Requests that were neither refused nor lost, whatever the answer was; `undefined` when none was due. */
function answeredPercent(seconds: readonly SecondCounts[]): number | undefined {
  const sum = (of: (one: SecondCounts) => number) => seconds.reduce((total, one) => total + of(one), 0);
  const offered = sum((one) => one.offered);
  return offered === 0 ? undefined : 100 - (100 * sum(({ refused, lost }) => refused + lost)) / offered;
}

function troubleSeconds({ lastTroubleSeconds: last }: FailureResult, begin: number): number {
  return last === undefined ? 0 : Math.max(0, last - begin);
}

/** From the last mend on; `undefined` where nothing was mended, and where requests still failed at the end. */
function recoverySeconds(failure: FailureResult, events: readonly FaultEvent[]): number | undefined {
  const mended = events.findLast(({ isMended }) => isMended);
  if (mended === undefined || !hasRecovered(failure)) return undefined;
  return troubleSeconds(failure, mended.atSeconds);
}

/** Whether no request of the last second was refused or lost. */
function hasRecovered({ seconds }: FailureResult): boolean {
  const last = seconds.at(-1);
  return last !== undefined && last.refused + last.lost === 0;
}

/**
 * Rule 1 for a load in which something breaks: until then all is well. What fails later is the figure. @param missShare
 * of the reads, by the traits.
 */
export function failureReasons(
  { seconds }: FailureResult,
  { events = [] }: Observed,
  missShare: number,
): string[] {
  const [begin] = events;
  if (begin === undefined) return ['nothing was broken'];
  const before = seconds.filter(({ second }) => second < Math.floor(begin.atSeconds));
  const sum = (of: (one: SecondCounts) => number) => before.reduce((total, one) => total + of(one), 0);
  const [offered, failed, denied] = [
    sum((one) => one.offered),
    sum(({ refused, lost }) => refused + lost),
    sum((one) => one.denied),
  ];
  return [
    ...(offered === 0 ? ['no request was due before the fault'] : []),
    ...(failed > 0 ? [`${failed} of ${offered} requests were refused or lost before the fault`] : []),
    ...(denied > offered * (missShare + DENIED_TOLERANCE)
      ? [`${denied} of ${offered} requests met a session that was not known, before the fault`]
      : []),
  ];
}

/** What a reader must know of such a row. */
export function failureNote(failure: FailureResult, missShare: number): string | undefined {
  const { unknown, staleAccepts, logoutsUndone } = failure;
  const notes = [
    ...(hasRecovered(failure) ? [] : ['requests were still refused or lost when the load ended']),
    ...(unknown > 0 ? [`of ${unknown} sessions no server would say whether they live`] : []),
    ...(staleAccepts + logoutsUndone > 0
      ? [
          `a logged-out session was answered ${staleAccepts} times under load, and ${logoutsUndone} still open`,
        ]
      : []),
    ...(missShare > 0 ? ['each server knows only the sessions made on it, with or without a fault'] : []),
  ];
  return notes.length === 0 ? undefined : notes.join('; ');
}

/** The seconds of a trial as its file has them; empty for other scenarios. */
export function seriesOf({ failure }: LoadResult, { events = [] }: Observed): SeriesRecord[] {
  const seconds = failure?.seconds ?? [];
  const end = seconds.length - 1;
  return seconds.map(({ p50Us, p95Us, maxUs, ...counts }) => {
    const own = events.filter(({ atSeconds }) => Math.min(end, Math.floor(atSeconds)) === counts.second);
    return {
      ...counts,
      ...{ p50_us: p50Us, p95_us: p95Us, max_us: maxUs },
      ...(own.length === 0 ? {} : { events: own.map(({ what }) => what) }),
    };
  });
}
