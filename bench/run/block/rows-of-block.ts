import { findStore } from '../../../stores/registry.ts';
import { traitsOf } from '../../../stores/traits.ts';
import { REVOCATION_IDLE_SECONDS } from '../../environment/server.ts';
import type { LoadModel } from '../../load/job.ts';
import { seriesOf } from '../../results/failure.ts';
import type { Expectation } from '../../results/observed.ts';
import type { Row } from '../../results/row.ts';
import { rowsOf } from '../../results/rows.ts';
import type { SeriesRecord } from '../../results/series.ts';
import type { SliceRecord } from '../../results/slices.ts';
import { addNetCpu, judgeBlock } from '../../results/validity.ts';
import type { Trial } from '../plan.ts';
import { type Arm, type BlockLoad, storeCores } from './arms.ts';
import type { Measured } from './measure.ts';

/** The rows of one arm of a block, with its latencies. */
export interface MeasuredTrial {
  arm: Arm;
  rows: readonly Row[];
  histograms: Readonly<Record<string, string>>;
  slices: readonly SliceRecord[];
  series: readonly SeriesRecord[];
}

/** The rows of all arms of a block that ran, validated together. */
export function rowsOfBlock(
  measured: readonly Measured[],
  load: BlockLoad,
  model: LoadModel,
  sliceSeconds: number,
  systemCores: number,
): MeasuredTrial[] {
  const isSliced = model.model === 'closed' || model.model === 'open';
  const trials = measured.map(({ arm, result, observed, slices }) => {
    const row: Row = {
      ...arm.row,
      ...('ratePerSecond' in model ? { target_rps: model.ratePerSecond } : {}),
      ...(isSliced ? { slice_ms: sliceSeconds * 1000 } : {}),
    };
    const expected = { ...expectationOf(arm.trial, load), systemCores };
    const rows = rowsOf(arm.trial, row, result, observed, expected);
    const histograms = Object.fromEntries(
      result.operations.map((one) => [one.operation, one.response ?? one.histogram]),
    );
    return { arm, rows, histograms, observed, slices, series: seriesOf(result, observed) };
  });
  const judged = addNetCpu(judgeBlock(trials.map(({ rows, observed }) => ({ rows, observed }))));
  return trials.map(({ arm, histograms, slices, series }, index) => {
    return { arm, histograms, slices, series, rows: judged[index] ?? [] };
  });
}

/** The prediction of the traits: (N-1)/N of reads miss where sessions stay in one server and requests do not. */
function expectationOf(trial: Trial, load: BlockLoad): Omit<Expectation, 'systemCores'> {
  const definition = findStore(trial.store);
  const shared = definition === undefined || traitsOf(definition, trial.options, 'second').shared;
  const scattered = !shared && trial.affinity === 'round-robin' && trial.scenario !== 'revocation';
  return {
    missShare: scattered ? (trial.servers - 1) / trial.servers : 0,
    tokenLifetimeSeconds: REVOCATION_IDLE_SECONDS,
    storeCores: storeCores(trial),
    nullServerRps: load.nullServerRps,
  };
}
