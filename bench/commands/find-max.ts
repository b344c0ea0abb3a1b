import { type Config, parseConfig } from '../config/config.ts';
import { flagsOf, keyOf, parseFlags, pickFlags, withFallbacks } from '../config/flag.ts';
import { PIN_HELP, RUN_FLAGS } from '../config/flags.ts';
import { withServiceFlags } from '../config/service-urls.ts';
import { OWN_FLAGS } from '../config/sites.ts';
import { type RawOptions, usage } from '../config/values.ts';
import { SCENARIOS } from '../config/words.ts';
import { EXIT, type ExitCode } from '../errors.ts';
import { type FoundMaximum, findMaximum } from '../find-max/find-max.ts';
import { parseObjective } from '../find-max/objective.ts';
import { wrap } from '../results/text.ts';
import { GENERATOR_HEADROOM } from '../results/validity.ts';
import { type BenchCommand, type Call, ended, printJson } from './command.ts';

const SLO_FLAG = flagsOf('start').optional(
  '--slo <bound>',
  "the objective, such as 'p99<20ms': p50 to p99.9, mean or max of the response time (required)",
  { parse: parseObjective },
);

/** The flags of `run` that make sense for one environment. */
const FLAGS = pickFlags(
  RUN_FLAGS,
  ['stores', { help: 'one backend, with options as in redis:write=lww (required)', fallbackHelp: '' }],
  ['servers', { help: 'server processes' }],
  'balancer',
  'tls',
  'affinities',
  ['scenarios', { choices: SCENARIOS.filter((name) => !['revocation', 'failure'].includes(name)) }],
  'payloadsBytes',
  'connections',
  ['durationSeconds', { help: 'length of a measured trial', fallback: '5s' }],
  ['warmupSeconds', { help: 'discarded load at the beginning', fallback: '3s' }],
  ['arrivals', { help: 'how requests become due' }],
  ['sessions', { fallback: '2000' }],
  'keys',
  'poolSize',
  'transport',
  'durability',
  ['pin', { help: `${PIN_HELP} (default, where possible)` }],
  'tier',
  'target',
  'contract',
  'ca',
  'insecure',
  'connectTo',
  ['json', { help: 'the result as JSON on standard output' }],
  'seed',
  'verbose',
);

/**
 * The flags of a search on an external site: without those that its contract replaces, and without the number of
 * sessions, whose default is lower there.
 */
const SITE_TABLE = Object.fromEntries(
  Object.entries(FLAGS).filter(([, flag]) => ![...OWN_FLAGS, 'sessions'].includes(keyOf(flag))),
);

/** `pnpm bench find-max --store redis --slo 'p99<20ms'`: prints the result. */
export const COMMAND: BenchCommand = {
  flags: withServiceFlags({ slo: SLO_FLAG, ...FLAGS }),
  run: search,
};

/** The configuration of a search with these options: always an open loop, for the search is for its rate. */
export function configOf(given: RawOptions): Config {
  const flags = given['target'] === undefined ? FLAGS : SITE_TABLE;
  const config = parseConfig({ ...withFallbacks(flags, given), repeat: '1' }, process.env);
  return given['pin'] === undefined ? { ...config, pin: 'auto' } : config;
}

async function search({ given, command, signal }: Call): Promise<ExitCode> {
  const { slo: objective } = parseFlags({ slo: SLO_FLAG }, given);
  if (objective === undefined) throw usage("--slo, such as 'p99<20ms'", 'none', "Add --slo 'p99<20ms'.");
  if (given['store'] === undefined && given['target'] === undefined)
    throw usage('--store, one backend, or --target', 'none', 'Add --store redis.');
  const config = configOf(given);
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
  const [scenario] = config.scenarios;
  if (scenario === 'revocation' || scenario === 'failure') {
    throw usage('a scenario that is sent at a rate', `--scenario ${scenario}`, 'Choose another.');
  }
  const found = await findMaximum(config, objective, command, signal);
  const { trials, ...summary } = found;
  if (config.json) printJson({ slo: objective.text, ...summary, trials });
  else process.stdout.write(`${render(found, objective.text)}\n`);
  if (found.outcome === 'none-holds') return ended(EXIT.threshold, `no rate holds ${objective.text}`);
  const { ratePerSecond = 0, nullServerRps = Number.POSITIVE_INFINITY, confirmed } = found;
  if (nullServerRps < GENERATOR_HEADROOM * ratePerSecond) {
    const reason = 'the load generator itself reaches no more than 1.3 times this rate here';
    return ended(EXIT.invalid, `INVALID: ${reason}`);
  }
  const reason = 'not confirmed by a last trial: this machine changes faster than the search';
  return confirmed ? EXIT.ok : ended(EXIT.invalid, `INVALID: ${reason}`);
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
            ? `  every rate up to ${round(lower)}/s held: the objective is not the limit here`
            : `  interval: ${round(lower)} to ${round(upper)} requests/s: the first held and the second did not, in two of three trials`,
        ];
  const reasons = Object.entries(found.reasons).map(([reason, count]) => `${reason} (${count})`);
  return [
    ...lines,
    ...(reasons.length === 0 ? [] : [`  what did not hold: ${reasons.join(', ')}`]),
    wrap(`  ${basis}`, '  '),
  ].join('\n');
}
