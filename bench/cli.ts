import { Command } from 'commander';
import type { BenchCommand } from './commands/command.ts';
import { runToExitCode } from './commands/exit-code.ts';
import { addFlags, givenFlags } from './config/flag.ts';
import { usage } from './config/values.ts';
import { EXIT, type ExitCode } from './errors.ts';

type Entry = readonly [name: string, description: string, load: () => Promise<BenchCommand>];

/** Every command in the order of help, the first being the default. The one that is called is loaded, and no other. */
const COMMANDS: readonly [Entry, ...Entry[]] = [
  [
    'run',
    'measure (the default command; its flags: pnpm bench run --help)',
    async () => (await import('./commands/run.ts')).runCommand,
  ],
  [
    'compare',
    'two result files: what changed, and is it worse',
    async () => (await import('./commands/compare.ts')).compareCommand,
  ],
  [
    'gate',
    'the work tree against a commit, interleaved in one run: is it worse',
    async () => (await import('./commands/gate.ts')).gateCommand,
  ],
  [
    'probe',
    'the load generator alone, against any server',
    async () => (await import('./commands/probe.ts')).probeCommand,
  ],
  [
    'find-max',
    'the highest rate that holds an objective',
    async () => (await import('./commands/find-max.ts')).findMaxCommand,
  ],
  [
    'calibrate',
    "this machine's noise floor, in five minutes",
    async () => (await import('./commands/calibrate.ts')).calibrateCommand,
  ],
  [
    'list',
    'backends, scenarios and balancers, with what each can and cannot do',
    async () => (await import('./commands/list.ts')).listCommand,
  ],
  [
    'doctor',
    'what this machine has, what is missing, and how to get it',
    async () => (await import('./commands/doctor.ts')).doctorCommand,
  ],
];
const [DEFAULT] = COMMANDS;

/** `pnpm bench` with the flags of the command that is called. */
function createProgram(
  called: string,
  { flags, words }: BenchCommand,
  action: (command: Command) => Promise<void>,
): Command {
  const program = new Command('pnpm bench')
    .description('How should a site remember who is logged in? Every way, measured on equal terms.')
    .helpCommand(false)
    .configureOutput({ writeErr: () => undefined })
    .exitOverride();
  for (const [name, description] of COMMANDS) {
    const command = program.command(name, { isDefault: name === DEFAULT[0] }).description(description);
    if (name !== called) {
      command.action(() => {
        throw usage(`${name} as the first word`, `${called} before it`, `Write pnpm bench ${name}.`);
      });
      continue;
    }
    if (words !== undefined) command.usage(words.usage).argument(words.spelling, words.help);
    addFlags(command, flags).action(() => action(command));
  }
  return program;
}

const argv = process.argv.slice(2);
// Package managers may pass a `--` on.
const first = argv.find((word) => word !== '--');
const [called, , load] = COMMANDS.find(([name]) => name === first) ?? DEFAULT;
const command = await load();
process.exitCode = await runToExitCode(
  argv,
  () => createProgram(called, command, async () => undefined),
  async (signal) => {
    let exitCode: ExitCode = EXIT.ok;
    const program = createProgram(called, command, async (parsed) => {
      exitCode = await command.run({ given: givenFlags(parsed), words: parsed.args, argv, signal });
    });
    await program.parseAsync([...argv], { from: 'user' });
    return exitCode;
  },
);
