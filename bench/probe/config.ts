import { duration, flagsOf, parseFlags, text, type ValuesOf, whole } from '../config/flag.ts';
import { RUN_FLAGS } from '../config/flags.ts';
import { OUTPUT_FLAGS, SEED_FLAG } from '../config/shared-flags.ts';
import { SITE_FLAGS } from '../config/sites.ts';
import { conflict, quoted, type RawOptions, usage } from '../config/values.ts';
import { wireOf } from '../config/wire.ts';
import { parseBody, parseMethod } from './body.ts';
import { parseHeaders } from './headers.ts';
import type { ProbeJob } from './job.ts';
import { MAX_RATE, MAX_SECONDS, parseStages, totalSeconds } from './stage-flag.ts';
import { EXAMPLE, parseTarget, pathOf } from './target.ts';
import { checkBase, parseTargets, type Targets } from './targets.ts';

/** The complete configuration of `pnpm bench probe`. */
export interface ProbeConfig {
  job: ProbeJob;
  /** The requests of `--urls`. */
  targets?: Targets;
  json: boolean;
}

const own = flagsOf('run');

/** The flags of `probe`. */
export const PROBE_FLAGS = {
  method: own.optional(
    '-m, --method <word>',
    'method of the requests',
    { parse: (given) => parseMethod(given, '--method') },
    { fallbackHelp: 'GET; POST with a body' },
  ),
  body: own.optional('--body <text>', 'sent with each request, by POST if no --method is given', text),
  bodyFile: own.optional('--body-file <file>', 'the same, the bytes of a file', text),
  headers: own.repeatable(
    '-H, --header <line>',
    "sent with each request, 'name: value'; repeatable",
    (lines) => lines,
  ),
  headerFile: own.optional(
    '--headers <file>',
    'more of them, one on each line: secrets stay out of the list of processes',
    text,
  ),
  urls: own.optional(
    '--urls <file>',
    'send these in turn: URL or METHOD URL on each line, a path beside a URL argument',
    text,
  ),
  rate: own.optional(
    '--rate <number>',
    'requests due per second, whatever is in flight',
    { parse: parseRate },
    { fallbackHelp: 'a closed loop' },
  ),
  stages: own.optional(
    '--stages <list>',
    'rates one after the other, such as 10s:100,30s:100-1000 (a step, then a ramp); instead of --rate and --duration',
    { parse: parseStages },
  ),
  ca: { ...SITE_FLAGS.ca, help: 'authorities, as PEM, that may sign the certificate of an https URL' },
  insecure: { ...SITE_FLAGS.insecure, help: 'does not check the certificate' },
  connectTo: {
    ...SITE_FLAGS.connectTo,
    help: 'host and port to connect to, instead of those of the URL',
  },
  arrivals: { ...RUN_FLAGS.arrivals, help: 'how requests become due, with --rate or --stages' },
  connections: own.value('-c, --connections <count>', 'connections', '64', whole(1, 10_000)),
  duration: own.value(
    '-d, --duration <time>',
    'measured load, such as 500ms, 5s or 8h',
    '5s',
    duration(0.1, MAX_SECONDS),
  ),
  warmup: own.value('-w, --warmup <time>', 'discarded load before the measured one', '1s', duration(0)),
  json: {
    ...OUTPUT_FLAGS.json,
    help: 'JSON on standard output: an object a line for each second, then a summary with the keys of results/README.md',
  },
  seed: { ...SEED_FLAG, help: 'random seed of the arrivals' },
  verbose: OUTPUT_FLAGS.verbose,
  color: OUTPUT_FLAGS.color,
};

/** Parses arguments and options, and reads the files they name. @throws BenchError USAGE or CONFLICT, for the first wrong one. */
export function parseProbe(words: readonly string[], raw: RawOptions): ProbeConfig {
  const url = parseWords(words, raw['urls'] !== undefined);
  const parsed = parseFlags(PROBE_FLAGS, raw);
  const { connections, seed, json, warmup: warmupSeconds } = parsed;
  const load = loadOf(parsed, raw);
  const durationSeconds = load.model === 'stages' ? totalSeconds(load.stages) : parsed.duration;
  const headers = parseHeaders(parsed.headers, parsed.headerFile);
  const request = parseBody(parsed, headers);
  const common = { ...request, headers, connections, warmupSeconds, durationSeconds, load, seed };
  if (parsed.urls === undefined) {
    if (url === undefined) throw usage('one URL to probe', 'none', EXAMPLE);
    const wire = wireOf(raw, url, 'a URL');
    return { job: { origin: url.origin, path: pathOf(url), wire, ...common }, json };
  }
  if (url !== undefined) checkBase(url);
  const { origin, ...targets } = parseTargets(parsed.urls, url?.origin);
  const wire = wireOf(raw, new URL(origin), 'a URL');
  return { job: { origin, path: '/', wire, ...common }, targets, json };
}

/** The URL; a list may do without. */
function parseWords(words: readonly string[], hasList: boolean): URL | undefined {
  const [word] = words;
  if (hasList && word === undefined) return undefined;
  if (word === undefined || words.length !== 1) throw usage('one URL to probe', `${words.length}`, EXAMPLE);
  return parseTarget(word);
}

function loadOf(
  {
    rate: ratePerSecond,
    stages,
    arrivals,
  }: Pick<ValuesOf<typeof PROBE_FLAGS>, 'rate' | 'stages' | 'arrivals'>,
  raw: RawOptions,
): ProbeJob['load'] {
  if (stages !== undefined) {
    const others = ['rate', 'duration'].filter((name) => raw[name] !== undefined);
    if (others.length > 0) {
      const got = `--stages with ${others.map((name) => `--${name}`).join(' and ')}`;
      throw conflict('rate and duration in one place', got, 'Each stage has its own: leave them out.');
    }
    return { model: 'stages', stages, arrivals };
  }
  if (ratePerSecond !== undefined) return { model: 'open', ratePerSecond, arrivals };
  if (raw['arrivals'] === undefined) return { model: 'closed' };
  throw usage('--rate with --arrivals', 'none', 'Add --rate or --stages, or leave --arrivals out.');
}

function parseRate(given: string): number {
  const rate = /^\d+(?:\.\d+)?$/.test(given) ? Number(given) : Number.NaN;
  if (rate > 0 && rate <= MAX_RATE) return rate;
  const remedy = given.endsWith('%')
    ? 'A share of the capacity is for pnpm bench run: write requests per second.'
    : 'Write for example 2000; for a closed loop leave --rate out.';
  throw usage(`requests per second, above 0 and at most ${MAX_RATE}, for --rate`, quoted(given), remedy);
}
