import { expect, test } from 'vitest';
import { equalLoadReasons, unequalLoadReason } from '../results/equal-load.ts';
import type { Row } from '../results/row.ts';
import { soundOperation } from '../results/trial-fixture.ts';
import {
  hostReasons,
  instrumentReasons,
  latenessReasons,
  openLoopReasons,
  steadyReasons,
  wrongReplies,
} from '../results/validity.ts';
import { faultsOf } from './cli-fixture.ts';

const invalid = (reason: string | undefined) =>
  faultsOf({ code: 4, signal: null, stdout: '', stderr: '' }, [
    { status: 'ok', valid: 'false', invalid_reason: reason ?? '' },
    { status: 'ok', valid: 'false', invalid_reason: `block dropped: jwt-blacklist:db=postgres: ${reason}` },
  ]);

const late = {
  ...{ offeredRps: 200, scheduled: 2400, completed: 2297, backlogEnds: [90, 90, 90, 90, 90, 90, 90, 90] },
  ...{ meanResponseUs: 2000, lateness: { p99: 900 }, response: { p99: 5000 } },
};
const atEqualLoad: Row = {
  ...{ pass: 'equal-load', status: 'ok', target_rps: 200, scheduled: 2400, sends_per_pump: 1 },
};

test('what other work on this machine does to a run is no fault of the run', () => {
  const reasons = [
    ...openLoopReasons(late),
    ...latenessReasons(late),
    ...instrumentReasons({ offeredRps: 200, nullServerRps: 200, bottleneck: 'balancer' }),
    ...hostReasons({ stealShare: 0.1, foreignShare: 0.4 }),
    ...steadyReasons({ steady: false, trendPct: 4 }),
    ...equalLoadReasons(
      { cpuNs: { server: 9e8, store: 0, balancer: 0 }, busiestServerNs: 9e8, windowSeconds: 1 },
      1,
    ),
    unequalLoadReason([2300, 2400].map((completed) => ({ ...atEqualLoad, completed }))),
  ];
  expect(reasons).toHaveLength(10);
  for (const reason of reasons) expect(invalid(reason), reason).toEqual([]);
});

test('a wrong or missing reply is one, and so is another exit code', async () => {
  for (const change of [{ http5xx: 1 }, { checkFailed: 1 }, { timeouts: 1, scheduled: 2001, sent: 2001 }]) {
    const [reason] = wrongReplies(await soundOperation(change));
    expect(invalid(reason).join()).toContain(reason);
  }
  expect(faultsOf({ code: 1, signal: null, stdout: '', stderr: 'died' }, [])).toEqual(['exit code 1: died']);
});
