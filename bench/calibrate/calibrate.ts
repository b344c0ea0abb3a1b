import type { Config } from '../config/config.ts';
import { bothSides } from '../config/store-choice.ts';
import { openTogether } from '../environment/processes/resources.ts';
import { isUsable, type Row } from '../results/row.ts';
import { openBench } from '../run/bench.ts';
import type { TrialOutcome } from '../run/block/block.ts';
import { runBlocks } from '../run/blocks.ts';
import type { Calibration } from './kept.ts';
import { type Effect, type Levels, levelsOf, type TwinSlices } from './levels.ts';
import { type Noise, noiseOf } from './noise.ts';

/** The noise of a machine, as `pnpm bench calibrate` measures it. */
export interface CalibrationOutcome {
  /** For {@link keepCalibration}; `undefined` with fewer than two valid blocks. */
  kept: Calibration | undefined;
  failures: readonly string[];
}

/**
 * Measures this machine's noise: two identical arms in interleaved blocks until the time is used up. Any difference
 * between them is noise.
 */
export function calibrate(
  config: Config,
  totalSeconds: number,
  command: readonly string[],
  signal: AbortSignal,
): Promise<CalibrationOutcome> {
  return openTogether(async (resources) => {
    const [choice] = config.stores;
    if (choice === undefined) throw new Error('expected a store to calibrate with, got none');
    const twins = { ...config, stores: bothSides(choice) };
    const bench = await openBench({ config: twins, command, signal }, resources);
    const rows: Record<'base' | 'head', Row[]> = { base: [], head: [] };
    const twinSlices: TwinSlices[] = [];
    const deadlineMs = performance.now() + totalSeconds * 1000;
    const outcome = await runBlocks(
      bench,
      ({ trials }) => {
        for (const { trial, rows: own } of trials) rows[trial.side ?? 'head'].push(...own);
        if (trials.every(({ rows: own }) => own.every(isUsable))) twinSlices.push(slicesOf(trials));
      },
      { deadlineMs },
    );
    await resources.close();
    const kept = toCalibration(noiseOf(rows.base, rows.head), levelsOf(twinSlices), rows.head);
    return { kept, failures: outcome.failures };
  });
}

function slicesOf(trials: readonly TrialOutcome[]): TwinSlices {
  const of = (side: 'base' | 'head') =>
    trials.flatMap(({ trial, slices = [] }) => ((trial.side ?? 'head') === side ? slices : []));
  return { base: of('base'), head: of('head') };
}

const percent = (log: number) => (Number.isFinite(log) ? Math.expm1(log) * 100 : null);

function toCalibration(
  noise: readonly Noise[],
  levels: Levels | undefined,
  rows: readonly Row[],
): Calibration | undefined {
  const [row] = rows;
  if (row === undefined || noise.length === 0) return undefined;
  const valid = rows.filter(isUsable).length;
  return {
    measured_at: new Date().toISOString(),
    host_id: row.host_id ?? '',
    node_version: row.node_version ?? '',
    blocks: valid,
    dropped_blocks: rows.length - valid,
    metrics: noise.map(({ metric, label, blocks, scatter, bias, detectable }) => ({
      metric,
      label,
      blocks,
      scatter_pct: scatter * 100,
      bias_pct: percent(bias.estimate) ?? 0,
      bias_lower_pct: percent(bias.lower),
      bias_upper_pct: percent(bias.upper),
      detectable_pct: percent(detectable),
    })),
    ...(levels === undefined ? {} : { levels: inPercent(levels) }),
  };
}

function inPercent({ rounds, slice, ofSlices, start, carryOver, place }: Levels): Calibration['levels'] {
  const effect = ({ estimate, lower, upper }: Effect) => ({
    pct: percent(estimate) ?? 0,
    lower_pct: percent(lower),
    upper_pct: percent(upper),
  });
  return {
    rounds,
    slice_pct: slice * 100,
    of_slices_pct: ofSlices * 100,
    start_pct: start * 100,
    carry_over: effect(carryOver),
    place: effect(place),
  };
}
