import { Command } from 'commander';
import { calibrateCommand } from './commands/calibrate.ts';
import type { BenchCommand } from './commands/command.ts';
import { compareCommand } from './commands/compare.ts';
import { doctorCommand } from './commands/doctor.ts';
import { runToExitCode } from './commands/exit-code.ts';
import { findMaxCommand } from './commands/find-max.ts';
import { gateCommand } from './commands/gate.ts';
import { listCommand } from './commands/list.ts';
import { probeCommand } from './commands/probe.ts';
import { runCommand } from './commands/run.ts';
import { addFlags, givenFlags } from './config/flag.ts';
import { EXIT, type ExitCode } from './errors.ts';

/** Every command, in the order of help; the first is the default. */
const COMMANDS: readonly BenchCommand[] = [
  runCommand,
  compareCommand,
  gateCommand,
  probeCommand,
  findMaxCommand,
  calibrateCommand,
  listCommand,
  doctorCommand,
];

/** `pnpm bench`: its commands and their flags. @param call receives the selected command. */
function createProgram(call: (called: BenchCommand, command: Command) => Promise<void>): Command {
  const program = new Command('pnpm bench')
    .description('How should a site remember who is logged in? Every way, measured on equal terms.')
    .helpCommand(false)
    .configureOutput({ writeErr: () => undefined })
    .exitOverride();
  for (const one of COMMANDS) {
    const { name, description, words, flags } = one;
    const command = program.command(name, { isDefault: one === COMMANDS[0] }).description(description);
    if (words !== undefined) command.usage(words.usage).argument(words.spelling, words.help);
    addFlags(command, flags).action(() => call(one, command));
  }
  return program;
}

async function dispatch(argv: readonly string[], signal: AbortSignal): Promise<ExitCode> {
  let exitCode: ExitCode = EXIT.ok;
  const program = createProgram(async (called, command) => {
    exitCode = await called.run({ given: givenFlags(command), words: command.args, argv, signal });
  });
  await program.parseAsync([...argv], { from: 'user' });
  return exitCode;
}

const argv = process.argv.slice(2);
process.exitCode = await runToExitCode(
  argv,
  () => createProgram(async () => undefined),
  (signal) => dispatch(argv, signal),
);
