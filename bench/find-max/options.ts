import type { Command } from 'commander';

/** Flags of `find-max`, with their help: those of `run` that make sense for one environment. */
const FLAGS: readonly (readonly [flag: string, help: string])[] = [
  ['--slo <bound>', "what must hold, such as 'p99<20ms': p50 to p99.9, mean or max of the response time"],
  ['--store <name>', 'one backend, with options as in redis:write=lww'],
  ['--servers <count>', 'server processes (default: 1)'],
  ['--balancer <name>', 'auto, haproxy, nginx, node or none (default: auto)'],
  ['--affinity <name>', 'round-robin or sticky (default: round-robin)'],
  ['--scenario <name>', 'read, update, login, logout or mixed (default: read)'],
  ['--payload <bytes>', 'session data, 64 to 65536 (default: 256)'],
  ['-c, --connections <count>', 'connections of the generator (default: 64)'],
  ['-d, --duration <time>', 'length of a trial that decides (default: 5s)'],
  ['-w, --warmup <time>', 'discarded load at the beginning (default: 3s)'],
  ['--arrivals <kind>', 'poisson or constant (default: poisson)'],
  ['--sessions <count>', 'live sessions before the load (default: 2000)'],
  ['--keys <distribution>', 'uniform or zipf (default: uniform)'],
  ['--pool <count>', 'connections of each server to the service (default: 10)'],
  ['--transport <name>', 'cookie or bearer (default: cookie)'],
  ['--durability <level>', 'none, second or commit (default: second)'],
  [
    '--pin',
    'load generator and balancer on other processors than servers and services (default, where possible)',
  ],
  ['--no-pin', 'everything on all processors'],
  ['--services <tier>', 'auto, url, docker, local or embedded (default: auto)'],
  ['--redis-url <url>', 'a Redis that runs already (or REDIS_URL)'],
  ['--postgres-url <url>', 'a Postgres that runs already (or DATABASE_URL)'],
  ['--json', 'the answer as JSON on standard output'],
  ['--seed <number>', 'of everything random (default: random, shown)'],
  ['--verbose', 'with stack traces'],
];

/** Adds the flags of `find-max` to a command. */
export function addFindMaxOptions(command: Command): Command {
  for (const [flag, help] of FLAGS) command.option(flag, help);
  return command;
}
