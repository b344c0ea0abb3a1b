/** The flags of `pnpm bench run`, and the tables of the commands that measure with some of them. */

import { STORES } from '../../stores/registry.ts';
import { DURABILITIES } from '../../stores/service.ts';
import type { StoreDefinition } from '../../stores/store.ts';
import { pairsText } from '../../stores/variant.ts';
import { parseThreshold } from '../results/threshold.ts';
import {
  duration,
  either,
  type FlagTable,
  optional,
  repeatable,
  text,
  value,
  whole,
  wholes,
  word,
  words,
  yes,
} from './flag.ts';
import { parseRate } from './rate.ts';
import { withServiceFlags } from './service-urls.ts';
import { OUTPUT_FLAGS, REPORT_FLAGS, SEED_FLAG } from './shared-flags.ts';
import { parseStoreChoice, type StoreChoice } from './store-choice.ts';
import { distinct, listOf, usage } from './values.ts';
import {
  AFFINITIES,
  ARRIVALS,
  BALANCERS,
  ENGINES,
  KEY_DISTRIBUTIONS,
  PRESETS,
  SCENARIOS,
  TIERS,
  TRANSPORTS,
} from './words.ts';

export const RUN_FLAGS = {
  stores: value({
    spelling: '--store <names>',
    help: 'backends, with options as in redis:write=lww',
    fallback: STORES.flatMap(listedArms).join(','),
    fallbackHelp: 'all that are available',
    scope: 'run',
    parse: (given, name) => distinct(listOf(name, given).map(parseStoreChoice)),
    format: (stores) => stores.map(storeText).join(','),
  }),
  servers: value({
    spelling: '--servers <counts>',
    help: 'server processes, a list such as 1,3',
    fallback: '1',
    scope: 'run',
    ...wholes(1, 64),
  }),
  balancer: value({
    spelling: '--balancer <name>',
    help: 'balancer in front of the servers',
    fallback: 'auto',
    scope: 'run',
    ...word(BALANCERS),
  }),
  affinities: value({
    spelling: '--affinity <names>',
    help: 'how the balancer spreads requests',
    fallback: 'round-robin',
    scope: 'run',
    ...words(AFFINITIES),
  }),
  scenarios: value({
    spelling: '--scenario <names>',
    help: 'scenario of the load',
    fallback: 'read',
    scope: 'run',
    ...words(SCENARIOS),
  }),
  payloadsBytes: value({
    spelling: '--payload <bytes>',
    help: 'session data, 64 to 65536',
    fallback: '256',
    scope: 'run',
    ...wholes(64, 65_536),
  }),
  connections: value({
    spelling: '-c, --connections <count>',
    help: 'connections of the generator',
    fallback: '64',
    scope: 'run',
    ...whole(1, 1000),
  }),
  durationSeconds: value({
    spelling: '-d, --duration <time>',
    help: 'measured load of each arm in a block, such as 10s or 500ms',
    fallback: '10s',
    scope: 'run',
    ...duration(),
  }),
  warmupSeconds: value({
    spelling: '-w, --warmup <time>',
    help: 'discarded load before the measured one, such as 2s; longer while there is a trend',
    fallback: '2s',
    scope: 'run',
    ...duration(),
  }),
  repeat: value({
    spelling: '-r, --repeat <blocks>',
    help: 'blocks, each with fresh processes; a ranking needs 12',
    fallback: '1',
    scope: 'run',
    ...whole(1, 1000),
  }),
  sessions: value({
    spelling: '--sessions <count>',
    help: 'live sessions before the load',
    fallback: '10000',
    scope: 'run',
    ...whole(1, 1_000_000),
  }),
  keys: value({
    spelling: '--keys <distribution>',
    help: 'distribution of requests over sessions',
    fallback: 'uniform',
    scope: 'run',
    ...word(KEY_DISTRIBUTIONS),
  }),
  poolSize: value({
    spelling: '--pool <count>',
    help: 'connections of each server to the service, for Postgres; Redis has one',
    fallback: '10',
    scope: 'run',
    ...whole(1, 1000),
  }),
  transport: value({
    spelling: '--transport <name>',
    help: 'how the token travels',
    fallback: 'cookie',
    scope: 'run',
    ...word(TRANSPORTS),
  }),
  durability: value({
    spelling: '--durability <level>',
    help: 'what an acknowledged write survives, in every service',
    fallback: 'second',
    scope: 'run',
    ...word(DURABILITIES),
  }),
  engine: value({
    spelling: '--engine <name>',
    help: 'slices: arms by turns; autocannon: one arm after the other, for comparison',
    fallback: 'slices',
    scope: 'run',
    ...word(ENGINES),
  }),
  sliceSeconds: optional({
    spelling: '--slice <time>',
    help: 'length of a slice',
    fallbackHelp: '100 ms to 500 ms by the slowest p99, at most an eighth of --duration',
    scope: 'run',
    ...duration(0.01),
  }),
  rate: optional({
    spelling: '--rate <rate>',
    help: 'open loop: 2000 per second for every arm, or 50% of the capacity of the slowest',
    scope: 'run',
    parse: parseRate,
  }),
  arrivals: value({
    spelling: '--arrivals <kind>',
    help: 'how requests become due, with --rate',
    fallback: 'poisson',
    scope: 'run',
    ...word(ARRIVALS),
  }),
  pin: either({
    spelling: '--pin',
    help: 'separate processors for load generator and balancer, and for servers and services (default with --rate)',
    opposite: { spelling: '--no-pin', help: 'everything on all processors' },
    scope: 'run',
  }),
  preset: optional({
    spelling: '--preset <name>',
    help: 'glance (1s windows, without --store), quick (3 servers, 3s), ci (24 blocks), full (32), gate; flags win over it',
    scope: 'run',
    ...word(PRESETS),
    format: String,
  }),
  tier: value({
    spelling: '--services <tier>',
    help: 'where services come from',
    fallback: 'auto',
    scope: 'run',
    ...word(['auto', ...TIERS]),
  }),
  thresholds: repeatable({
    spelling: '--threshold <bound>',
    help:
      "p50, p75, p90, p95, p99, p99.9, mean, min, max with a unit, or rps per second, such as 'p99<20ms'; " +
      'repeatable; crossed: exit 99',
    scope: 'view',
    parse: (given) => parseThreshold(given),
  }),
  out: optional({
    spelling: '-o, --out <file>',
    help: 'result CSV',
    fallbackHelp: 'results/RUN.csv',
    scope: 'start',
    ...text,
  }),
  resume: optional({
    spelling: '--resume <file>',
    help: 'continue a run that was stopped, with the flags of the file',
    scope: 'view',
    inFile: false,
    ...text,
  }),
  config: optional({
    spelling: '--config <file>',
    help: 'flags from a JSON file, such as {"store": "redis", "servers": [1, 3]}; those on the command line win',
    scope: 'start',
    inFile: false,
    ...text,
  }),
  ...REPORT_FLAGS,
  strict: yes({ spelling: '--strict', help: 'treat warnings as failures (exit 4)', scope: 'view' }),
  wide: yes({
    spelling: '--wide',
    help: 'also show how the CPU divides over servers, balancer, store and generator, and their memory',
    scope: 'view',
  }),
  json: OUTPUT_FLAGS.json,
  seed: SEED_FLAG,
  dryRun: yes({ spelling: '--dry-run', help: 'show the plan, start nothing', scope: 'view', inFile: false }),
  verbose: OUTPUT_FLAGS.verbose,
  color: OUTPUT_FLAGS.color,
};

/** All flags of `run`. */
export const RUN_TABLE = withServiceFlags(RUN_FLAGS);

/** The additional flag of `gate`. */
export const BASE_FLAG = value({
  spelling: '--base <commit>',
  help: 'the commit to compare the work tree with: a branch, tag or commit',
  fallback: 'main',
  scope: 'start',
  parse(text) {
    if (text.trim() === '' || text.startsWith('-'))
      throw usage('a commit for --base', `"${text}"`, 'Name a branch.');
    return text;
  },
});

/** The flags in a config file, for `run` and `gate`. */
export const FILE_TABLE: FlagTable = { base: BASE_FLAG, ...RUN_TABLE };

/** The arms of a backend in built-in lists: libraries to compare are an arm each. */
function listedArms({ name, options }: StoreDefinition): string[] {
  const [option] = Object.entries(options).filter(([, { compared }]) => compared !== undefined);
  if (option === undefined) return [name];
  const [key, { compared = [] }] = option;
  return compared.map((setting) => `${name}:${key}=${setting}`);
}

function storeText({ store, options }: StoreChoice): string {
  const pairs = pairsText(options);
  return pairs === '' ? store : `${store}:${pairs}`;
}
