import type { Config } from '../config/config.ts';
import type { RawOptions } from '../config/values.ts';
import { openTogether } from '../environment/processes/resources.ts';
import { blockKey, isInterleaved } from '../results/blocks.ts';
import { openOutput } from '../results/output.ts';
import type { Row } from '../results/row.ts';
import { openBench } from './bench.ts';
import { type BlocksOutcome, deadlineOf, runBlocks } from './blocks.ts';
import { timeText } from './estimate.ts';
import { checkOrigin, recordableOptions, type Unfinished } from './resume.ts';

/** The result of a run; the rows are those of the file at `path`. */
export interface RunOutcome extends BlocksOutcome {
  runId: string;
  path: string;
  rows: readonly Row[];
  /** Backends that are not available here, with the reasons. */
  unavailable: readonly string[];
}

/**
 * Runs the whole pipeline: configuration → plan → environment → load → rows → CSV. A trial that fails is a row. When
 * the signal aborts, the rows so far are kept, the rest is not run, and nothing is left running.
 * @throws BenchError when nothing could be started, or rows cannot be written any more.
 */
export function run(
  config: Config,
  command: readonly string[],
  given: RawOptions,
  signal: AbortSignal,
  unfinished?: Unfinished,
): Promise<RunOutcome> {
  return openTogether(async (resources) => {
    const continued = unfinished === undefined ? {} : { runId: unfinished.runId };
    const bench = await openBench({ config, command, signal, ...continued }, resources);
    const { runId } = bench.context;
    bench.progress.say(timeText(bench.context.config));
    if (unfinished !== undefined) checkOrigin(unfinished.origin, bench.machine);
    const output = openOutput(unfinished?.path ?? config.out, runId, unfinished?.rows);
    resources.add('result file', output.close);
    const earlier = unfinished?.record ?? {};
    const services: Record<string, unknown> = { ...earlier.services };
    // What an earlier call left out is no longer among the stores of this one.
    const unavailable = [...(earlier.left_out ?? []), ...bench.unavailable];
    const record = {
      ...bench.record,
      // Whoever repeats a run has no file to continue.
      command: earlier.command ?? command,
      options: recordableOptions(given, bench.context.config),
      left_out: unavailable,
    };
    const describe = (rates: Readonly<Record<string, number>> = {}) =>
      output.describe({ ...record, services, rates: { ...earlier.rates, ...rates } });
    describe();
    const outcome = await runBlocks(
      bench,
      ({ trials }) => {
        const again = new Set(trials.flatMap(({ rows }) => rows.map(partKey)));
        const isReplaced = (row: Row) => again.has(partKey(row));
        if (unfinished !== undefined) {
          // A block that is stopped once more leaves what there was of it.
          if (signal.aborted && output.rows.some(isReplaced)) return;
          output.remove(isReplaced);
        }
        for (const { trial, service, ...measured } of trials) {
          output.append(measured);
          if (service !== undefined) services[trial.arm] ??= service;
        }
        describe();
      },
      { deadlineMs: deadlineOf(bench.context.config), finished: unfinished?.rows },
    );
    describe(outcome.rates);
    await resources.close();
    return { ...outcome, runId, path: output.path, rows: output.rows, unavailable };
  });
}

/** What is run as one, and again as one: a block, or an arm's part of it where arms take no turns. */
const partKey = (row: Row) => (isInterleaved(row) ? blockKey(row) : `${blockKey(row)} ${row.arm}`);
