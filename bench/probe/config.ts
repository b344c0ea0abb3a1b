import { duration, flagsOf, parseFlags, whole } from '../config/flag.ts';
import { RUN_FLAGS } from '../config/flags.ts';
import { OUTPUT_FLAGS, SEED_FLAG } from '../config/shared-flags.ts';
import { quoted, type RawOptions, usage } from '../config/values.ts';
import type { ProbeJob } from './job.ts';

/** The complete configuration of `pnpm bench probe`. */
export interface ProbeConfig {
  job: ProbeJob;
  json: boolean;
}

const own = flagsOf('run');

/** The flags of `probe`. */
export const PROBE_FLAGS = {
  rate: own.optional(
    '--rate <number>',
    'requests due per second, whatever is in flight',
    { parse: parseRate },
    { fallbackHelp: 'a closed loop' },
  ),
  arrivals: RUN_FLAGS.arrivals,
  connections: own.value('-c, --connections <count>', 'connections', '64', whole(1, 10_000)),
  duration: { ...RUN_FLAGS.durationSeconds, help: 'measured load, such as 5s or 500ms', fallback: '5s' },
  warmup: own.value('-w, --warmup <time>', 'discarded load before the measured one', '1s', duration()),
  headers: own.repeatable(
    '-H, --header <line>',
    "sent with each request, 'name: value'; repeatable",
    parseHeaders,
  ),
  json: { ...OUTPUT_FLAGS.json, help: 'one flat object on standard output, keys as in results/README.md' },
  seed: { ...SEED_FLAG, help: 'random seed of the arrivals' },
  verbose: OUTPUT_FLAGS.verbose,
  color: OUTPUT_FLAGS.color,
};

const EXAMPLE = 'Write for example pnpm bench probe http://127.0.0.1:3000/.';

/** More than one process of Node can send. */
const MAX_RATE = 1_000_000;

/** Headers that the generator writes itself or that would change how a reply ends, with the remedy. */
const RESERVED: Readonly<Record<string, string>> = {
  host: 'It comes from the URL: write the name there.',
  'content-length': 'A probe sends GET without a body: leave it out.',
  'transfer-encoding': 'A probe sends GET without a body: leave it out.',
  connection: 'Connections are kept alive: leave it out.',
  expect: 'A probe sends GET without a body: leave it out.',
  upgrade: 'A probe speaks HTTP/1.1 only: leave it out.',
};

/** Parses arguments and options. @throws BenchError USAGE, for the first wrong value. */
export function parseProbe(words: readonly string[], raw: RawOptions): ProbeConfig {
  const url = parseTarget(words);
  const parsed = parseFlags(PROBE_FLAGS, raw);
  const { rate: ratePerSecond, arrivals, headers, connections, seed, json } = parsed;
  if (ratePerSecond === undefined && raw['arrivals'] !== undefined) {
    throw usage('--rate with --arrivals', 'none', 'Add --rate, or leave --arrivals out.');
  }
  const load: ProbeJob['load'] =
    ratePerSecond === undefined ? { model: 'closed' } : { model: 'open', ratePerSecond, arrivals };
  const [warmupSeconds, durationSeconds] = [parsed.warmup, parsed.duration];
  const [origin, path] = [url.origin, url.pathname + url.search];
  return { job: { origin, path, headers, connections, warmupSeconds, durationSeconds, load, seed }, json };
}

function parseTarget(words: readonly string[]): URL {
  const [text] = words;
  if (text === undefined || words.length !== 1) throw usage('one URL to probe', `${words.length}`, EXAMPLE);
  if (!URL.canParse(text)) throw usage('a URL to probe', quoted(text), EXAMPLE);
  const url = new URL(text);
  if (url.protocol !== 'http:') {
    const noTls = 'The generator does not support TLS: probe the plain port behind it.';
    throw usage('a URL that begins with http://', quoted(text), url.protocol === 'https:' ? noTls : EXAMPLE);
  }
  if (url.username !== '' || url.password !== '') {
    throw usage('a URL without user and password', quoted(text), "Send them by -H 'authorization: …'.");
  }
  return url;
}

function parseRate(text: string): number {
  const rate = /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (rate > 0 && rate <= MAX_RATE) return rate;
  const remedy = text.endsWith('%')
    ? 'A share of the capacity is for pnpm bench run: write requests per second.'
    : 'Write for example 2000; for a closed loop leave --rate out.';
  throw usage(`requests per second, above 0 and at most ${MAX_RATE}, for --rate`, quoted(text), remedy);
}

/** Field names are tokens (RFC 9110 §5.6.2); values contain neither control characters nor line breaks (§5.5). */
function parseHeaders(lines: readonly string[]): Record<string, string> {
  const headers = new Map<string, string>();
  for (const line of lines) {
    const match = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\P{Cc}]*)$/u.exec(line);
    const [, written, value] = match ?? [];
    if (written === undefined || value === undefined) {
      // The value may be a secret: only the name is shown.
      const end = line.indexOf(':');
      const shown = end < 0 ? 'no colon' : `${quoted(line.slice(0, end))}, wrongly written`;
      const remedy = "Write for example -H 'accept: text/html'.";
      throw usage("'name: value' on one line for --header", shown, remedy);
    }
    const name = written.toLowerCase();
    const remedy = RESERVED[name];
    if (remedy !== undefined) throw usage('a header that is yours to set in --header', `"${name}"`, remedy);
    if (headers.has(name)) {
      const join = 'Join the values by a comma, cookies by a semicolon.';
      throw usage('each header once', `"${name}" twice`, join);
    }
    headers.set(name, value.trimEnd());
  }
  return Object.fromEntries(headers);
}
