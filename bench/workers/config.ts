import type { Contract } from '../config/contract.ts';
import { duration, flagsOf, parseFlags, text, whole, word } from '../config/flag.ts';
import { RUN_FLAGS } from '../config/flags.ts';
import { OUTPUT_FLAGS, SEED_FLAG } from '../config/shared-flags.ts';
import { checkSites, SITE_FLAGS, sitesOf } from '../config/sites.ts';
import { conflict, quoted, type RawOptions, usage } from '../config/values.ts';
import type { Arrivals } from '../config/words.ts';
import type { LoadJob } from '../load/job.ts';
import type { Address } from './channel.ts';
import { readOrMakeToken, readToken } from './token.ts';

/** Scenarios whose slice may be as long as the load: a slice of the others uses up what is made before it. */
const SCENARIOS = ['read', 'update', 'login', 'mixed'] as const;
/** Where Locust's master listens if no port is named. */
const LOCUST_PORT = 5557;
const COLLECT_PORT = 5560;
const MAX_SECONDS = 8 * 3600;

const start = flagsOf('start');

const TOKEN_FILE = {
  spelling: '--token-file <file>',
  help: 'what workers and collector know one another by: collect makes it, and you copy it to the workers',
};

/** The flags of `collect`. */
export const COLLECT_FLAGS = {
  target: SITE_FLAGS.target,
  contract: SITE_FLAGS.contract,
  ca: SITE_FLAGS.ca,
  insecure: SITE_FLAGS.insecure,
  connectTo: SITE_FLAGS.connectTo,
  workers: start.value('--workers <count>', 'workers that share the load', '2', whole(1, 256)),
  listen: start.value(
    '--listen <address>',
    'where workers connect to, such as 10.0.0.5:5560',
    `0.0.0.0:${COLLECT_PORT}`,
    { parse: (given, name) => parseAddress(given, name, COLLECT_PORT) },
  ),
  tokenFile: start.optional(TOKEN_FILE.spelling, TOKEN_FILE.help, text),
  scenario: start.value('--scenario <name>', 'scenario of the load', 'read', word(SCENARIOS)),
  connections: start.value(
    '-c, --connections <count>',
    'connections of all workers together: the number of users that Locust must start',
    '64',
    whole(1, 100_000),
  ),
  rate: start.optional(
    '--rate <number>',
    'open loop: requests per second of all workers together',
    { parse: parseRate },
    { fallbackHelp: 'a closed loop' },
  ),
  arrivals: { ...RUN_FLAGS.arrivals, help: 'how requests become due, with --rate' },
  durationSeconds: start.value(
    '-d, --duration <time>',
    'measured load, such as 60s or 10m',
    '10s',
    duration(0.5, MAX_SECONDS),
  ),
  warmupSeconds: start.value(
    '-w, --warmup <time>',
    'discarded load before the measured one',
    '5s',
    duration(0),
  ),
  waitSeconds: start.value(
    '--wait <time>',
    'how long to wait for workers, their sessions and Locust to start',
    '5m',
    duration(1),
  ),
  sessions: start.optional('--sessions <count>', 'live sessions before the load', whole(1, 1_000_000), {
    fallbackHelp: 'two for each connection',
  }),
  keys: RUN_FLAGS.keys,
  json: { ...OUTPUT_FLAGS.json, help: 'JSON on standard output instead of a table' },
  seed: SEED_FLAG,
  verbose: OUTPUT_FLAGS.verbose,
  color: OUTPUT_FLAGS.color,
};

/** The flags of `worker`. */
export const WORKER_FLAGS = {
  master: start.optional('--master <address>', `the Locust master, port ${LOCUST_PORT} if none is named`, {
    parse: (given, name) => parseAddress(given, name, LOCUST_PORT),
  }),
  collect: start.optional(
    '--collect <address>',
    `pnpm bench collect, port ${COLLECT_PORT} if none is named`,
    {
      parse: (given, name) => parseAddress(given, name, COLLECT_PORT),
    },
  ),
  tokenFile: start.optional(TOKEN_FILE.spelling, TOKEN_FILE.help, text),
  verbose: OUTPUT_FLAGS.verbose,
  color: OUTPUT_FLAGS.color,
};

/** What `collect` does. */
export interface CollectConfig {
  url: string;
  contract: Contract;
  workers: number;
  listen: Address;
  token: Buffer;
  scenario: (typeof SCENARIOS)[number];
  connections: number;
  /** Absent: a closed loop. */
  ratePerSecond?: number;
  arrivals: Arrivals;
  durationSeconds: number;
  warmupSeconds: number;
  waitSeconds: number;
  sessions: number;
  keys: LoadJob['keys'];
  seed: number;
  json: boolean;
}

export interface WorkerConfig {
  master: Address;
  collect: Address;
  token: Buffer;
}

/**
 * Parses the flags of `collect`, reads the contract, and makes the token where there is none.
 * @throws BenchError USAGE or CONFLICT, for the first wrong one.
 */
export function parseCollect(raw: RawOptions): CollectConfig {
  const { rate, ...parsed } = parseFlags(COLLECT_FLAGS, raw);
  const { workers, connections, scenario, arrivals, sessions = 2 * connections } = parsed;
  const sites = sitesOf(raw) ?? [];
  const [first, ...others] = sites;
  if (first?.site === undefined || others.length > 0)
    throw usage('one --target with its --contract', `${sites.length}`, 'docs/beyond.md has an example.');
  const { site } = first;
  checkSites({
    stores: [first],
    scenarios: [scenario],
    engine: 'slices',
    rate: rate === undefined ? undefined : { perSecond: rate },
  });
  if (connections % workers !== 0) {
    const next = Math.ceil(connections / workers) * workers;
    const remedy = `Write -c ${next}.`;
    throw conflict(
      'connections that the workers can share equally',
      `-c ${connections} for ${workers}`,
      remedy,
    );
  }
  if (sessions < connections) {
    const remedy = `Write --sessions ${connections}, or more.`;
    throw conflict(`a session for each of ${connections} connections`, `--sessions ${sessions}`, remedy);
  }
  if (rate === undefined && raw['arrivals'] !== undefined)
    throw usage('--rate with --arrivals', 'none', 'Add --rate, or leave --arrivals out.');
  const { listen, durationSeconds, warmupSeconds, waitSeconds, keys, seed, json } = parsed;
  const token = readOrMakeToken(tokenPath(parsed.tokenFile));
  return {
    ...{ url: site.url, contract: site.contract, workers, listen, token, scenario, connections, arrivals },
    ...(rate === undefined ? {} : { ratePerSecond: rate }),
    ...{ durationSeconds, warmupSeconds, waitSeconds, sessions, keys, seed, json },
  };
}

/** @throws BenchError USAGE */
export function parseWorker(raw: RawOptions): WorkerConfig {
  const { master, collect, tokenFile } = parseFlags(WORKER_FLAGS, raw);
  if (master === undefined)
    throw usage('--master HOST', 'none', 'Name the machine that runs locust --master.');
  if (collect === undefined)
    throw usage('--collect HOST', 'none', 'Name the machine that runs pnpm bench collect.');
  return { master, collect, token: readToken(tokenPath(tokenFile)) };
}

function tokenPath(path: string | undefined): string {
  if (path !== undefined && path !== '') return path;
  throw usage('--token-file FILE', 'none', 'Write for example --token-file bench.token.');
}

/** A host and a port; an IPv6 address is in brackets. @throws BenchError USAGE */
function parseAddress(given: string, flag: string, defaultPort: number): Address {
  const [, name = '', port = String(defaultPort)] =
    /^(\[[\da-fA-F:.]+\]|[^\s/?#@:[\]\\%]+)(?::(\d{1,5}))?$/.exec(given) ?? [];
  if (name !== '' && Number(port) > 0 && Number(port) < 65_536)
    return { host: name.replace(/^\[|\]$/g, ''), port: Number(port) };
  throw usage(`HOST or HOST:PORT for --${flag}`, quoted(given), 'Write for example 10.0.0.5.');
}

function parseRate(given: string): number {
  const rate = /^\d+(?:\.\d+)?$/.test(given) ? Number(given) : Number.NaN;
  if (rate > 0 && rate <= 10_000_000) return rate;
  throw usage('requests per second, above 0, for --rate', quoted(given), 'Write for example 2000.');
}
