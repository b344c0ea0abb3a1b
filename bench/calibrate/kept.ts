import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { writing } from '../errors.ts';

/** The noise floor of a machine, as `calibrate` stores it for `doctor`. */
const EFFECT = z.object({
  pct: z.number(),
  lower_pct: z.number().nullable(),
  upper_pct: z.number().nullable(),
});

const SCHEMA = z.object({
  measured_at: z.string(),
  host_id: z.string(),
  node_version: z.string(),
  blocks: z.number(),
  dropped_blocks: z.number(),
  metrics: z.array(
    z.object({
      metric: z.string(),
      label: z.string(),
      blocks: z.number(),
      scatter_pct: z.number(),
      bias_pct: z.number(),
      bias_lower_pct: z.number().nullable(),
      bias_upper_pct: z.number().nullable(),
      detectable_pct: z.number().nullable(),
    }),
  ),
  /** By level, of CPU per request; absent in files of before it was measured. */
  levels: z
    .object({
      rounds: z.number(),
      slice_pct: z.number(),
      of_slices_pct: z.number(),
      start_pct: z.number(),
      carry_over: EFFECT,
      place: EFFECT,
    })
    .optional(),
});

export type Calibration = z.infer<typeof SCHEMA>;

/** The path of the stored calibration, by the XDG base directory specification. */
export function calibrationPath(env: Readonly<Record<string, string | undefined>>): string {
  const state = env['XDG_STATE_HOME'] || join(env['HOME'] || homedir(), '.local', 'state');
  return join(state, 'session-bench', 'calibration.json');
}

/** @throws BenchError OUTPUT_UNWRITABLE */
export function keepCalibration(path: string, calibration: Calibration): void {
  writing(`to keep the calibration in ${path}`, 'Set XDG_STATE_HOME to a writable directory.', () => {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, `${JSON.stringify(calibration, undefined, 2)}\n`);
  });
}

/** The calibration that was stored last; `undefined` when there is none, or one that this version cannot read. */
export function readCalibration(path: string): Calibration | undefined {
  if (!existsSync(path)) return undefined;
  try {
    return SCHEMA.safeParse(JSON.parse(readFileSync(path, 'utf8'))).data;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
