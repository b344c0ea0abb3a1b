import type { Command } from 'commander';
import { parseConfig } from './config.ts';
import { EXIT, type ExitCode, redactUrl } from './errors.ts';
import { type FoundMaximum, findMaximum } from './find-max/find-max.ts';
import { parseObjective } from './find-max/objective.ts';
import { wrap } from './results/text.ts';
import { GENERATOR_HEADROOM } from './results/validity.ts';
import { serviceUrlFlags } from './service-urls.ts';
import { type RawOptions, usage } from './values.ts';

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
  ...serviceUrlFlags(),
  ['--json', 'the answer as JSON on standard output'],
  ['--seed <number>', 'of everything random (default: random, shown)'],
  ['--verbose', 'with stack traces'],
];

/** Adds the flags of `find-max` to a command. */
export function addFindMaxOptions(command: Command): Command {
  for (const [flag, help] of FLAGS) command.option(flag, help);
  return command;
}

/** `pnpm bench find-max --store redis --slo 'p99<20ms'`: the answer on standard output, exit code out. */
export async function findMaxCommand(
  options: RawOptions,
  command: readonly string[],
  signal: AbortSignal,
): Promise<ExitCode> {
  const slo = options['slo'];
  if (typeof slo !== 'string') throw usage("--slo, such as 'p99<20ms'", 'none', "Add --slo 'p99<20ms'.");
  const objective = parseObjective(slo);
  if (typeof options['store'] !== 'string') throw usage('--store, one backend', 'none', 'Add --store redis.');
  const defaults = { duration: '5s', warmup: '3s', sessions: '2000' };
  // An open loop by its nature: the rate is what is searched.
  const parsed = parseConfig({ ...defaults, ...options, repeat: '1' }, process.env);
  const config = { ...parsed, pin: options['pin'] === undefined ? ('auto' as const) : parsed.pin };
  for (const [flag, values] of Object.entries({
    store: config.stores,
    servers: config.servers,
    affinity: config.affinities,
    scenario: config.scenarios,
    payload: config.payloadsBytes,
  })) {
    if (values.length > 1)
      throw usage(`one value for --${flag}`, `${values.length}`, 'Search for one at a time.');
  }
  if (config.scenarios[0] === 'revocation') {
    throw usage('a scenario that is sent at a rate', '--scenario revocation', 'Choose another.');
  }
  const found = await findMaximum(
    config,
    objective,
    command.map((word) => redactUrl(word)),
    signal,
  );
  const { trials, ...summary } = found;
  process.stdout.write(
    config.json
      ? `${JSON.stringify({ slo: objective.text, ...summary, trials }, undefined, 2)}\n`
      : `${render(found, objective.text)}\n`,
  );
  if (found.outcome === 'none-holds') {
    process.stderr.write(`session-bench: no rate holds ${objective.text}\n`);
    return EXIT.threshold;
  }
  if (found.confirmed && isInstrumentSound(found)) return EXIT.ok;
  process.stderr.write(
    isInstrumentSound(found)
      ? 'session-bench: INVALID: not confirmed by a last trial: this machine changes faster than the search\n'
      : 'session-bench: INVALID: the load generator itself reaches no more than 1.3 times this rate here\n',
  );
  return EXIT.invalid;
}

function isInstrumentSound({
  ratePerSecond = 0,
  nullServerRps = Number.POSITIVE_INFINITY,
}: FoundMaximum): boolean {
  return nullServerRps >= GENERATOR_HEADROOM * ratePerSecond;
}

function render(found: FoundMaximum, slo: string): string {
  const { backend, ratePerSecond, lower, upper, trials, capacityPerSecond, outcome } = found;
  const round = (value: number | undefined) =>
    value === undefined ? '?' : Number(value.toPrecision(3)).toLocaleString('en-US');
  const seconds = trials.reduce((sum, trial) => sum + trial.seconds, 0);
  const basis = `${trials.length} trials, ${Math.round(seconds)} s of load; a closed loop over ${found.connections} connections reached ${round(capacityPerSecond)}/s; seed ${found.seed}`;
  const lines =
    outcome === 'none-holds'
      ? [`${backend}: no rate holds ${slo}`]
      : [
          `${backend}: ${round(ratePerSecond)} requests/s hold ${slo}${found.confirmed ? ', confirmed' : ', NOT confirmed'}`,
          upper === undefined
            ? `  every rate up to ${round(lower)}/s held: the objective is no limit here`
            : `  interval: ${round(lower)} to ${round(upper)} requests/s: the first held and the second did not, in two of three trials`,
        ];
  const reasons = Object.entries(found.reasons).map(([reason, count]) => `${reason} (${count})`);
  return [
    ...lines,
    ...(reasons.length === 0 ? [] : [`  what did not hold: ${reasons.join(', ')}`]),
    wrap(`  ${basis}`, '  '),
  ].join('\n');
}
