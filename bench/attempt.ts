import type { RunContext } from './environment/context.ts';
import type { MachineCells } from './environment/machine.ts';
import { messageOf } from './errors.ts';
import { type Trial, titleOf } from './plan.ts';
import type { Row } from './results/row.ts';
import { rowWithout } from './results/rows.ts';
import { baseRow, runTrial, type TrialOutcome } from './trial.ts';

/** What became of a trial: always rows. `failure` names the trial and the reason when it failed. */
export interface Attempt extends TrialOutcome {
  /** For a progress line. */
  summary: string;
  failure?: string;
}

/** Runs a trial. One that fails or is stopped is a row with its status and reason; nothing is left running. */
export async function attemptTrial(
  trial: Trial,
  context: RunContext,
  machine: MachineCells,
  onProgress: (text: string) => void,
): Promise<Attempt> {
  try {
    const outcome = await runTrial(trial, context, machine, onProgress);
    const attempt = { ...outcome, summary: summaryOf(outcome.rows[0]) };
    if (outcome.unclosed === undefined) return attempt;
    return { ...attempt, failure: `${titleOf(trial)}: measured, but not tidied up: ${outcome.unclosed}` };
  } catch (error) {
    const { signal } = context;
    const status = signal.aborted ? 'interrupted' : 'failed';
    const reason = messageOf(signal.aborted ? signal.reason : error);
    const rows = [rowWithout(baseRow(trial, context, machine), status, reason)];
    const attempt = { rows, histograms: {}, summary: `${status}: ${reason}` };
    return signal.aborted ? attempt : { ...attempt, failure: `${titleOf(trial)}: ${reason}` };
  }
}

function summaryOf(row: Row | undefined): string {
  if (row?.status !== 'ok') return `${row?.status}: ${row?.invalid_reason}`;
  if (row.valid === false) return `INVALID: ${row.invalid_reason}`;
  const p50 = row.svc_p50_us === undefined ? '' : `, p50 ${(row.svc_p50_us / 1000).toFixed(2)} ms`;
  return `${Math.round(row.rps_ok ?? 0)} ok/s${p50}`;
}
