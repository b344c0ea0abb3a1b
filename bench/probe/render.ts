import { achievedShare } from '../results/open-loop.ts';
import type { Row } from '../results/row.ts';
import { counted, whole, wrap } from '../results/text.ts';
import type { ProbeJob, ProbeResult, ProbeSecond } from './job.ts';
import { drawList, drawStages, milliseconds } from './render-parts.ts';
import { hasBody } from './requests.ts';
import type { Targets } from './targets.ts';
import { probeFigures } from './validity.ts';

/** Renders a probe for people. Pure. */

const TIMES = ['p50', 'p75', 'p90', 'p95', 'p99', 'p999', 'max'] as const;
const NAMES: Readonly<Record<string, string>> = { p999: 'p99.9' };
const LABEL_COLUMNS = 18;
const VALUE_COLUMNS = 9;

/** The text of one probe, with a warning when its figures must not be used. */
export function renderProbe(
  job: ProbeJob,
  result: ProbeResult,
  cells: Row,
  { color, targets }: { color: boolean; targets?: Targets | undefined },
): string {
  const isOpen = job.load.model !== 'closed';
  const lines = [
    requestText(job, targets),
    titleOf(job, result),
    '',
    ...(isOpen
      ? [line('offered', offeredText(cells)), line('achieved', achievedText(job, result, cells))]
      : []),
    line('throughput', `${rateOf(cells.rps_ok ?? 0)} ok`),
    line('requests', countsOf(cells)),
    line('bytes', `${figure(cells.req_bytes)} a request, ${figure(cells.resp_bytes)} a reply`),
    '',
    `${''.padEnd(LABEL_COLUMNS)}${TIMES.map((time) => (NAMES[time] ?? time).padStart(VALUE_COLUMNS)).join('')}`,
    ...(isOpen ? [timesLine('response time ms', 'lat', cells)] : []),
    timesLine('service time ms', 'svc', cells),
    '',
    ...(isOpen ? [line('backlog', backlogOf(cells)), line('lateness p99', latenessOf(cells))] : []),
    line('generator', generatorOf(cells)),
    ...drawStages(job, result, color),
    ...(targets === undefined ? [] : drawList(job, result, targets, color)),
  ];
  const notes = notesOf(cells, color);
  return `${[...lines, ...(notes.length === 0 ? [] : ['', ...notes])].map((text) => text.trimEnd()).join('\n')}\n`;
}

/** A second for the line of progress. */
export function secondText({ seconds, counts, p99Us, inFlight }: ProbeSecond): string {
  const wrong = counts.completed - counts.ok + counts.connErrors + counts.timeouts + counts.dropped;
  const p99 = p99Us === undefined ? '' : `, p99 ${milliseconds(p99Us)} ms`;
  return `${rateOf(seconds > 0 ? counts.ok / seconds : 0)} ok${p99}, ${whole(wrong)} wrong, ${whole(inFlight)} in flight`;
}

function titleOf(job: ProbeJob, result: ProbeResult): string {
  const model =
    job.load.model === 'closed'
      ? 'closed loop'
      : `open loop, ${loadText(job.load)}, ${job.load.arrivals} arrivals`;
  const connections = `${job.connections} connection${job.connections === 1 ? '' : 's'}`;
  const seconds = result.isPartial ? Number(result.load.durationSeconds.toFixed(2)) : job.durationSeconds;
  const times = `${seconds} s after ${job.warmupSeconds} s of warm-up`;
  return `${model}, ${connections}, ${times}`;
}

/** Method and URL, and what goes with it; of a list how long it is. The values of headers may be secrets. */
function requestText(job: ProbeJob, targets: Targets | undefined): string {
  const { method, origin, path, headers, body } = job;
  const host = headers['host'] === undefined ? '' : `, host ${headers['host']}`;
  const type = body?.contentType === undefined ? '' : `, ${body.contentType}`;
  const bytes = Buffer.byteLength(body?.base64 ?? '', 'base64');
  const size = targets === undefined && hasBody(method, body) ? `, body of ${whole(bytes)} bytes${type}` : '';
  const what =
    targets === undefined
      ? `${method} ${origin}${path}`
      : `${counted(targets.count, 'request')} of a list at ${origin}, in turn`;
  return `${what}${host}${size}`;
}

const loadText = (load: Exclude<ProbeJob['load'], { model: 'closed' }>) =>
  load.model === 'open' ? `${whole(load.ratePerSecond)} a second` : counted(load.stages.length, 'stage');

const offeredText = ({ target_rps: rps, scheduled }: Row) =>
  `${rateOf(rps ?? 0)}, ${whole(scheduled ?? 0)} due`;

/** After an early stop, the backlog at the end is meaningless. */
function achievedText(job: ProbeJob, result: ProbeResult, cells: Row): string {
  const figures = probeFigures(job, result, cells);
  const { durationSeconds } = result.load;
  const rate = rateOf(durationSeconds > 0 ? (cells.completed ?? 0) / durationSeconds : 0);
  if (figures === undefined || result.isPartial) return rate;
  return `${rate}, ${(achievedShare(figures) * 100).toFixed(1)} % of what was due`;
}

function countsOf(cells: Row): string {
  const counts: [number | undefined, string][] = [
    [cells.http_4xx, 'replies 4xx'],
    [cells.http_5xx, 'replies 5xx'],
    [cells.check_failed, 'with a wrong status'],
    [cells.conn_errors, 'lost with their connection'],
    [cells.timeouts, 'timed out'],
    [cells.dropped, 'dropped'],
    [cells.inflight_end, 'in flight at the end'],
  ];
  const wrong = counts
    .filter(([count]) => (count ?? 0) > 0)
    .map(([count, what]) => `${whole(count ?? 0)} ${what}`);
  const { scheduled = 0, sent = 0, ok = 0, resent = 0 } = cells;
  const again = resent === 0 ? [] : [`${whole(resent)} sent again`];
  const due = scheduled === sent ? '' : `${whole(scheduled)} due, `;
  return [
    `${due}${whole(sent)} sent, ${whole(ok)} ok`,
    ...(wrong.length === 0 ? ['no errors'] : wrong),
    ...again,
  ].join(', ');
}

function backlogOf({ backlog_max: most = 0, backlog_end: atEnd = 0 }: Row): string {
  return `at most ${whole(most)} due and waiting for a connection, ${whole(atEnd)} at the end`;
}

function latenessOf({ gen_lag_p99_us: us }: Row): string {
  return us === undefined
    ? 'unknown'
    : `${milliseconds(us)} ms: time from when a request could be sent until it was sent`;
}

function generatorOf({ gen_cpu_pct: percent = 0, cpu_us_per_req_generator: us }: Row): string {
  return `${percent.toFixed(0)} % of a processor${us === undefined ? '' : `, ${us.toFixed(1)} µs CPU per request`}`;
}

function notesOf(cells: Row, color: boolean): string[] {
  const notes: string[] = [];
  if (cells.bottleneck === 'generator') {
    notes.push(wrap('The generator was the limit: this is what it can send, not what the server can serve.'));
  }
  if (cells.note !== undefined) notes.push(wrap(`NOTE: ${cells.note}`));
  if (cells.valid === false) {
    const text = wrap(`${cells.status === 'interrupted' ? 'PARTIAL' : 'INVALID'}: ${cells.invalid_reason}`);
    notes.push(color ? `\u001B[31m${text}\u001B[39m` : text);
  }
  return notes;
}

function timesLine(label: string, prefix: 'lat' | 'svc', cells: Row): string {
  const values = TIMES.map((time) => {
    const us = cells[`${prefix}_${time}_us`];
    return (us === undefined ? '' : milliseconds(us)).padStart(VALUE_COLUMNS);
  });
  return `${label.padEnd(LABEL_COLUMNS)}${values.join('')}`;
}

const line = (label: string, text: string) => `${label.padEnd(LABEL_COLUMNS)}${text}`;
const figure = (value: number | undefined) => (value === undefined ? 'none' : whole(value));
const rateOf = (perSecond: number) =>
  `${perSecond < 100 ? Number(perSecond.toPrecision(3)) : whole(perSecond)} a second`;
