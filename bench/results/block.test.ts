import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Row } from './row.ts';
import { addNetCpu, type JudgedArm, judgeBlock } from './validity.ts';

const QUIET = { throttledNs: 0, windowSeconds: 2 };
const arm = (store: string, change: Row = {}, observed: Partial<JudgedArm['observed']> = {}): JudgedArm => ({
  rows: [{ arm: store, store, operation: 'all', status: 'ok', valid: true, ...change }],
  observed: { ...QUIET, ...observed },
});
const wrong = { valid: false, invalid_reason: 'read: 1 timeouts' };

describe('a block', () => {
  const outcome = (arms: readonly JudgedArm[]) =>
    judgeBlock(arms).map(([row]) => [row?.valid, row?.invalid_reason]);

  test('of sound arms is kept as it is', () => {
    const arms = [arm('redis'), arm('jwt')];
    expect(judgeBlock(arms)).toEqual(arms.map(({ rows }) => rows));
  });

  test('falls with one arm: each row with its own reason, or whose it was', () => {
    const other = { valid: false, invalid_reason: 'read: 7 replies 5xx' };
    expect(outcome([arm('redis'), arm('jwt', wrong), arm('memory', other)])).toEqual([
      [false, 'block dropped: jwt: read: 1 timeouts'],
      [false, 'read: 1 timeouts'],
      [false, 'read: 7 replies 5xx'],
    ]);
  });

  test('falls with an arm that failed in mid-run, figures or not', () => {
    const failed = { status: 'failed', valid: false, invalid_reason: 'redis died' };
    expect(outcome([arm('jwt'), arm('redis', failed)])[0]).toEqual([
      false,
      'block dropped: redis: redis died',
    ]);
  });

  test('stands when a backend merely cannot do it', () => {
    const cannot = { status: 'unsupported', valid: false, invalid_reason: 'cookies hold 4 KiB' };
    expect(outcome([arm('redis'), arm('jwt', cannot)])).toEqual([
      [true, undefined],
      [false, 'cookies hold 4 KiB'],
    ]);
    expect(outcome([arm('redis', wrong), arm('jwt', cannot)])[1]).toEqual([false, 'cookies hold 4 KiB']);
  });

  test('takes the rows of single operations with it', () => {
    const mixed = {
      ...arm('redis'),
      rows: [...arm('redis').rows, { ...arm('redis').rows[0], operation: 'login' }],
    };
    expect(judgeBlock([mixed, arm('jwt', wrong)])[0]?.map(({ valid }) => valid)).toEqual([false, false]);
  });

  test.each([
    ['alike', [0.5, 0.5], true],
    ['1 point apart', [0.02, 0.0], true],
    ['more', [0.0201, 0.0], false],
    ['not counted on one side', [0.5, undefined], true],
  ])('throttled %s', (_, seconds, isSound) => {
    const [base, head] = seconds.map((value) => (value === undefined ? value : value * 1e9));
    const found = outcome([arm('redis', {}, { throttledNs: base }), arm('jwt', {}, { throttledNs: head })]);
    expect(found.map(([valid]) => valid)).toEqual([isSound, isSound]);
    if (!isSound) expect(found[0]?.[1]).toContain('1.0 % of redis');
  });

  test('is judged alike whichever arm is faster', () => {
    const figures = fc.record({
      rps_ok: fc.double({ min: 1, max: 1e5, noNaN: true }),
      cpu_us_per_req_server: fc.double({ min: 1, max: 1e4, noNaN: true }),
      svc_p99_us: fc.integer({ min: 1, max: 1e6 }),
    });
    const verdicts = (first: Row, second: Row, broken: Row) =>
      outcome([arm('redis', first), arm('jwt', { ...second, ...broken })]);
    fc.assert(
      fc.property(figures, figures, fc.constantFrom({}, wrong), (first, second, broken) => {
        expect(verdicts(first, second, broken)).toEqual(verdicts(second, first, broken));
      }),
      { seed: 20261121, numRuns: 100 },
    );
  });
});

describe('the net column', () => {
  const figures = (server: number, balancer: number, store?: number): Row => ({
    balancer: 'haproxy',
    cpu_us_per_req_server: server,
    cpu_us_per_req_balancer: balancer,
    ...(store === undefined ? {} : { cpu_us_per_req_store: store, store_version: '7.0', pool_size: 10 }),
  });
  const control = arm('none', figures(100, 50)).rows;
  const net = (...arms: (readonly Row[])[]) => addNetCpu(arms).map(([row]) => row?.cpu_us_per_req_net);

  test('is server, balancer and store beyond the control, which has none itself; it may be negative', () => {
    expect(
      net(arm('redis', figures(140, 52, 12)).rows, control, arm('memory', figures(98, 49)).rows),
    ).toEqual([54, undefined, -3]);
  });

  test('does not want a balancer that is not there', () => {
    const bare = (store: string, server: number) =>
      arm(store, { balancer: 'none', cpu_us_per_req_server: server }).rows;
    expect(net(bare('memory', 103), bare('none', 100))[0]).toBe(3);
  });

  const { cpu_us_per_req_store: _, ...unread } = figures(140, 52, 12);
  test.each([
    ['without a control', arm('redis', figures(140, 52, 12)).rows, []],
    ['with an invalid control', arm('redis', figures(140, 52, 12)).rows, [{ ...control[0], ...wrong }]],
    ['of an invalid row', arm('redis', { ...figures(140, 52, 12), ...wrong }).rows, control],
    ['where the service cannot be read', arm('redis', unread).rows, control],
    ['of a single operation', arm('redis', { ...figures(1, 1), operation: 'login' }).rows, control],
    ['with a control of other code', arm('jwt', { ...figures(120, 50), git_sha: 'abc' }).rows, control],
  ])('is empty %s', (_, rows, reference) => {
    expect(net(rows, reference as Row[])[0]).toBeUndefined();
  });
});
