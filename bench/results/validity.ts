import { CONTROL } from '../../stores/registry.ts';
import type { OperationResult } from '../load/job.ts';
import { WITH_ANOTHER_ARM } from './blocks.ts';
import { unequalLoadReason } from './equal-load.ts';
import type { Observed, Warmth } from './observed.ts';
import { achievedShare, finalBacklog, lateTail, type OpenLoopFigures } from './open-loop.ts';
import { isUsable, type Row } from './row.ts';
import { whole } from './text.ts';

/**
 * When a trial's figures must not be used: the rules of the measurement design. Each is a function that returns reasons
 * for people, with figure and limit; none when the rule holds. Pure. No rule depends on how fast anything was, only on
 * whether the experiment was sound. Rule 6 (samples for a percentile) is in stats/histogram.ts.
 */

/** How far the share of misses may exceed the prediction of the traits. */
const MISS_TOLERANCE = 0.05;

/**
 * Rule 1: a healthy scenario with any error or wrong reply is invalid. Misses (401) that the traits predict do not
 * count. Counts that do not add up are invalid too: then the outcome of some requests is unknown.
 */
export function wrongReplies(
  all: OperationResult,
  { missShare = 0, firstFailure }: { missShare?: number; firstFailure?: string | undefined } = {},
): string[] {
  const predicted = all.completed * (missShare + MISS_TOLERANCE);
  const forgiven = missShare > 0 && all.unauthorized <= predicted ? all.unauthorized : 0;
  const accounted = all.completed + all.connErrors + all.timeouts + all.dropped + all.inflightEnd;
  const counts: [number, string][] = [
    [all.http4xx - forgiven, 'replies 4xx'],
    [all.http5xx, 'replies 5xx'],
    [all.checkFailed, 'replies with a wrong body'],
    [all.connErrors, 'connections lost'],
    [all.timeouts, 'timeouts'],
    [Math.abs(all.scheduled - accounted), 'requests that are not accounted for'],
  ];
  const wrong = counts.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`);
  if (all.completed === 0) wrong.push('no request completed');
  if (wrong.length === 0) return [];
  const first = firstFailure === undefined || missShare > 0 ? '' : `; first: ${firstFailure}`;
  return [`${wrong.join(', ')}${first}`];
}

const MIN_ACHIEVED_SHARE = 0.98;

/** Rule 2: the offered rate was achieved, and no backlog was left at the end. */
export function openLoopReasons(figures: OpenLoopFigures): string[] {
  const { offeredRps } = figures;
  const reasons: string[] = [];
  const achieved = achievedShare(figures);
  if (achieved < MIN_ACHIEVED_SHARE) {
    const limit = `limit ${percent(MIN_ACHIEVED_SHARE)}`;
    reasons.push(`achieved ${percent(achieved)} of the offered ${whole(offeredRps)} requests/s (${limit})`);
  }
  const { waiting, limit } = finalBacklog(figures);
  if (waiting > limit) {
    reasons.push(
      `backlog still rising at the end: ${whole(waiting)} requests due and not sent (limit ${whole(limit)})`,
    );
  }
  return reasons;
}

/** Rule 2: requests were sent in time. It concerns response times alone, and not CPU at equal load. */
export function latenessReasons(figures: OpenLoopFigures): string[] {
  const tail = lateTail(figures);
  if (tail === undefined || tail.latenessUs <= tail.limitUs) return [];
  const { name, latenessUs, limitUs } = tail;
  return [
    `lateness of sending ${name} ${whole(latenessUs)} µs (limit ${whole(limitUs)} µs, 10 % of the response time's)`,
  ];
}

/** The generator must reach this multiple of the rate against the null server. */
export const GENERATOR_HEADROOM = 1.3;

/** Rule 3, open loop only: neither generator nor balancer limits what is measured. */
export function instrumentReasons(figures: {
  offeredRps: number;
  /** `undefined` when it was not measured. */
  nullServerRps: number | undefined;
  bottleneck: string | undefined;
}): string[] {
  const { offeredRps, nullServerRps, bottleneck } = figures;
  const needed = offeredRps * GENERATOR_HEADROOM;
  const reasons: string[] = [];
  if (nullServerRps !== undefined && nullServerRps < needed) {
    reasons.push(
      `the generator reaches ${whole(nullServerRps)} requests/s here (needed ${whole(needed)}, 1.3 times the rate)`,
    );
  }
  if (bottleneck === 'balancer') reasons.push('the balancer is the bottleneck: its processor is full');
  return reasons;
}

const MAX_STEAL_SHARE = 0.05;
const MAX_FOREIGN_SHARE = 0.25;

/**
 * Rule 4, as far as it concerns each trial: the machine was available to the run. Throttling is compared between arms.
 */
export function hostReasons({ stealShare = 0, foreignShare = 0 }: Partial<Observed['host']>): string[] {
  const reasons: string[] = [];
  if (stealShare > MAX_STEAL_SHARE) {
    reasons.push(`steal: the hypervisor gave ${percent(stealShare)} of the processors to others (limit 5 %)`);
  }
  if (foreignShare > MAX_FOREIGN_SHARE) {
    reasons.push(`other work took ${percent(foreignShare)} of the processors (limit 25 %)`);
  }
  return reasons;
}

/** Rule 5: the warm-up ended without a trend that matters. */
export function steadyReasons({ steady, trendPct }: Pick<Warmth, 'steady' | 'trendPct'>): string[] {
  if (steady) return [];
  const change =
    trendPct === undefined ? '' : ` by ${trendPct > 0 ? '+' : '−'}${Math.abs(trendPct).toFixed(1)} %`;
  return [`not steady: CPU per request still changed${change} at the end of the warm-up (limit 3 %)`];
}

/** One arm of a block: its rows, and what is compared with other arms. */
export interface JudgedArm {
  rows: readonly Row[];
  observed: Pick<Observed, 'throttledNs' | 'windowSeconds'>;
}

/** Maximum difference between two arms' throttled shares of their own slices. */
const THROTTLING_POINTS = 0.01;

/**
 * The rows of each arm, validated together, in the given order. An arm that is invalid or failed invalidates its block:
 * the other arms had other conditions than in a sound block, and to keep some of them would be a selection. Each row
 * keeps its own reason, or names the arm that caused it. What a backend does not support (`unsupported`) drops nothing.
 */
export function judgeBlock(arms: readonly JudgedArm[]): Row[][] {
  const unequal = throttlingReason(arms) ?? unequalLoadReason(arms.flatMap(({ rows: [row] }) => row ?? []));
  const judged = arms.map(({ rows }) => (unequal === undefined ? [...rows] : rows.map(invalidFor(unequal))));
  const culprit = judged.flat().find((row) => isMeasurement(row) && row.valid !== true);
  if (culprit === undefined) return judged;
  const reason = `${WITH_ANOTHER_ARM}: ${culprit.arm ?? culprit.store}: ${culprit.invalid_reason ?? culprit.status}`;
  const dropped = (row: Row): Row =>
    row.valid === true ? { ...row, valid: false, invalid_reason: reason } : row;
  return judged.map((rows) => rows.map(dropped));
}

/** Rule 4: throttling that differs between the arms by more than 1 % of their time. `undefined` when it does not. */
function throttlingReason(arms: readonly JudgedArm[]): string | undefined {
  const shares = arms.flatMap(({ rows: [row], observed: { throttledNs, windowSeconds } }) =>
    throttledNs === undefined || windowSeconds <= 0 || row === undefined
      ? []
      : [{ name: row.arm ?? row.store, share: throttledNs / 1e9 / windowSeconds }],
  );
  shares.sort((a, b) => a.share - b.share);
  const [least, most] = [shares[0], shares.at(-1)];
  if (least === undefined || most === undefined || most.share - least.share <= THROTTLING_POINTS)
    return undefined;
  const figure = ({ name, share }: typeof least) => `${(share * 100).toFixed(1)} % of ${name}'s slices`;
  return `throttling was unequal: the quota held back ${figure(most)}, and ${figure(least)} (limit 1 point apart)`;
}

/** Whether the row stands for a measurement, and not for what the backend does not support. */
const isMeasurement = (row: Row): boolean => row.status !== 'unsupported';

const invalidFor =
  (reason: string) =>
  (row: Row): Row => {
    if (!isMeasurement(row)) return row;
    const reasons = row.valid === true ? [reason] : [row.invalid_reason, reason].filter(Boolean);
    return { ...row, valid: false, invalid_reason: reasons.join('; ') };
  };

/**
 * The rows of each arm with `cpu_us_per_req_net`: CPU of server, balancer and store per request, minus the same of the
 * control in this block, served by the same code when two commits are compared. The rest is the cost of the session,
 * and may be negative by chance. Empty without a valid control, for the control itself, for an invalid row, and where a
 * part of either cannot be read.
 */
export function addNetCpu(arms: readonly (readonly Row[])[]): Row[][] {
  const controls = arms.flat().filter((row) => row.store === CONTROL.name && isWhole(row));
  return arms.map((rows) =>
    rows.map((row) => {
      const control = controls.find((one) => one.git_sha === row.git_sha && one.git_dirty === row.git_dirty);
      const [own, reference] = [grossUs(row), control === undefined ? undefined : grossUs(control)];
      if (row.store === CONTROL.name || !isWhole(row) || own === undefined || reference === undefined)
        return row;
      return { ...row, cpu_us_per_req_net: own - reference };
    }),
  );
}

const isWhole = (row: Row) => row.operation === 'all' && isUsable(row);

/**
 * CPU of server, balancer and store; `undefined` when one that exists has no figure. What does not exist costs nothing.
 */
function grossUs(row: Row): number | undefined {
  const hasBalancer = row.balancer !== undefined && row.balancer !== 'none';
  const hasStore = row.store_version !== undefined || row.pool_size !== undefined;
  const parts = [
    row.cpu_us_per_req_server,
    row.cpu_us_per_req_balancer ?? (hasBalancer ? undefined : 0),
    row.cpu_us_per_req_store ?? (hasStore ? undefined : 0),
  ];
  return parts.reduce((sum, part) => (sum === undefined || part === undefined ? undefined : sum + part), 0);
}

const percent = (share: number) => `${Number((share * 100).toFixed(2))} %`;
