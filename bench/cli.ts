import { Command } from 'commander';
import { runToExitCode } from './command.ts';
import { EXIT, type ExitCode } from './errors.ts';
import { addFindMaxOptions } from './find-max/options.ts';
import { addCalibrateOptions, addCompareOptions, addGateOptions, addRunOptions } from './options.ts';
import { addProbeOptions } from './probe/options.ts';
import type { RawOptions } from './values.ts';

/**
 * `pnpm bench`: its commands and their flags. What they do is elsewhere, and is loaded when it is asked for.
 */
function createProgram(): Command {
  const program = new Command('pnpm bench')
    .description('How should a site remember who is logged in? Every way, measured on equal terms.')
    .helpCommand(false)
    .configureOutput({ writeErr: () => undefined })
    .exitOverride();
  addRunOptions(program.command('run', { isDefault: true }).description('measure (the default command)'));
  addCompareOptions(
    program.command('compare').description('two result files: what changed, and is it worse'),
  );
  addGateOptions(
    program
      .command('gate')
      .description('the work tree against a commit, interleaved in one run: is it worse'),
  );
  addProbeOptions(program.command('probe').description('the load generator alone, against any server'));
  addFindMaxOptions(program.command('find-max').description('the highest rate that holds an objective'));
  addCalibrateOptions(
    program.command('calibrate').description("this machine's noise floor, in five minutes"),
  );
  program.command('list').description('stores, scenarios and balancers, with what each can and cannot do');
  program.command('doctor').description('what this machine has, what is missing, and how to get it');
  return program;
}

async function dispatch(argv: readonly string[], signal: AbortSignal): Promise<ExitCode> {
  let exitCode: ExitCode = EXIT.ok;
  const program = createProgram();
  const actions: Record<string, (options: RawOptions, words: readonly string[]) => Promise<void>> = {
    run: async (options) => {
      const { runCommand } = await import('./run-command.ts');
      exitCode = await runCommand(options, argv, signal);
    },
    compare: async (options, files) => {
      const { compareCommand } = await import('./compare-command.ts');
      exitCode = compareCommand(files, options);
    },
    gate: async (options) => {
      const { gateCommand } = await import('./gate-command.ts');
      exitCode = await gateCommand(options, argv, signal);
    },
    probe: async (options, words) => {
      const { probeCommand } = await import('./probe-command.ts');
      exitCode = await probeCommand(words, options, signal);
    },
    'find-max': async (options) => {
      const { findMaxCommand } = await import('./find-max-command.ts');
      exitCode = await findMaxCommand(options, argv, signal);
    },
    calibrate: async (options) => {
      const { calibrateCommand } = await import('./calibrate-command.ts');
      exitCode = await calibrateCommand(options, argv, signal);
    },
    list: async () => {
      const { renderList } = await import('./list.ts');
      process.stdout.write(renderList());
    },
    doctor: async () => {
      const { doctor } = await import('./doctor.ts');
      process.stdout.write(await doctor(process.env));
    },
  };
  for (const command of program.commands) {
    command.action(async () => actions[command.name()]?.(command.opts(), command.args));
  }
  await program.parseAsync([...argv], { from: 'user' });
  return exitCode;
}

const argv = process.argv.slice(2);
process.exitCode = await runToExitCode(argv, createProgram, (signal) => dispatch(argv, signal));
