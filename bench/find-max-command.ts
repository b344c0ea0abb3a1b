import { parseConfig } from './config.ts';
import { EXIT, type ExitCode, redactUrl } from './errors.ts';
import { type FoundMaximum, findMaximum } from './find-max/find-max.ts';
import { parseObjective } from './find-max/objective.ts';
import { wrap } from './results/text.ts';
import { GENERATOR_HEADROOM } from './results/validity.ts';
import { type RawOptions, usage } from './values.ts';

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
