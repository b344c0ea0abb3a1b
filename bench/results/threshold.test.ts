import { describe, expect, test } from 'vitest';
import type { Row } from './row.ts';
import { crossings, parseThreshold } from './threshold.ts';

const VALID: Row = { operation: 'all', status: 'ok', valid: true, engine: 'slices', arm: 'a', block: 'r-1' };
const crossed = (text: string, rows: readonly Row[]) => crossings([parseThreshold(text)], rows);

describe('one block', () => {
  const rows: Row[] = [
    { ...VALID, svc_p99_us: 20_000, svc_p50_us: 500, rps_ok: 900 },
    { ...VALID, operation: 'read', svc_p99_us: 999_999 },
  ];
  test.each([
    ['p99<20ms', 1],
    ['p99<21ms', 0],
    ['p(99)<0.021s', 0],
    ['p50<500us', 1],
    ['p50<501µs', 0],
    ['rps>1000/s', 1],
    ['rps>800/s', 0],
    ['p99.9<1s', 1],
  ])('%s', (text, count) => expect(crossed(text, rows)).toHaveLength(count));

  test('response time wins over service time where it is known', () => {
    const [open] = crossed('p99<30ms', [{ ...VALID, lat_p99_us: 40_000, svc_p99_us: 1 }]);
    expect(open?.value).toBe(40_000);
  });
});

describe('several blocks are held by their median', () => {
  const blocks = (...p99s: (number | undefined)[]) =>
    p99s.map((us, index): Row => {
      return { ...VALID, block: `r-${index + 1}`, ...(us === undefined ? {} : { svc_p99_us: us }) };
    });

  test('one bad block of three does not cross, two do, and that is reported once', () => {
    expect(crossed('p99<20ms', blocks(10_000, 90_000, 12_000))).toEqual([]);
    expect(crossed('p99<20ms', blocks(10_000, 90_000, 30_000))).toMatchObject([{ value: 30_000, blocks: 3 }]);
  });

  test('blocks that may not be used do not count, nor does what else was measured in them', () => {
    const [one, two, three] = blocks(10_000, 90_000, 95_000) as [Row, Row, Row];
    const spoilt = { ...three, arm: 'b', valid: false };
    const [a, b] = crossed('p99<1us', [one, two, three, spoilt]);
    expect(a).toMatchObject({ row: { arm: 'a' }, value: 50_000, blocks: 2 });
    expect(b).toEqual({ threshold: parseThreshold('p99<1us'), row: spoilt, value: undefined, blocks: 0 });
  });

  test('a figure that a block lacks is none, and keeps nothing', () => {
    expect(crossed('p99<1s', blocks(10_000, undefined, 12_000))).toMatchObject([{ blocks: 3 }]);
    expect(crossed('p99<1s', blocks(10_000, undefined, 12_000))[0]?.value).toBeUndefined();
  });

  test('each arm and group by itself', () => {
    const wide = (rows: Row[]) => rows.map((row) => ({ ...row, payload_bytes: 4096, svc_p99_us: 50_000 }));
    const rows = blocks(10_000, 11_000);
    expect(crossed('p99<20ms', [...rows, ...wide(rows)])).toMatchObject([{ row: { payload_bytes: 4096 } }]);
  });
});
