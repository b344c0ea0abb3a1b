import { describe, expect, test } from 'vitest';
import type { Row } from '../results/row.ts';
import { cellsOf } from './cells.ts';
import { parseProbe } from './config.ts';
import type { ProbePhase } from './job.ts';
import { probe } from './probe.ts';
import { expectedAfterStop, type Measure, withDelay, withStop } from './truth.ts';

/** The instrument against servers whose answer is known beforehand. The figures are printed. */

const probing =
  (options: Record<string, string>): Measure<Row> =>
  async (origin, onMeasuring) => {
    const { job } = parseProbe([origin], { seed: '1', warmup: '500ms', ...options });
    const onPhase = (phase: ProbePhase) => {
      if (phase === 'measured load') onMeasuring();
    };
    const result = await probe(job, new AbortController().signal, { onPhase });
    if (result === undefined) throw new Error('expected a result of a probe that was not stopped');
    return cellsOf(job, result);
  };

const ms = (us: number | undefined) => (us ?? Number.NaN) / 1000;

// 70/s: no request is due when the reply to another comes, which would make both wait for the work of the other.
describe('the truth about a server of a fixed delay', () => {
  test.each([
    { delayMs: 5, load: { rate: '70', arrivals: 'constant' }, column: 'lat_p50_us' },
    { delayMs: 20, load: { rate: '70', arrivals: 'constant' }, column: 'lat_p50_us' },
    { delayMs: 5, load: { connections: '1' }, column: 'svc_p50_us' },
    { delayMs: 20, load: { connections: '1' }, column: 'svc_p50_us' },
  ] as const)('$column of $delayMs ms with $load', async ({ delayMs, load, column }) => {
    const measure = probing({ duration: '3s', ...load });
    const { serverMedianMs, seenMedianMs, reported } = await withDelay(delayMs, measure);
    const medianMs = ms(reported[column]);
    const told = [serverMedianMs, seenMedianMs, medianMs].map((value) => `${value.toFixed(3)} ms`);
    console.log(`server ${told[0]}, a plain client ${told[1]}, ${column} ${told[2]}`);
    expect(reported).toMatchObject({ http_5xx: 0, conn_errors: 0, timeouts: 0, dropped: 0 });
    expect(serverMedianMs).toBeGreaterThanOrEqual(delayMs);
    // Not less than the server took, and what it adds is at most half a millisecond more than what a plain client adds.
    const toleranceMs = Math.max(0.5, 0.02 * serverMedianMs);
    expect(medianMs).toBeGreaterThan(serverMedianMs - toleranceMs);
    expect(medianMs).toBeLessThan(Math.max(serverMedianMs, seenMedianMs) + toleranceMs);
  });
});

test('the truth about a server that stands still for a second in ten', async () => {
  const measure = probing({ duration: '10s', rate: '500', arrivals: 'constant', connections: '20' });
  const { stopMs, reported } = await withStop({ stopMs: 1_000, afterMs: 4_000 }, measure);
  for (const [upTo, column] of [
    [0.99, 'lat_p99_us'],
    [0.999, 'lat_p999_us'],
  ] as const) {
    const expectedMs = expectedAfterStop(upTo, stopMs, 10);
    const reportedMs = ms(reported[column]);
    console.log(
      `stop ${stopMs.toFixed(1)} ms: ${column} ${reportedMs} ms, by arithmetic ${expectedMs.toFixed(1)} ms`,
    );
    expect(Math.abs(reportedMs / expectedMs - 1)).toBeLessThan(0.05);
  }
  // Service time alone hides it: only the requests under way when it stopped, less than 1 %, saw anything.
  expect(ms(reported.svc_p99_us)).toBeLessThan(ms(reported.lat_p99_us) / 2);
  expect(reported).toMatchObject({ scheduled: 5_000, sent: 5_000, ok: 5_000 });
});
