import { Command } from 'commander';
import { usesColor } from '../commands/color.ts';
import { runToExitCode } from '../commands/exit-code.ts';
import { addFlags, givenFlags, parseFlags } from '../config/flag.ts';
import { EXIT } from '../errors.ts';
import { createProgress, type Progress } from '../progress.ts';
import { GROUP_NAMES, GROUPS, type GroupName } from './group.ts';
import { measure } from './measure.ts';
import { MICRO_FLAGS } from './options.ts';
import { describeMachine, type GroupOutcome, renderJson, renderTables } from './render.ts';

/** First estimates, until a group has ended: operations of a group, and the overhead of each beyond its time. */
const GUESSED_OPERATIONS = 30;
const WARM_UP_SHARE = 1 / 3;

/** `pnpm bench:micro` and its flags. */
function createCommand(): Command {
  const command = new Command('pnpm bench:micro')
    .description(
      'Times the parts that sessions are made of, one by one: on this machine, in one process. ' +
        'For stores it starts the services that they need. Results go to standard output, progress to standard error.',
    )
    .allowExcessArguments(false)
    .configureOutput({ writeErr: () => undefined })
    .exitOverride();
  return addFlags(command, MICRO_FLAGS);
}

/** Whatever ends the measurement, the figures so far are printed. */
async function measureAndShow(signal: AbortSignal): Promise<void> {
  const command = createCommand().parse(argv, { from: 'user' });
  const options = parseFlags(MICRO_FLAGS, givenFlags(command));
  const groups = GROUP_NAMES.filter((name) => options.only.includes(name));
  const timeMs = options.timeSeconds * 1000;
  const machine = describeMachine();
  const outcomes: GroupOutcome[] = [];
  const guessMs = GUESSED_OPERATIONS * timeMs * (1 + WARM_UP_SHARE);
  const progress = createProgress(process.stderr, guessMs);
  for (const line of machine) progress.say(line);
  try {
    for (const [index, name] of groups.entries()) {
      progress.begin(name, index + 1, groups.length);
      await measureGroup(name, timeMs, outcomes, progress, signal);
    }
  } finally {
    progress.close();
    if (outcomes.some(({ measurements, unavailable }) => measurements.length + unavailable.length > 0)) {
      const color = usesColor({});
      const tables = () => `\n${machine.join('\n')}\n\n${renderTables(outcomes, color)}`;
      process.stdout.write(options.json ? renderJson(outcomes) : tables());
    }
  }
}

async function measureGroup(
  group: GroupName,
  timeMs: number,
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
  await measureAndShow(signal);
  return EXIT.ok;
});
