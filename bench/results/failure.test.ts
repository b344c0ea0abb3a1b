import { describe, expect, test } from 'vitest';
import type { FailureResult, LoadResult, SecondCounts } from '../load/job.ts';
import { failureCells, failureNote, failureReasons, seriesOf } from './failure.ts';
import { failureSentences } from './failure-words.ts';
import type { Observed } from './observed.ts';
import type { Row } from './row.ts';
import { rowsOf } from './rows.ts';
import type { FaultEvent } from './series.ts';
import { BASE, closedResult, EXPECTED, OBSERVED, TRIAL } from './trial-fixture.ts';

/** 100 requests a second for 6 s: killed at 2 s, back at 3.4 s; half of second 2 is lost, a tenth of second 3 refused. */
const EVENTS: readonly FaultEvent[] = [
  { what: 's1 killed', isMended: false, atSeconds: 2 },
  { what: 's1 back', isMended: true, atSeconds: 3.4 },
];
const quiet = (second: number): SecondCounts => ({
  ...{ second, offered: 100, ok: 100, denied: 0, wrong: 0, refused: 0, lost: 0 },
  ...{ p50Us: 500, p95Us: 900, maxUs: 2000 },
});
const SECONDS = [
  quiet(0),
  quiet(1),
  { ...quiet(2), ok: 50, lost: 50 },
  { ...quiet(3), ok: 80, denied: 10, refused: 10 },
  quiet(4),
  quiet(5),
];
const FAILURE: FailureResult = {
  ...{ seconds: SECONDS, lastTroubleSeconds: 3.9, asAnother: 1, deniedAlive: 4, staleAccepts: 0 },
  ...{ logins: 200, loginsLost: 30, logouts: 50, logoutsUndone: 0, unknown: 0 },
};
const observed = (events: readonly FaultEvent[] = EVENTS): Observed => ({ ...OBSERVED, events });
const resultOf = async (change: Partial<FailureResult> = {}): Promise<LoadResult> => ({
  ...(await closedResult()),
  failure: { ...FAILURE, ...change },
});

describe('the columns of a load in which something broke', () => {
  test('count from the second of the fault on; a denied request was answered', async () => {
    expect(failureCells(await resultOf(), observed())).toEqual({
      availability_pct: 85,
      worst_second_pct: 50,
      trouble_s: expect.closeTo(1.9),
      recover_s: expect.closeTo(0.5),
      wrong_answers: 5,
      ...{ logins: 200, logins_lost: 30, logouts: 50, logouts_undone: 0 },
    });
  });

  test('without any trouble it lasted for no time', async () => {
    const cells = failureCells(
      await resultOf({ seconds: SECONDS.map(({ second }) => quiet(second)), lastTroubleSeconds: undefined }),
      observed(),
    );
    expect(cells).toMatchObject({ availability_pct: 100, worst_second_pct: 100, trouble_s: 0, recover_s: 0 });
  });

  test('a recovery is unknown where nothing is to come back, and where requests fail to the end', async () => {
    expect(failureCells(await resultOf(), observed(EVENTS.slice(0, 1))).recover_s).toBeUndefined();
    const seconds = [...SECONDS.slice(0, 5), { ...quiet(5), ok: 99, refused: 1 }];
    expect(failureCells(await resultOf({ seconds }), observed()).recover_s).toBeUndefined();
    expect(failureNote({ ...FAILURE, seconds }, 0)).toBe(
      'requests were still refused or lost when the load ended',
    );
  });

  test('are empty for other scenarios', async () => {
    expect(failureCells(await closedResult(), OBSERVED)).toEqual({});
    expect(seriesOf(await closedResult(), OBSERVED)).toEqual([]);
  });
});

test('a sentence for each group says what was broken and what it did, of usable rows alone', () => {
  const row = (store: string, cells: Row): Row => ({
    ...{ store, arm: store, block: 'r-1', operation: 'all', status: 'ok', valid: true, engine: 'slices' },
    ...{ scenario: 'failure', fault: 'kill-server', servers: 3, affinity: 'sticky' },
    ...{
      availability_pct: 100,
      logins: 200,
      logins_lost: 0,
      wrong_answers: 0,
      logouts: 50,
      logouts_undone: 0,
    },
    ...cells,
  });
  const rows = [
    row('memory', { logins_lost: 66, wrong_answers: 3, logouts_undone: 50 }),
    row('none', { availability_pct: 99.26 }),
    row('none', { fault: 'kill-store', valid: false }),
    row('memory', { fault: 'kill-store', status: 'unsupported', valid: false }),
  ];
  expect(failureSentences(rows)).toEqual([
    'failure (kill-server), 3 servers, sticky: none answered 99.3 % of the requests, lost no login; memory answered every request, lost 66 of 200 logins, gave 3 wrong answers, undid 50 of 50 logouts.',
  ]);
  const { fault: _, ...other } = row('none', { scenario: 'read' });
  expect(failureSentences([other])).toEqual([]);
});

test('other work on the machine is noted, and what was counted stays', async () => {
  const host = { stealShare: 0, foreignShare: 0.5 };
  const [row] = rowsOf(TRIAL, BASE, await resultOf(), { ...observed(), host }, EXPECTED);
  expect(row).toMatchObject({ valid: true, logins_lost: 30 });
  expect(row?.note).toContain('other work took 50 % of this machine');
});

describe('such a trial is sound', () => {
  test('when all was well before, whatever happened then', () => {
    expect(failureReasons(FAILURE, observed(), 0)).toEqual([]);
  });

  test.each([
    [{ refused: 1 }, 0, ['1 of 200 requests were refused or lost before the fault']],
    [{ lost: 2 }, 0, ['2 of 200 requests were refused or lost before the fault']],
    [{ denied: 11 }, 0, ['11 of 200 requests met a session that was not known, before the fault']],
    [{ denied: 11 }, 2 / 3, []],
  ])('%j before it, where %d of the reads may miss', (change, missShare, reasons) => {
    const seconds = [{ ...quiet(0), ...change }, ...SECONDS.slice(1)];
    expect(failureReasons({ ...FAILURE, seconds }, observed(), missShare)).toEqual(reasons);
  });

  test('not when nothing was broken, or nothing was sent before', () => {
    expect(failureReasons(FAILURE, OBSERVED, 0)).toEqual(['nothing was broken']);
    const seconds = SECONDS.map((one) => ({ ...one, offered: one.second < 2 ? 0 : 100 }));
    expect(failureReasons({ ...FAILURE, seconds }, observed(), 0)).toEqual([
      'no request was due before the fault',
    ]);
  });
});

test('a line for each second says what was done in it; what came after the load is in the last', async () => {
  const late = { what: 's2 back', isMended: true, atSeconds: 7.1 };
  const lines = seriesOf(await resultOf(), observed([...EVENTS, late]));
  expect(lines.map(({ second, events }) => [second, events])).toEqual([
    [0, undefined],
    [1, undefined],
    [2, ['s1 killed']],
    [3, ['s1 back']],
    [4, undefined],
    [5, ['s2 back']],
  ]);
  expect(lines[2]).toMatchObject({ offered: 100, ok: 50, lost: 50, p50_us: 500, p95_us: 900, max_us: 2000 });
});
