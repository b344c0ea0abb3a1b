import { runToExitCode } from '../commands/exit-code.ts';
import { EXIT } from '../errors.ts';
import { createProgress, type Progress } from '../progress.ts';
import { GROUPS, type GroupName } from './group.ts';
import { measure } from './measure.ts';
import { createCommand, type MicroOptions, parseOptions } from './options.ts';
import { describeMachine, type GroupOutcome, renderJson, renderTables } from './render.ts';

/** First estimates, until a group has ended: operations of a group, and the overhead of each beyond its time. */
const GUESSED_OPERATIONS = 30;
const WARM_UP_SHARE = 1 / 3;

/** Whatever ends the measurement, the figures so far are printed. */
async function measureAndShow(options: MicroOptions, signal: AbortSignal): Promise<void> {
  const machine = describeMachine();
  const outcomes: GroupOutcome[] = [];
  const guessMs = GUESSED_OPERATIONS * options.timeMs * (1 + WARM_UP_SHARE);
  const progress = createProgress(process.stderr, guessMs);
  for (const line of machine) progress.say(line);
  try {
    for (const [index, name] of options.only.entries()) {
      progress.begin(name, index + 1, options.only.length);
      await measureGroup(name, options, outcomes, progress, signal);
    }
  } finally {
    progress.close();
    if (outcomes.some(({ measurements, unavailable }) => measurements.length + unavailable.length > 0)) {
      const color = process.stdout.isTTY === true && !process.env['NO_COLOR'];
      const tables = () => `\n${machine.join('\n')}\n\n${renderTables(outcomes, color)}`;
      process.stdout.write(options.json ? renderJson(outcomes) : tables());
    }
  }
}

async function measureGroup(
  group: GroupName,
  { timeMs }: MicroOptions,
  outcomes: GroupOutcome[],
  progress: Progress,
  signal: AbortSignal,
): Promise<void> {
  const outcome: GroupOutcome = { group, measurements: [], unavailable: [], notes: [] };
  outcomes.push(outcome);
  let end = 'stopped';
  try {
    await GROUPS[group].run({
      async measure(operation) {
        progress.step(operation.name);
        outcome.measurements.push(await measure(operation, { timeMs, signal }));
      },
      skipOperation(name, reason) {
        progress.say(`left out: ${name}: ${reason}. To install it: sh scripts/setup.sh`);
        outcome.unavailable.push({ name, reason });
      },
      note: (text) => void outcome.notes.push(text),
      step: progress.step,
      signal,
    });
    end = 'measured';
  } finally {
    progress.end(`${outcome.measurements.length} operations ${end}`);
  }
}

const argv = process.argv.slice(2);
process.exitCode = await runToExitCode(argv, createCommand, async (signal) => {
  await measureAndShow(parseOptions(argv), signal);
  return EXIT.ok;
});
