import type { OperationResult } from '../load/job.ts';
import { summaryOf } from '../stats/histogram.ts';
import type { Row } from './row.ts';

/**
 * Counts and times of the requests of one operation in `seconds` of load.
 * @param constantArrivals these make a tail percentile as reliable with half the samples.
 */
export function requestCells(one: OperationResult, seconds: number, constantArrivals: boolean): Row {
  const timeCells = (kind: 'lat' | 'svc', text: string | undefined) =>
    Object.entries(summaryOf(text, { constantArrivals }) ?? {}).map(([name, us]) => [
      `${kind}_${name}_us`,
      us,
    ]);
  return defined({
    operation: one.operation,
    scheduled: one.scheduled,
    sent: one.sent,
    completed: one.completed,
    ok: one.ok,
    http_4xx: one.http4xx,
    http_5xx: one.http5xx,
    check_failed: one.checkFailed,
    conn_errors: one.connErrors,
    timeouts: one.timeouts,
    resent: one.resent,
    dropped: one.dropped,
    inflight_end: one.inflightEnd,
    rps_ok: seconds > 0 ? one.ok / seconds : undefined,
    ...Object.fromEntries([...timeCells('lat', one.response), ...timeCells('svc', one.histogram)]),
    req_bytes: one.requestBytes === 0 ? undefined : one.requestBytes / one.sent,
    resp_bytes: one.completed === 0 ? undefined : one.responseBytes / one.completed,
  });
}

/** The cells without undefined ones: an unknown value is an absent cell. */
export function defined(cells: { [C in keyof Row]: Row[C] | undefined }): Row {
  return Object.fromEntries(Object.entries(cells).filter(([, value]) => value !== undefined)) as Row;
}
