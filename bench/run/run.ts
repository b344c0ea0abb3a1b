import type { Config } from '../config/config.ts';
import type { RawOptions } from '../config/values.ts';
import { openTogether } from '../environment/processes/resources.ts';
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
    const services: Record<string, unknown> = {};
    const record = {
      ...bench.record,
      // That of a run is the one that began it: whoever repeats it has no file to continue.
      command: unfinished?.command ?? command,
      options: recordableOptions(given, bench.context.config),
    };
    output.describe({ ...record, services });
    const outcome = await runBlocks(
      bench,
      ({ trials }) => {
        for (const { trial, service, ...measured } of trials) {
          output.append(measured);
          if (service !== undefined) services[trial.arm] ??= service;
        }
        output.describe({ ...record, services });
      },
      { deadlineMs: deadlineOf(bench.context.config), finished: unfinished?.rows },
    );
    output.describe({ ...record, services, rates: outcome.rates });
    await resources.close();
    return { ...outcome, runId, path: output.path, rows: output.rows, unavailable: bench.unavailable };
  });
}
