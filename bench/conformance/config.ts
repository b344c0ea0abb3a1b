import { readFileSync } from 'node:fs';
import type { z } from 'zod';
import { SESSION_STORES } from '../../stores/registry.ts';
import type { Durability } from '../../stores/store.ts';
import { flagsOf, parseFlags, text, whole, words } from '../config/flag.ts';
import { RUN_FLAGS } from '../config/flags.ts';
import { parseServiceUrls, type ServiceUrls, servicesOf } from '../config/service-urls.ts';
import { OUTPUT_FLAGS, REPORT_FLAGS, SEED_FLAG } from '../config/shared-flags.ts';
import type { StoreChoice } from '../config/store-choice.ts';
import { listOf, quoted, type RawOptions, usage } from '../config/values.ts';
import type { AFFINITIES, Tier } from '../config/words.ts';
import { BenchError, messageOf } from '../errors.ts';
import { isCheckId, LAST_NUMBER } from './catalogue.ts';
import { type Contract, contractSchema } from './contract.ts';

/** The configuration of a run. */
export interface ConformanceConfig {
  stores: readonly StoreChoice[];
  servers: number;
  balancers: readonly (typeof CONFORMANCE_BALANCERS)[number][];
  affinities: readonly (typeof AFFINITIES)[number][];
  durability: Durability;
  /** Ids of checks; `undefined` means all. */
  only: readonly string[] | undefined;
  tries: number;
  seed: number;
  tier: Tier | 'auto';
  urls: ServiceUrls;
  /** An external site. */
  external: { target: string; contract: Contract } | undefined;
  json: boolean;
  markdown: string | undefined;
}

const CONFORMANCE_BALANCERS = ['auto', 'haproxy', 'nginx', 'node'] as const;

const { value, optional } = flagsOf('run');
const STORE_NAMES = SESSION_STORES.map(({ name }) => name);

/** The flags of `pnpm conformance`, except the URLs of services. */
export const CONFORMANCE_FLAGS = {
  stores: value(
    '--store <names>',
    RUN_FLAGS.stores.help,
    STORE_NAMES.join(','),
    { parse: storesOf },
    { fallbackHelp: 'all but the control' },
  ),
  servers: value('--servers <count>', 'server processes', '3', whole(1, 16)),
  balancers: value('--balancer <names>', RUN_FLAGS.balancer.help, 'auto', words(CONFORMANCE_BALANCERS)),
  affinities: { ...RUN_FLAGS.affinities, fallback: 'sticky,round-robin', fallbackHelp: 'both' },
  durability: RUN_FLAGS.durability,
  only: optional(
    '--only <ids>',
    'numbers of checks, such as 14,15 or 2a',
    { parse: onlyOf },
    { fallbackHelp: 'all' },
  ),
  tries: value('--tries <count>', 'tries of each race, at least 9', '20', whole(9, 10_000)),
  target: optional('--target <url>', 'an external site instead of ours; needs --contract', text),
  contract: optional('--contract <file>', 'its endpoints and its properties, as JSON', text),
  tier: RUN_FLAGS.tier,
  json: { ...OUTPUT_FLAGS.json, help: 'cells as a JSON array on standard output instead of the matrix' },
  markdown: { ...REPORT_FLAGS.markdown, help: 'also write the matrix as Markdown; replaces the file' },
  seed: { ...SEED_FLAG, fallbackHelp: 'random; printed' },
  verbose: OUTPUT_FLAGS.verbose,
  color: OUTPUT_FLAGS.color,
};

/** Parses the options. @throws BenchError USAGE or CONFLICT, for the first wrong value. */
export function parseConformance(
  raw: RawOptions,
  env: Readonly<Record<string, string | undefined>>,
): ConformanceConfig {
  const external = externalOf(raw);
  const parsed = parseFlags(CONFORMANCE_FLAGS, raw);
  return {
    ...parsed,
    urls: parseServiceUrls(raw, env, external === undefined ? servicesOf(parsed.stores) : []),
    external,
  };
}

/** @throws BenchError USAGE, also for the control: without sessions there is nothing to check. */
function storesOf(given: string): StoreChoice[] {
  const choices = RUN_FLAGS.stores.parse(given, 'store');
  const control = choices.find(({ store }) => !STORE_NAMES.includes(store));
  if (control === undefined) return choices;
  throw usage(
    `backends that keep sessions, of ${STORE_NAMES.join(', ')}`,
    quoted(control.store),
    'Leave it out.',
  );
}

function onlyOf(given: string): string[] {
  const ids = listOf('only', given);
  const unknown = ids.find((id) => !isCheckId(id));
  if (unknown === undefined) return ids;
  throw usage(
    `numbers of checks, from 1 to ${LAST_NUMBER}, such as 14 or 2a, for --only`,
    quoted(unknown),
    'Correct --only.',
  );
}

/** Flags that configure how our sites are started; they conflict with an external one. */
const OWN_FLAGS = ['store', 'servers', 'balancer', 'affinity', 'durability', 'services'] as const;

function externalOf(raw: RawOptions): ConformanceConfig['external'] {
  const { target, contract } = raw;
  if (target === undefined && contract === undefined) return undefined;
  if (target === undefined || contract === undefined) {
    const [given, missing] = target === undefined ? ['contract', 'target'] : ['target', 'contract'];
    throw new BenchError({
      code: 'CONFLICT',
      expected: '--target URL and --contract FILE together',
      got: `--${given} alone`,
      remedy: `Add --${missing}; docs/conformance.md has an example of a contract.`,
    });
  }
  const own = OWN_FLAGS.find((flag) => raw[flag] !== undefined);
  if (own !== undefined) {
    throw new BenchError({
      code: 'CONFLICT',
      expected: 'no flag of our sites together with --target',
      got: `--${own}`,
      remedy: `Leave --${own} out: the contract describes the target.`,
    });
  }
  return { target: httpUrl(String(target)), contract: readContract(String(contract)) };
}

/** @throws BenchError USAGE; what cannot be read is not shown, for it may hold a password. */
function httpUrl(text: string): string {
  if (URL.canParse(text) && new URL(text).protocol === 'http:') return text;
  const got = URL.canParse(text) ? quoted(text) : 'text that is not a URL';
  throw usage('a URL that begins with http:// for --target', got, 'Write for example http://127.0.0.1:8080.');
}

/** @throws BenchError USAGE for the first field that is wrong. */
function readContract(path: string): Contract {
  let given: unknown;
  try {
    given = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw usage(`a contract as JSON in ${quoted(path)}`, messageOf(error), 'Correct --contract.');
  }
  const parsed = contractSchema.safeParse(given);
  if (parsed.success) {
    const { survivesStoreCrash, ...traits } = parsed.data.traits;
    return { ...parsed.data, traits: { ...traits, survivesStoreCrash } };
  }
  const [issue] = parsed.error.issues as z.core.$ZodIssue[];
  const where = issue?.path.join('.') || 'the whole';
  throw usage(
    `a contract in ${quoted(path)} whose fields are those of docs/conformance.md`,
    `${where}: ${issue?.message ?? 'something else'}`,
    'Correct the file.',
  );
}
