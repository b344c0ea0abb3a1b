/** Runs a command to its exit code: signals stop it in order, and errors become one line. The codes are in errors.ts. */

import { setMaxListeners } from 'node:events';
import { type Command, CommanderError, type Option } from 'commander';
import { nearest, usage } from '../config/values.ts';
import { BenchError, EXIT, type ExitCode, messageOf, redactUrl } from '../errors.ts';
import { ignoreClosedPipes } from './closed-pipe.ts';

const ECHO_MS = 500;

/**
 * Runs a command to its exit code. SIGINT and SIGTERM abort the signal that the work receives; it stops in order and
 * keeps what it has, and the exit code names the signal. Errors become one line on standard error.
 */
export async function runToExitCode(
  argv: readonly string[],
  commands: () => Command,
  work: (signal: AbortSignal) => Promise<ExitCode>,
): Promise<ExitCode> {
  const stop = new AbortController();
  // Each part of each arm listens: dozens of listeners are not a leak.
  setMaxListeners(0, stop.signal);
  let stoppedBy: ExitCode | undefined;
  let stoppedAtMs = 0;
  // A terminal and the package manager may both send the same Ctrl-C. A second one of the user comes later, and exits
  // at once: the guard cleans up.
  const isEcho = () => Date.now() - stoppedAtMs < ECHO_MS;
  const onSignal = (name: NodeJS.Signals, code: ExitCode) => {
    process.on(name, () => {
      if (stoppedBy !== undefined && !isEcho()) process.exit(stoppedBy);
      if (stoppedBy !== undefined) return;
      stoppedBy = code;
      stoppedAtMs = Date.now();
      process.stderr.write(`\n${name}: stopping everything; what is finished is kept\n`);
      stop.abort(new Error(`stopped by ${name}`));
    });
  };
  onSignal('SIGINT', EXIT.interrupted);
  onSignal('SIGTERM', EXIT.terminated);
  onSignal('SIGHUP', EXIT.hungUp);
  ignoreClosedPipes();
  try {
    const code = await work(stop.signal);
    return stoppedBy ?? code;
  } catch (error) {
    if (stoppedBy !== undefined && error === stop.signal.reason) return stoppedBy;
    const shown = error instanceof CommanderError ? plainError(error, commands(), argv) : error;
    if (shown === undefined) return EXIT.ok;
    process.stderr.write(`session-bench: ${messageOf(shown)}\n`);
    if (argv.includes('--verbose') && shown instanceof Error) process.stderr.write(`${shown.stack}\n`);
    return stoppedBy ?? (shown instanceof BenchError ? shown.exitCode : EXIT.failure);
  }
}

/** Commander's error in the one-line format; `undefined` for what is not an error, such as --help. */
function plainError(
  error: CommanderError,
  program: Command,
  argv: readonly string[],
): BenchError | undefined {
  if (error.exitCode === 0) return undefined;
  const help = `See ${program.name()} --help.`;
  const suggest = (text: string, words: readonly string[]) => {
    const near = nearest(text, words);
    return near === undefined ? help : `Did you mean ${near}?`;
  };
  const name = redactUrl(/'([^']*)'/.exec(error.message)?.[1] ?? '');
  const names = program.commands.map((command) => command.name());
  if (error.code === 'commander.unknownOption') {
    const own = program.commands.find((command) => argv.includes(command.name())) ?? program.commands[0];
    const flags = [program, ...(own === undefined ? [] : [own])].flatMap((command) => command.options);
    const words = [...flags.map((option) => option.long ?? ''), '--help'];
    const known = ELSEWHERE.find(([flag, own]) => flag === name && words.includes(own.split(' ')[0] ?? ''));
    return usage('a known flag', name, known === undefined ? suggest(name, words) : `Write ${known[1]}.`);
  }
  if (error.code === 'commander.excessArguments') {
    const own = program.commands.find((command) => argv.includes(command.name())) ?? program.commands[0];
    const word = excessWord(argv, names, [...program.options, ...(own?.options ?? [])]);
    const expected = names.length === 0 ? 'flags only' : `a command of ${names.join(', ')}, and flags`;
    return usage(expected, `"${redactUrl(word)}"`, suggest(word, names));
  }
  return usage('a value', `none for ${name}`, help);
}

/** The first word that is neither a command, nor a flag, nor the value of one. */
function excessWord(argv: readonly string[], names: readonly string[], options: readonly Option[]): string {
  const takesValue = (word: string) =>
    options.some(({ long, short, required }) => required && (word === long || word === short));
  return (
    argv.find(
      (word, at) => !word.startsWith('-') && !names.includes(word) && !takesValue(argv[at - 1] ?? ''),
    ) ?? ''
  );
}

/** Flags of hyperfine, k6, wrk, hey, vegeta, oha, ab and curl, and ours for the same. The first that is there is meant. */
const ELSEWHERE: readonly [flag: string, own: string][] = [
  ['--runs', '--repeat'],
  ['--min-runs', '--repeat'],
  ['-X', '--method WORD'],
  ['--request', '--method WORD'],
  ['--data', '--body TEXT'],
  ['-D', '--body-file FILE'],
  ['-n', '--duration TIME: a load has a length and no number of requests'],
  ['--requests', '--duration TIME: a load has a length and no number of requests'],
  ['--iterations', '--duration TIME: a load has a length and no number of requests'],
  ['-z', '--duration TIME'],
  ['-q', '--rate NUMBER'],
  ['-R', '--rate NUMBER'],
  ['--rps', '--rate NUMBER'],
  ['--qps', '--rate NUMBER'],
  ['-u', '--connections COUNT'],
  ['--vus', '--connections COUNT'],
  ['--concurrency', '--connections COUNT'],
  ['--clients', '--connections COUNT'],
  ['-t', '--connections COUNT: the generator is one process'],
  ['--threads', '--connections COUNT: the generator is one process'],
  ['-k', '--insecure'],
  ['--cacert', '--ca FILE'],
  ['--stage', '--stages LIST'],
  ['--export-json', '--json'],
  ['--export-csv', '--out FILE.csv'],
  ['--export-markdown', '--markdown FILE'],
];
