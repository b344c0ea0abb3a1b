/** The flags of `pnpm bench run`, and the tables of the commands that measure with some of them. */

import { LISTED_STORES } from '../../stores/registry.ts';
import { DURABILITIES } from '../../stores/service.ts';
import { parseThreshold } from '../results/threshold.ts';
import { CPU_FROM_FLAG } from './cpu-from.ts';
import { distance } from './distance.ts';
import { DEFAULT_FAULT } from './failure.ts';
import { duration, type FlagTable, flagsOf, listed, text, whole, word, words } from './flag.ts';
import { MOST_PAYLOAD_BYTES } from './payload.ts';
import { EQUAL_LOAD_SHARE, parseRate } from './rate.ts';
import { withServiceFlags } from './service-urls.ts';
import { OUTPUT_FLAGS, REPORT_FLAGS, SEED_FLAG } from './shared-flags.ts';
import { SITE_FLAGS } from './sites.ts';
import { listedArms, parseStoreChoices, storeText } from './store-choice.ts';
import { parseServiceName } from './store-module.ts';
import { usage } from './values.ts';
import {
  AFFINITIES,
  ARRIVALS,
  BALANCERS,
  ENGINES,
  FAULTS,
  KEY_DISTRIBUTIONS,
  PRESETS,
  SCENARIOS,
  TIERS,
  TRANSPORTS,
} from './words.ts';

const run = flagsOf('run');
const view = flagsOf('view');
const start = flagsOf('start');

export const PIN_HELP = 'separate processors for load generator and balancer, and for servers and services';

export const RUN_FLAGS = {
  stores: run.value(
    '--store <names>',
    'backends, with options as in redis:write=lww, or libraries; comparators: all of these; or files: ./mine.ts, express:./mine.mjs',
    LISTED_STORES.flatMap(listedArms).join(','),
    { parse: parseStoreChoices, isList: true },
    {
      fallbackHelp: 'all that are available, but those that are only measured on request',
      format: (stores) =>
        stores.some(({ site }) => site !== undefined) ? undefined : stores.map(storeText).join(','),
    },
  ),
  ...SITE_FLAGS,
  servers: run.value('--servers <counts>', 'server processes, a list such as 1,3', '1', listed(whole(1, 64))),
  balancer: run.value('--balancer <name>', 'balancer in front of the servers', 'auto', word(BALANCERS)),
  tls: run.yes(
    '--tls',
    'the balancer (haproxy or nginx) terminates TLS 1.3, with certificates made for the run',
  ),
  affinities: run.value('--affinity <names>', 'how requests are spread', 'round-robin', words(AFFINITIES)),
  scenarios: run.value('--scenario <names>', 'scenario of the load', 'read', words(SCENARIOS)),
  faults: run.optional(
    '--fault <names>',
    `with --scenario failure: what breaks after a quarter of --duration, and is back after half of it; ${DEFAULT_FAULT} when none is named`,
    words(FAULTS),
    { format: (faults) => faults?.join(',') },
  ),
  payloadsBytes: run.value(
    '--payload <bytes>',
    'session data, 64 to 1048576',
    '256',
    listed(whole(64, MOST_PAYLOAD_BYTES)),
  ),
  connections: run.value('-c, --connections <count>', 'connections of the generator', '64', whole(1, 1000)),
  durationSeconds: run.value(
    '-d, --duration <time>',
    'measured load of each arm in a block, such as 10s or 500ms',
    '10s',
    duration(),
  ),
  warmupSeconds: run.value(
    '-w, --warmup <time>',
    'at most this much discarded load of each arm, such as 5s, twice that while it has a trend; ends when all are warm; 0s for none',
    '10s',
    duration(0),
  ),
  repeat: run.value(
    '-r, --repeat <blocks>',
    'blocks of each group of arms, each with fresh processes; a ranking needs 12',
    '1',
    whole(1, 1000),
  ),
  sessions: run.value('--sessions <count>', 'live sessions before the load', '10000', whole(1, 1_000_000)),
  keys: run.value(
    '--keys <distribution>',
    'distribution of requests over sessions',
    'uniform',
    word(KEY_DISTRIBUTIONS),
  ),
  poolSize: run.value(
    '--pool <count>',
    'connections of each server to the service, for Postgres; Redis has one',
    '10',
    whole(1, 1000),
  ),
  transport: run.value('--transport <name>', 'how the token travels', 'cookie', word(TRANSPORTS)),
  storeDistancesMs: run.optional(
    '--store-distance <times>',
    'how far the service is from the servers: round trips that a relay adds, a list such as 0ms,1ms,5ms; what they come to is measured',
    listed(distance),
  ),
  innerServers: run.optional(
    '--inner <counts>',
    'inner services that check each read as well, a list such as 1,3,5: as the backend does, or by a token of the server in front, an arm such as redis:inner=token',
    listed(whole(1, 16)),
  ),
  durability: run.value(
    '--durability <level>',
    'what an acknowledged write survives, in every service that can provide it: nothing (none); a crash or power loss, except for about the last second (second); any crash or power loss (commit)',
    'second',
    word(DURABILITIES),
  ),
  touchSeconds: run.optional(
    '--touch <time>',
    'a read renews the idle expiry of its session, at most once in this time, such as 60s; 0s: with every read. If absent, none falls into a run.',
    duration(0),
  ),
  expiring: run.optional(
    '--expiring <count>',
    'sessions besides those of the load, which expire in the middle of the measured time; one arm after the other',
    whole(1, 1_000_000),
  ),
  churn: run.optional(
    '--churn <count>',
    'sessions that log in and out again before, with --expiring',
    whole(1, 1_000_000),
  ),
  engine: run.value(
    '--engine <name>',
    'slices: arms by turns; autocannon: one arm after the other, for comparison',
    'slices',
    word(ENGINES),
  ),
  sliceSeconds: run.optional('--slice <time>', 'length of a slice', duration(0.01), {
    fallbackHelp: '100 ms to 500 ms by the slowest p99, at most an eighth of --duration',
  }),
  rate: run.optional(
    '--rate <rate>',
    'open loop: requests per second for every arm (2000), or a share of the capacity of the slowest (50%)',
    { parse: parseRate },
  ),
  arrivals: run.value('--arrivals <kind>', 'how requests become due, with --rate', 'poisson', word(ARRIVALS)),
  equalLoad: run.yes(
    '--equal-load',
    `CPU per request at equal load: every arm gets ${EQUAL_LOAD_SHARE * 100} % of what the slowest can do, or --rate, at constant intervals`,
  ),
  withinSeconds: run.optional(
    '--within <time>',
    'total time, such as 15m: until then dropped blocks are replaced, however many',
    duration(),
  ),
  pin: run.either('--pin', `${PIN_HELP} (default with --rate, and with --balancer none but in glance)`, {
    opposite: { spelling: '--no-pin', help: 'everything on all processors' },
  }),
  awake: run.either(
    '--awake',
    'the load generator never sleeps while it measures (default where it has a processor to itself)',
    { opposite: { spelling: '--no-awake', help: 'it sleeps between replies' } },
  ),
  preset: run.optional(
    '--preset <name>',
    'glance (1s windows, without --store), quick (3 servers, 3s), ci (24 blocks), full (32 blocks), gate (what pnpm bench gate takes). Flags override the preset. If neither --store nor --preset is given, glance applies.',
    word(PRESETS),
    { format: (name) => String(name) },
  ),
  service: run.optional(
    '--service <name>',
    'starts this service for the modules in --store, whose servers get its URL in SESSION_BENCH_SERVICE_URL',
    { parse: parseServiceName },
    { format: (name) => name },
  ),
  tier: run.value('--services <tier>', 'where services come from', 'auto', word(['auto', ...TIERS])),
  cpuFrom: CPU_FROM_FLAG,
  thresholds: view.repeatable(
    '--threshold <bound>',
    "p50, p75, p90, p95, p99, p99.9, mean, min or max, such as 'p99<20ms', or rps, such as 'rps>1000/s'; " +
      'repeatable; crossed: exit 99',
    (texts) => texts.map((given) => parseThreshold(given)),
  ),
  out: start.optional('-o, --out <file>', 'result CSV', text, { fallbackHelp: 'results/RUN.csv' }),
  resume: view.optional(
    '--resume <file>',
    'continue a run that was stopped, with the flags of the file',
    text,
    { inFile: false },
  ),
  config: start.optional(
    '--config <file>',
    'flags from a JSON file, such as {"store": "redis", "servers": [1, 3]}; those on the command line win',
    text,
    { inFile: false },
  ),
  ...REPORT_FLAGS,
  strict: view.yes('--strict', 'treat warnings as failures (exit 4)'),
  wide: view.yes(
    '--wide',
    'also show how the CPU divides over servers, balancer, store and generator, and their memory',
  ),
  json: OUTPUT_FLAGS.json,
  seed: SEED_FLAG,
  dryRun: view.yes('--dry-run', 'show the plan, start nothing', { inFile: false }),
  verbose: OUTPUT_FLAGS.verbose,
  color: OUTPUT_FLAGS.color,
};

/** All flags of `run`. */
export const RUN_TABLE = withServiceFlags(RUN_FLAGS);

/** The additional flag of `gate`. */
export const BASE_FLAG = start.value(
  '--base <commit>',
  'the commit to compare the work tree with: a branch, tag or commit',
  'main',
  {
    parse(given) {
      if (given.trim() !== '' && !given.startsWith('-')) return given;
      throw usage('a commit for --base', `"${given}"`, 'Name a branch.');
    },
  },
);

/** The figures of `gate`, by the words of `--decide`. */
export const DECIDING = {
  cpu: 'cpu_us_per_req',
  throughput: 'rps_ok',
  p50: 'p50_us',
  p99: 'p99_us',
} as const;

/** The further flags of `gate` alone. */
export const GATE_FLAGS = {
  base: BASE_FLAG,
  baseStore: start.optional(
    '--base-store <file>',
    'a file to compare the module in --store with, instead of the same file at --base',
    text,
  ),
  deciding: start.value(
    '--decide <figures>',
    'the figures that decide, a list of cpu, throughput, p50, p99; the others inform',
    'cpu',
    words(Object.keys(DECIDING) as (keyof typeof DECIDING)[]),
  ),
  counters: start.yes(
    '--counters',
    'compare round trips, reads, writes and bytes per request instead of times: three blocks, within a minute',
  ),
  onInvalid: start.value(
    '--on-invalid <action>',
    'what a gate with too few valid blocks does: fail (exit 4), or warn (exit 0)',
    'fail',
    word(['fail', 'warn']),
  ),
};

/** The flags in a config file, for `run` and `gate`. */
export const FILE_TABLE: FlagTable = { ...GATE_FLAGS, ...RUN_TABLE };
