import type { Command } from 'commander';

/** Flags of `run`, with their help. Values are checked by parseConfig, which knows the defaults. */
const FLAGS: readonly (readonly [flag: string, help: string])[] = [
  ['--store <names>', 'backends, with options as in redis:write=lww (default: all that can be had)'],
  ['--servers <counts>', 'server processes, a list such as 1,3 (default: 1)'],
  ['--balancer <name>', 'auto, haproxy, nginx, node or none (default: auto)'],
  ['--affinity <names>', 'round-robin, sticky (default: round-robin)'],
  ['--scenario <names>', 'read, update, login, logout, mixed, revocation (default: read)'],
  ['--payload <bytes>', 'session data, 64 to 65536 (default: 256)'],
  ['-c, --connections <count>', 'connections of the generator (default: 64)'],
  ['-d, --duration <time>', 'measured window of a trial, such as 10s or 500ms (default: 10s)'],
  ['-w, --warmup <time>', 'discarded load before it, such as 2s (default: 2s)'],
  ['-r, --repeat <blocks>', 'passes over all arms, in shuffled order (default: 1)'],
  ['--sessions <count>', 'live sessions before the load (default: 10000)'],
  ['--keys <distribution>', 'uniform or zipf: which sessions are used (default: uniform)'],
  ['--pool <count>', 'connections of each server to the service, for Postgres; Redis has one (default: 10)'],
  ['--transport <name>', 'cookie or bearer (default: cookie)'],
  ['--durability <level>', 'none, second or commit, for every service (default: second)'],
  ['--engine <name>', 'autocannon (default)'],
  [
    '--preset <name>',
    'glance (1s windows, without --store), quick (3 servers, 3s), ci (24 blocks), full (32); flags win over it',
  ],
  ['--services <tier>', 'auto, url, docker, local or embedded (default: auto)'],
  ['--redis-url <url>', 'a Redis that runs already (or REDIS_URL)'],
  ['--postgres-url <url>', 'a Postgres that runs already (or DATABASE_URL)'],
  ['-o, --out <file>', 'result CSV (default: results/RUN.csv)'],
  ['--json', 'rows as JSON on standard output instead of tables'],
  ['--seed <number>', 'of everything random (default: random, recorded)'],
  ['--dry-run', 'show the plan, start nothing'],
  ['--verbose', 'with stack traces'],
  ['--no-color', 'plain tables (or NO_COLOR)'],
];

/** Adds the flags of `run` to a command. */
export function addRunOptions(command: Command): Command {
  for (const [flag, help] of FLAGS) command.option(flag, help);
  const collect = (value: string, previous: string[] | undefined) => [...(previous ?? []), value];
  return command.option(
    '--threshold <bound>',
    "p50, p75, p90, p95, p99, p99.9, mean, min, max with a unit, or rps per second, such as 'p99<20ms'; repeatable; crossed: exit 99",
    collect,
  );
}

/** Adds the files and flags of `compare` to a command. How many files there are is checked by the command. */
export function addCompareOptions(command: Command): Command {
  return command
    .usage('BASE.csv HEAD.csv [options]')
    .argument('[files...]', 'result files: what was, and what is to be judged')
    .option('--strict', 'INCONCLUSIVE ends with 4 instead of 0')
    .option('--json', 'findings as a JSON array on standard output instead of the table')
    .option('--markdown <file>', 'also write the table for a pull request; replaces the file')
    .option('--verbose', 'with stack traces')
    .option('--no-color', 'plain table (or NO_COLOR)');
}
