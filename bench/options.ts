import type { Command } from 'commander';
import { serviceUrlFlags } from './service-urls.ts';

/** Flags of `run`, with their help. Values are checked by parseConfig, which knows the defaults. */
const FLAGS: readonly (readonly [flag: string, help: string])[] = [
  ['--store <names>', 'backends, with options as in redis:write=lww (default: all that can be had)'],
  ['--servers <counts>', 'server processes, a list such as 1,3 (default: 1)'],
  ['--balancer <name>', 'auto, haproxy, nginx, node or none (default: auto)'],
  ['--affinity <names>', 'round-robin, sticky (default: round-robin)'],
  ['--scenario <names>', 'read, update, login, logout, mixed, revocation (default: read)'],
  ['--payload <bytes>', 'session data, 64 to 65536 (default: 256)'],
  ['-c, --connections <count>', 'connections of the generator (default: 64)'],
  ['-d, --duration <time>', 'measured load of each arm in a block, such as 10s or 500ms (default: 10s)'],
  ['-w, --warmup <time>', 'discarded load before it, such as 2s; longer while a trend remains (default: 2s)'],
  ['-r, --repeat <blocks>', 'blocks, each with fresh processes; a ranking needs 12 (default: 1)'],
  ['--sessions <count>', 'live sessions before the load (default: 10000)'],
  ['--keys <distribution>', 'uniform or zipf: which sessions are used (default: uniform)'],
  ['--pool <count>', 'connections of each server to the service, for Postgres; Redis has one (default: 10)'],
  ['--transport <name>', 'cookie or bearer (default: cookie)'],
  ['--durability <level>', 'none, second or commit, for every service (default: second)'],
  ['--engine <name>', 'slices: arms by turns (default); autocannon: one arm after the other, for comparison'],
  [
    '--slice <time>',
    'length of a slice (default: 100 ms to 500 ms by the slowest p99, at most an eighth of --duration)',
  ],
  ['--rate <rate>', 'open loop: 2000 per second for every arm, or 50% of what the slowest can do'],
  ['--arrivals <kind>', 'poisson or constant, with --rate (default: poisson)'],
  [
    '--pin',
    'load generator and balancer on other processors than servers and services (default with --rate)',
  ],
  ['--no-pin', 'everything on all processors'],
  [
    '--preset <name>',
    'glance (1s windows, without --store), quick (3 servers, 3s), ci (24 blocks), full (32), gate; flags win over it',
  ],
  ['--services <tier>', 'auto, url, docker, local or embedded (default: auto)'],
  ...serviceUrlFlags(),
  ['-o, --out <file>', 'result CSV (default: results/RUN.csv)'],
  ['--resume <file>', 'go on with a run that was stopped; its flags are those of the file'],
  [
    '--config <file>',
    'flags from a JSON file, such as {"store": "redis", "servers": [1, 3]}; those given win',
  ],
  ['--markdown <file>', 'also write the tables as Markdown; replaces the file'],
  ['--strict', 'end with 4 where otherwise a warning would do'],
  ['--wide', 'also show how the CPU divides over servers, balancer, store and generator, and their memory'],
  ['--json', 'rows as JSON on standard output instead of tables'],
  ['--seed <number>', 'of everything random (default: random, recorded)'],
  ['--dry-run', 'show the plan, start nothing'],
  ['--verbose', 'with stack traces'],
  ['--no-color', 'plain tables (or NO_COLOR)'],
];

/** Flags of `run` that a command which measures two commits, or only noise, has no use for. */
const RUN_ONLY = ['--resume', '--dry-run', '--engine'];

/** Adds the flags of `run` to a command. */
export function addRunOptions(command: Command): Command {
  return addFlags(command, FLAGS).option(
    '--threshold <bound>',
    "p50, p75, p90, p95, p99, p99.9, mean, min, max with a unit, or rps per second, such as 'p99<20ms'; repeatable; crossed: exit 99",
    collect,
  );
}

/** Adds the flags of `gate`: those of `run`, and what to compare with. */
export function addGateOptions(command: Command): Command {
  command.option(
    '--base <commit>',
    'what to compare the work tree with: a branch, tag or commit (default: main)',
  );
  return addFlags(
    command,
    FLAGS.filter(([flag]) => !RUN_ONLY.some((word) => flag.startsWith(word))),
  );
}

/** Adds the flags of `calibrate`. */
export function addCalibrateOptions(command: Command): Command {
  return command
    .option('-d, --duration <time>', 'time for all of it (default: 5m)')
    .option('--store <name>', 'the backend whose twins are measured (default: none, the control)')
    .option('--servers <count>', 'server processes (default: 1)')
    .option('--balancer <name>', 'auto, haproxy, nginx, node or none (default: none)')
    .option('-c, --connections <count>', 'connections of the generator (default: 32)')
    .option(
      '--slice <time>',
      'length of a slice (default: 100 ms to 500 ms, by the slowest p99, at most an eighth of 2 s)',
    )
    .option('--pin', 'load generator and balancer on other processors than servers and services')
    .option('--json', 'the figures as JSON on standard output instead of the table')
    .option('--seed <number>', 'of everything random (default: random)')
    .option('--verbose', 'with stack traces')
    .option('--no-color', 'plain table (or NO_COLOR)');
}

function addFlags(command: Command, flags: typeof FLAGS): Command {
  for (const [flag, help] of flags) command.option(flag, help);
  return command.option('--export <format=file>', EXPORT_HELP, collect);
}

const EXPORT_HELP =
  'also write for another tool: github-action-benchmark=FILE (CPU and latency), github-action-benchmark-throughput=FILE or bencher=FILE; repeatable';

/** A flag that may be given several times. */
const collect = (value: string, previous: string[] | undefined) => [...(previous ?? []), value];

/** Adds the files and flags of `compare` to a command. How many files there are is checked by the command. */
export function addCompareOptions(command: Command): Command {
  return command
    .usage('BASE.csv HEAD.csv [options]')
    .argument('[files...]', 'result files: what was, and what is to be judged')
    .option('--strict', 'INCONCLUSIVE ends with 4 instead of 0')
    .option('--json', 'findings as a JSON array on standard output instead of the table')
    .option('--markdown <file>', 'also write the table for a pull request; replaces the file')
    .option('--export <format=file>', EXPORT_HELP, collect)
    .option('--verbose', 'with stack traces')
    .option('--no-color', 'plain table (or NO_COLOR)');
}
