import type { Config } from '../config/config.ts';
import { bothSides } from '../config/store-choice.ts';
import { openTogether } from '../environment/processes/resources.ts';
import { isUsable, type Row } from '../results/row.ts';
import { openBench } from '../run/bench.ts';
import { runBlocks } from '../run/blocks.ts';
import type { Calibration } from './kept.ts';
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
    const deadlineMs = performance.now() + totalSeconds * 1000;
    const outcome = await runBlocks(
      bench,
      ({ trials }) => {
        for (const { trial, rows: own } of trials) rows[trial.side ?? 'head'].push(...own);
      },
      { deadlineMs },
    );
    await resources.close();
    const kept = toCalibration(noiseOf(rows.base, rows.head), rows.head);
    return { kept, failures: outcome.failures };
  });
}

function toCalibration(noise: readonly Noise[], rows: readonly Row[]): Calibration | undefined {
  const [row] = rows;
  if (row === undefined || noise.length === 0) return undefined;
  const valid = rows.filter(isUsable).length;
  const percent = (log: number) => (Number.isFinite(log) ? Math.expm1(log) * 100 : null);
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
  };
}
