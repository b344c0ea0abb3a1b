import { existsSync } from 'node:fs';
import { type Comparison, compareRows } from '../../bench/compare/compare.ts';
import { BenchError } from '../../bench/errors.ts';
import { readResultFile } from '../../bench/results/csv.ts';
import type { Row } from '../../bench/results/row.ts';
import { type Bounds, binomialInterval, binomialUpperBound } from '../../bench/stats/binomial.ts';
import { CONFIDENCE } from '../../bench/stats/levels.ts';
import { median } from '../../bench/stats/median.ts';
import { PROOF_ARMS, PROOF_GATES, type ProofGate } from './arms.ts';
import { armFile, type GateRecord, readGates } from './campaign.ts';

/** The result of the gates of one kind; JSON leaves out what is `undefined`. */
export interface GateSummary {
  name: string;
  gates: number;
  verdicts: Readonly<Record<string, number>>;
  /** Number of REGRESSED: false alarms where nothing was planted, detections where something was. */
  regressed: number;
  /** Interval of the rate of REGRESSED, 95 %, exact. */
  interval: Bounds;
  /** One-sided 95 % upper bound of that rate. */
  upperBound: number;
  /** Medians over the gates, per cent of CPU per request: planted and estimated. */
  plantedPct: number | undefined;
  estimatedPct: number | undefined;
  /** Mean of estimated minus planted, in percentage points, and the maximum of any gate. */
  biasPoints: number | undefined;
  worstBiasPoints: number | undefined;
}

const NAMES = { base: 'base', head: 'head' };

type RowsByArm = ReadonlyMap<string, readonly Row[]>;

/** Summarizes the rows in a directory, gate by gate. Unfinished gates are omitted. */
export function summarizeGates(directory: string): GateSummary[] {
  const rows = rowsByArm(directory);
  const finished = readGates(directory).filter((gate) => gate.finished);
  return PROOF_GATES.map((gate) => summarize(gate, rows, finished));
}

function summarize(gate: ProofGate, rows: RowsByArm, finished: readonly GateRecord[]): GateSummary {
  const outcomes = finished.flatMap(({ run_id: runId, control_us: controlUs }) =>
    gate.pairs.flatMap(([base, head]) => {
      const [before, after] = [rowsOf(rows, base, runId), rowsOf(rows, head, runId)];
      return before.length === 0 || after.length === 0 ? [] : [judge(gate, before, after, controlUs)];
    }),
  );
  const biases = outcomes.flatMap(({ estimatedPct, plantedPct }) =>
    estimatedPct === undefined || plantedPct === undefined ? [] : [estimatedPct - plantedPct],
  );
  const verdicts: Record<string, number> = {};
  for (const { verdict } of outcomes) verdicts[verdict] = (verdicts[verdict] ?? 0) + 1;
  const regressed = verdicts['REGRESSED'] ?? 0;
  return {
    name: gate.name,
    gates: outcomes.length,
    verdicts,
    regressed,
    interval: binomialInterval(regressed, outcomes.length, CONFIDENCE),
    upperBound: binomialUpperBound(regressed, outcomes.length, CONFIDENCE),
    plantedPct: median(defined(outcomes.map((one) => one.plantedPct))),
    estimatedPct: median(defined(outcomes.map((one) => one.estimatedPct))),
    biasPoints: meanOf(biases),
    worstBiasPoints: biases.length === 0 ? undefined : Math.max(...biases.map(Math.abs)),
  };
}

function judge(gate: ProofGate, before: readonly Row[], after: readonly Row[], controlUs: number) {
  const comparison = tryCompare(before, after);
  const cpu = comparison?.findings.find((one) => one.metric?.name === 'cpu_us_per_req');
  const [estimate, baseUs] = [cpu?.evidence?.shift.estimate, cpu?.evidence?.medians.base];
  const { planted } = gate;
  const plantedUs =
    planted === undefined ? undefined : 'us' in planted ? planted.us : planted.share * controlUs;
  return {
    verdict: comparison?.verdict ?? 'INVALID',
    estimatedPct: estimate === undefined ? undefined : Math.expm1(estimate) * 100,
    plantedPct: plantedUs === undefined || baseUs === undefined ? undefined : (100 * plantedUs) / baseUs,
  };
}

/** `undefined` when a side has no valid block: the gate ends INVALID. */
function tryCompare(before: readonly Row[], after: readonly Row[]): Comparison | undefined {
  try {
    return compareRows(before, after, NAMES);
  } catch (error) {
    if (error instanceof BenchError && error.code === 'NOTHING_TO_COMPARE') return undefined;
    throw error;
  }
}

function rowsByArm(directory: string): Map<string, Row[]> {
  const names = new Set(PROOF_ARMS.map(({ name }) => name));
  return new Map(
    [...names].map((name) => {
      const path = armFile(directory, name);
      return [name, existsSync(path) ? readResultFile(path) : []];
    }),
  );
}

function rowsOf(rows: RowsByArm, name: string, runId: string): Row[] {
  return (rows.get(name) ?? []).filter((row) => row.run_id === runId);
}

function defined(values: readonly (number | undefined)[]): number[] {
  return values.filter((value) => value !== undefined);
}

function meanOf(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0) / values.length;
}
