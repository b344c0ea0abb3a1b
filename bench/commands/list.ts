import { COMPARATORS } from '../../stores/comparators/libraries.ts';
import { defaultOptions } from '../../stores/options.ts';
import { STORES } from '../../stores/registry.ts';
import { DURABILITIES, durabilityInForce, type ServiceDefinition } from '../../stores/service.ts';
import type { BackendDefinition } from '../../stores/store.ts';
import { traitsOf } from '../../stores/traits.ts';
import { ALL_COMPARATORS } from '../config/store-choice.ts';
import { AFFINITIES, BALANCERS, FAULTS, SCENARIOS } from '../config/words.ts';
import { EXIT } from '../errors.ts';
import { wrap } from '../results/text.ts';
import type { BenchCommand } from './command.ts';

const SCENARIO_TEXTS: Record<(typeof SCENARIOS)[number], string> = {
  read: 'GET /session',
  update: 'PATCH /session: load, then save by compare-and-swap',
  login: 'POST /login, each a new session',
  logout: 'POST /logout, each session of a pool once',
  visit: 'POST /visit, each by a new client without cookies',
  mixed: '90 % read, 9 % update, 1 % login and logout',
  revocation: 'log out through one server, poll every server until it refuses',
  failure: 'reads, logins and logouts at a low rate, while --fault breaks a part',
};

/** Before the further lines of an option or of traits. */
const FURTHER = ' '.repeat(8);

/** `pnpm bench list`. */
export const COMMAND: BenchCommand = {
  flags: {},
  async run() {
    process.stdout.write(renderList());
    return EXIT.ok;
  },
};

/** Everything that flags can name, from the registry. */
function renderList(): string {
  const scenarios = SCENARIOS.map((name) => entry(name, 14, SCENARIO_TEXTS[name]));
  return [
    wrap(
      'stores (--store), with options as in redis:write=lww, several joined by + as in jwt:alg=ES256+lib=jose',
    ),
    ...STORES.flatMap((definition) => describeStore(definition)),
    wrap(
      `libraries (--store, ${ALL_COMPARATORS} for all of them), to be installed first: docs/comparators.md`,
    ),
    ...COMPARATORS.flatMap((definition) => describeStore(definition, 24)),
    'scenarios (--scenario)',
    ...scenarios,
    `balancers (--balancer)  ${BALANCERS.join(', ')}`,
    `affinities (--affinity)  ${AFFINITIES.join(', ')}`,
    wrap(`faults (--fault)  ${FAULTS.join(', ')}`),
    `durabilities (--durability)  ${DURABILITIES.join(', ')}`,
    '',
  ].join('\n');
}

/** A name and its text, whose further lines begin below the text. */
const entry = (name: string, width: number, text: string) =>
  wrap(`  ${name.padEnd(width)}${text}`, ' '.repeat(width + 2));

/** @param width of the name. */
function describeStore(definition: BackendDefinition, width = 14): string[] {
  const defaults = defaultOptions(definition);
  const durability = durabilityInForce(definition.service(defaults), 'second');
  const traits = Object.entries(traitsOf(definition, defaults, durability))
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${value}`);
  const options = Object.entries(definition.options).map(([name, option]) =>
    wrap(`    :${name}=${option.values.join('|')}  ${option.meaning}`, FURTHER),
  );
  const notes = [
    ...(definition.aliases ?? []).map((alias) => `also: ${alias}`),
    ...(definition.isOnRequest ? ['measured on request only'] : []),
    definition.service(defaults)?.unproven,
  ]
    .filter((note) => note !== undefined)
    .join('; ');
  return [
    entry(definition.name, width, `${definition.summary}${notes === '' ? '' : ` (${notes})`}`),
    ...options,
    wrap(`    service: ${serviceText(definition.service(defaults))}; ${traits.join(', ')}`, FURTHER),
  ];
}

/** With its durabilities, where it cannot provide all. */
function serviceText(service: ServiceDefinition | undefined): string {
  if (service === undefined) return 'none';
  const { name, durabilities } = service;
  return durabilities === undefined ? name : `${name}, durability ${durabilities.join(' or ')}`;
}
