import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import type { BenchCommand } from './commands/command.ts';
import { runToExitCode } from './commands/exit-code.ts';
import { addFlags, givenFlags } from './config/flag.ts';
import { usage } from './config/values.ts';
import { EXIT, type ExitCode, redactUrl } from './errors.ts';

type Entry = readonly [name: string, description: string, load: () => Promise<{ COMMAND: BenchCommand }>];

/** Every command in the order of help, the first being the default. The one that is called is loaded, and no other. */
const COMMANDS: readonly [Entry, ...Entry[]] = [
  ['run', 'measure backends (the default command)', () => import('./commands/run.ts')],
  ['compare', 'two result files: what changed, and is it worse', () => import('./commands/compare.ts')],
  [
    'gate',
    'the work tree against a commit, interleaved in one run: is it worse',
    () => import('./commands/gate.ts'),
  ],
  [
    'report',
    'a page of result files: the answer, figures, behaviour, method',
    () => import('./commands/report.ts'),
  ],
  [
    'cost',
    'what requests and live sessions of result files take, and cost at your prices',
    () => import('./commands/cost.ts'),
  ],
  ['probe', 'the load generator alone, against any server', () => import('./commands/probe.ts')],
  [
    'collect',
    'a load from several machines: waits for workers, and adds up what they measured',
    () => import('./commands/collect.ts'),
  ],
  ['worker', 'the load generator as a worker of Locust, for collect', () => import('./commands/worker.ts')],
  [
    'study',
    'a question in several runs, made in pieces: what a payload, a server, a library … costs',
    () => import('./commands/study.ts'),
  ],
  ['find-max', 'the highest rate at which an objective holds', () => import('./commands/find-max.ts')],
  ['calibrate', "this machine's noise floor, in five minutes", () => import('./commands/calibrate.ts')],
  [
    'list',
    'backends, scenarios and balancers, with what each can and cannot do',
    () => import('./commands/list.ts'),
  ],
  [
    'doctor',
    'what this machine has, what is missing, and how to get it',
    () => import('./commands/doctor.ts'),
  ],
];
const [DEFAULT] = COMMANDS;
const VERSION: string = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version;

/** `pnpm bench` with the flags of the command that is called. */
function createProgram(
  called: string,
  { flags, words }: BenchCommand,
  action: (command: Command) => Promise<void>,
): Command {
  const program = new Command('pnpm bench')
    .description('How should a site remember who is logged in? Every way, measured on equal terms.')
    .helpCommand(false)
    .version(VERSION, '-V, --version', 'print the version')
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

const [word, ...others] = process.argv.slice(2);
// As in git and npm.
const argv = word === 'help' ? [...others, '--help'] : process.argv.slice(2);
// Package managers may pass a `--` on.
const first = argv.find((word) => word !== '--');
const [called, , load] = COMMANDS.find(([name]) => name === first) ?? DEFAULT;
const { COMMAND: command } = await load();
process.exitCode = await runToExitCode(
  argv,
  () => createProgram(called, command, async () => undefined),
  async (signal) => {
    let exitCode: ExitCode = EXIT.ok;
    const program = createProgram(called, command, async (parsed) => {
      const given = givenFlags(parsed);
      exitCode = await command.run({ given, words: parsed.args, command: argv.map(redactUrl), signal });
    });
    await program.parseAsync([...argv], { from: 'user' });
    return exitCode;
  },
);
