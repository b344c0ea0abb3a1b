import { Command, CommanderError } from 'commander';
import { nearest, type RawOptions, usage } from './config.ts';
import { doctor } from './doctor.ts';
import { BenchError, EXIT, type ExitCode, messageOf } from './errors.ts';
import { renderList } from './list.ts';
import { addRunOptions } from './options.ts';
import { runCommand } from './run-command.ts';

/** argv, signals and exit codes; nothing else. */
async function main(argv: readonly string[]): Promise<ExitCode> {
  const stop = new AbortController();
  let stoppedBy: ExitCode | undefined;
  for (const [name, code] of [
    ['SIGINT', EXIT.interrupted],
    ['SIGTERM', EXIT.terminated],
  ] as const) {
    process.on(name, () => {
      if (stoppedBy !== undefined) return;
      stoppedBy = code;
      process.stderr.write(`\n${name}: stopping everything; what is finished is kept\n`);
      stop.abort(new Error(`stopped by ${name}`));
    });
  } // prettier-ignore
  try {
    const code = await dispatch(argv, stop.signal);
    return stoppedBy ?? code;
  } catch (error) {
    if (stoppedBy !== undefined && error === stop.signal.reason) return stoppedBy;
    const shown = error instanceof CommanderError ? plainError(error, argv) : error;
    if (shown === undefined) return EXIT.ok;
    process.stderr.write(`session-bench: ${messageOf(shown)}\n`);
    if (argv.includes('--verbose') && shown instanceof Error) process.stderr.write(`${shown.stack}\n`);
    return stoppedBy ?? (shown instanceof BenchError ? shown.exitCode : EXIT.failure);
  }
}

async function dispatch(argv: readonly string[], signal: AbortSignal): Promise<ExitCode> {
  let exitCode: ExitCode = EXIT.ok;
  const program = createProgram();
  const runOptions = program.commands.find((command) => command.name() === 'run') as Command;
  runOptions.action(async (options: RawOptions) => {
    exitCode = await runCommand(options, argv, signal);
  });
  program
    .command('list')
    .description('stores, scenarios and balancers, with what each can and cannot do')
    .action(() => void process.stdout.write(renderList()));
  program
    .command('doctor')
    .description('what was found on this machine, what is missing, and how to get it')
    .action(async () => void process.stdout.write(await doctor(process.env)));
  await program.parseAsync([...argv], { from: 'user' });
  return exitCode;
}

function createProgram(): Command {
  const program = new Command('pnpm bench')
    .description('How should a site remember who is logged in? Every way, measured on equal terms.')
    .helpCommand(false)
    .configureOutput({ writeErr: () => undefined })
    .exitOverride();
  addRunOptions(program.command('run', { isDefault: true }).description('measure (the default command)'));
  return program;
}

/** Commander's errors in our one-line form; `undefined` for what is no error, such as --help. */
function plainError(error: CommanderError, argv: readonly string[]): BenchError | undefined {
  if (error.exitCode === 0) return undefined;
  const name = /'([^']*)'/.exec(error.message)?.[1] ?? '';
  const run = createProgram().commands[0] as Command;
  if (error.code === 'commander.unknownOption') {
    const flags = run.options.map((option) => option.long ?? '');
    const near = nearest(name, [...flags, '--help']);
    return usage(
      'a known flag',
      name,
      near === undefined ? 'See pnpm bench run --help.' : `Did you mean ${near}?`,
    );
  }
  if (error.code === 'commander.excessArguments') {
    const word = argv.find((argument) => !argument.startsWith('-')) ?? '';
    const near = nearest(word, ['run', 'list', 'doctor']);
    const remedy = near === undefined ? 'See pnpm bench --help.' : `Did you mean ${near}?`;
    return usage('a command of run, list, doctor', `"${word}"`, remedy);
  }
  return usage('a value', `none for ${name}`, 'See pnpm bench run --help.');
}

process.exitCode = await main(process.argv.slice(2));
