import type { Command } from 'commander';

/** Flags of `probe`, with their help. Values are checked by parseProbe, which knows the defaults. */
const FLAGS: readonly (readonly [flag: string, help: string])[] = [
  ['--rate <number>', 'requests due per second, whatever is outstanding (default: a closed loop)'],
  ['--arrivals <kind>', 'with --rate: poisson or constant (default: poisson)'],
  ['-c, --connections <count>', 'connections (default: 64)'],
  ['-d, --duration <time>', 'measured load, such as 5s or 500ms (default: 5s)'],
  ['--warmup <time>', 'discarded load before it (default: 1s)'],
  ['--json', 'one flat object on standard output, keys as in results/README.md'],
  ['--seed <number>', 'of the arrivals (default: random, recorded)'],
  ['--verbose', 'with stack traces'],
  ['--no-color', 'plain text (or NO_COLOR)'],
];

/** Adds the URL and the flags of `probe` to a command. How many URLs there are is checked by the command. */
export function addProbeOptions(command: Command): Command {
  command
    .usage('URL [options]')
    .argument('[urls...]', 'what to request by GET, such as http://127.0.0.1:3000/');
  for (const [flag, help] of FLAGS) command.option(flag, help);
  const collect = (value: string, previous: string[] | undefined) => [...(previous ?? []), value];
  return command.option('-H, --header <line>', "sent with each request, 'name: value'; repeatable", collect);
}
