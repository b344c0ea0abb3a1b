/**
 * Compares the load generator, and autocannon's rate mode, with servers of known behaviour: a fixed delay, and a server
 * that is stopped for half a second. About a minute. Usage: pnpm exec tsx scripts/generator-truth.ts [--json]
 */

import { execFile } from 'node:child_process';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { ignoreClosedPipes } from '../bench/commands/closed-pipe.ts';
import { PROJECT_ROOT } from '../bench/environment/programs.ts';
import { cellsOf } from '../bench/probe/cells.ts';
import { parseProbe } from '../bench/probe/config.ts';
import type { ProbePhase } from '../bench/probe/job.ts';
import { probe } from '../bench/probe/probe.ts';
import { expectedAfterStop, type Measure, withDelay, withStop } from '../bench/probe/truth.ts';

ignoreClosedPipes();

/** The report of one generator, in milliseconds. */
interface Reported {
  p50Ms: number;
  p99Ms: number;
  p999Ms: number;
  /** Why it declares its own figures invalid; absent when it does not. */
  invalidReason?: string | undefined;
}

interface Load {
  ratePerSecond: number;
  seconds: number;
}

/** One figure, its true value, and the generator that reported it. */
interface Finding {
  server: string;
  figure: string;
  generator: string;
  expectedMs: number;
  reportedMs: number;
  /** For a delay, what a plain client observed meanwhile. */
  seenMs?: number;
  invalidReason?: string | undefined;
}

const CONNECTIONS = 64;
/** Rates at which no request is due when the reply to another comes: both would wait for the work of the other. */
const DELAYS: readonly { delayMs: number; load: Load }[] = [
  { delayMs: 5, load: { ratePerSecond: 70, seconds: 5 } },
  { delayMs: 20, load: { ratePerSecond: 70, seconds: 5 } },
  { delayMs: 100, load: { ratePerSecond: 7, seconds: 10 } },
];
/** Of the table, from the left. */
const TEXT_COLUMNS = 3;
const STOP = { stopMs: 500, afterMs: 4_000 };
const STOP_LOAD: Load = { ratePerSecond: 1_000, seconds: 10 };

const GENERATORS: Readonly<Record<string, (load: Load) => Measure<Reported>>> = {
  probe: measureByProbe,
  'autocannon -R': measureByAutocannon,
};

const { values: options } = parseArgs({ options: { json: { type: 'boolean', default: false } } });
const findings = await measure();
console.log(options.json ? JSON.stringify(recordOf(findings), undefined, 2) : tableOf(findings));

async function measure(): Promise<Finding[]> {
  const found: Finding[] = [];
  for (const { delayMs, load } of DELAYS) {
    for (const [generator, measureBy] of Object.entries(GENERATORS)) {
      const { serverMedianMs, seenMedianMs, reported } = await withDelay(delayMs, measureBy(load));
      found.push({
        server: `delay ${delayMs} ms, ${load.ratePerSecond}/s`,
        figure: 'p50',
        generator,
        expectedMs: serverMedianMs,
        seenMs: seenMedianMs,
        reportedMs: reported.p50Ms,
        invalidReason: reported.invalidReason,
      });
    }
  }
  for (const [generator, measureBy] of Object.entries(GENERATORS)) {
    const { stopMs, reported } = await withStop(STOP, measureBy(STOP_LOAD));
    const server = `stopped ${STOP.stopMs} ms, ${STOP_LOAD.ratePerSecond}/s`;
    const expected = (upTo: number) => expectedAfterStop(upTo, stopMs, STOP_LOAD.seconds);
    const { invalidReason } = reported;
    for (const [figure, upTo, reportedMs] of [
      ['p99', 0.99, reported.p99Ms],
      ['p99.9', 0.999, reported.p999Ms],
    ] as const) {
      found.push({ server, figure, generator, expectedMs: expected(upTo), reportedMs, invalidReason });
    }
  }
  return found;
}

/** The load generator, as `pnpm bench probe` runs it. */
function measureByProbe({ ratePerSecond, seconds }: Load): Measure<Reported> {
  return async (origin, onMeasuring) => {
    const { job } = parseProbe([origin], {
      rate: String(ratePerSecond),
      arrivals: 'constant',
      duration: `${seconds}s`,
      connections: String(CONNECTIONS),
    });
    const onPhase = (phase: ProbePhase) => {
      if (phase === 'measured load') onMeasuring();
    };
    const result = await probe(job, new AbortController().signal, { onPhase });
    if (result === undefined) throw new Error('expected a result of a probe that was not stopped');
    const { invalid_reason: invalidReason, lat_p50_us, lat_p99_us, lat_p999_us } = cellsOf(job, result);
    const ms = (us: number | undefined) => (us ?? Number.NaN) / 1000;
    return { p50Ms: ms(lat_p50_us), p99Ms: ms(lat_p99_us), p999Ms: ms(lat_p999_us), invalidReason };
  };
}

/** autocannon's program and report with its defaults, which include its correction for coordinated omission. */
function measureByAutocannon({ ratePerSecond, seconds }: Load): Measure<Reported> {
  return async (origin, onMeasuring) => {
    const program = join(PROJECT_ROOT, 'node_modules', 'autocannon', 'autocannon.js');
    const flags = ['--json', '-R', String(ratePerSecond), '-d', String(seconds), '-c', String(CONNECTIONS)];
    onMeasuring();
    const { stdout } = await promisify(execFile)(process.execPath, [program, ...flags, origin]);
    const { latency } = JSON.parse(stdout) as { latency: { p50: number; p99: number; p99_9: number } };
    return { p50Ms: latency.p50, p99Ms: latency.p99, p999Ms: latency.p99_9 };
  };
}

function tableOf(found: readonly Finding[]): string {
  const head = ['server', 'figure', 'generator', 'truth ms', 'plain client', 'reported ms', 'off by ms', ''];
  const ms = (value: number | undefined) => value?.toFixed(2) ?? '';
  const rows = found.map(({ server, figure, generator, expectedMs, seenMs, reportedMs }) => [
    server,
    figure,
    generator,
    ms(expectedMs),
    ms(seenMs),
    ms(reportedMs),
    ms(reportedMs - expectedMs),
    `${((reportedMs / expectedMs - 1) * 100).toFixed(1)} %`,
  ]);
  const invalid = found.flatMap(({ server, generator, invalidReason }) =>
    invalidReason === undefined
      ? []
      : [`${server}, ${generator}: declares its figures invalid: ${invalidReason}`],
  );
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column]?.length ?? 0)));
  const placed = (cell: string, column: number) =>
    column < TEXT_COLUMNS ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0);
  const lines = [head, ...rows].map((row) => row.map(placed).join('  ').trimEnd());
  return [...lines, ...new Set(invalid)].join('\n');
}

function recordOf(found: readonly Finding[]): unknown {
  return {
    measured_at: new Date().toISOString(),
    cpu_model: cpus()[0]?.model,
    cpu_count: cpus().length,
    load_average: loadavg()[0],
    node_version: process.versions.node,
    connections: CONNECTIONS,
    findings: found.map(({ server, figure, generator, expectedMs, seenMs, reportedMs, invalidReason }) => ({
      server,
      figure,
      generator,
      expected_ms: expectedMs,
      plain_client_ms: seenMs,
      reported_ms: reportedMs,
      invalid_reason: invalidReason,
    })),
  };
}
