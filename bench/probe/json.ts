import type { Row } from '../results/row.ts';
import { stageCellsOf } from './cells.ts';
import type { ProbeJob, ProbeResult, ProbeSecond } from './job.ts';
import { type Targets, targetAt } from './targets.ts';

/** The objects of `--json`, one a line: each second, then the summary. Their fields are in docs/probe.md. Pure. */

/** What happened in one second. */
export function secondOf({
  endSeconds,
  seconds,
  counts,
  p50Us,
  p99Us,
  inFlight,
  backlog,
}: ProbeSecond): object {
  return {
    type: 'second',
    time_s: rounded(endSeconds),
    duration_s: rounded(seconds),
    scheduled: counts.scheduled,
    sent: counts.sent,
    completed: counts.completed,
    ok: counts.ok,
    http_4xx: counts.http4xx,
    http_5xx: counts.http5xx,
    check_failed: counts.checkFailed,
    conn_errors: counts.connErrors,
    timeouts: counts.timeouts,
    dropped: counts.dropped,
    resent: counts.resent,
    rps_ok: seconds > 0 ? rounded(counts.ok / seconds) : 0,
    ...(p50Us === undefined ? {} : { p50_us: p50Us }),
    ...(p99Us === undefined ? {} : { p99_us: p99Us }),
    in_flight: inFlight,
    backlog,
  };
}

/** The figures of the whole load, with those of its stages and of the list. */
export function summaryOf(job: ProbeJob, result: ProbeResult, cells: Row, targets?: Targets): object {
  const stages = stageCellsOf(job, result);
  return {
    type: 'summary',
    ...cells,
    ...(stages.length === 0 ? {} : { stages }),
    ...(targets === undefined ? {} : { urls: listOf(job, result, targets) }),
  };
}

function listOf(job: ProbeJob, { targets: found }: ProbeResult, targets: Targets): object {
  const { sent = 0, failing = 0, counts = [] } = found ?? {};
  const requests = counts.map((count) => ({
    ...targetAt(targets, count.index, job.method),
    sent: count.sent,
    ok: count.ok,
  }));
  return { listed: targets.count, sent, failing, requests };
}

const rounded = (value: number) => Math.round(value * 1000) / 1000;
