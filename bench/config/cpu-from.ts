/** `--cpu-from`: where the CPU of processes on other machines is read. */

import { findStore } from '../../stores/registry.ts';
import type { BenchError } from '../errors.ts';
import { flagsOf } from './flag.ts';
import type { ServiceUrls } from './service-urls.ts';
import type { StoreChoice } from './store-choice.ts';
import { conflict, quoted, usage } from './values.ts';
import { httpUrl } from './wire.ts';

/** One exporter in the text format of Prometheus, and what of it counts. */
export interface CpuSource {
  /** Without credentials and without the container. */
  url: string;
  /** The header of the credentials in the URL; absent without some. Never for people or files. */
  authorization?: string;
  /** The target or service whose CPU this is; absent: every one that runs elsewhere. */
  owner?: string;
  /** The container that counts; absent: the whole machine. */
  container?: string;
}

export const CPU_FROM_FLAG = flagsOf('view').repeatable(
  '--cpu-from <urls>',
  'CPU of an external site, or of a service by its URL, from an exporter on its machine, such as http://a:9100/metrics (node_exporter) ' +
    'or http://a:8080/metrics#NAME (a container, by cAdvisor); shop=http://… for one of several; repeatable, or a list',
  (texts) => texts.flatMap((text) => text.split(BETWEEN)).map(sourceOf),
);

/** A comma before a further URL: others may be a part of one. */
const BETWEEN = /,(?=\s*(?:[a-zA-Z][\w.-]{0,39}=)?https?:\/\/)/;
const NAMED = /^([a-zA-Z][\w.-]{0,39})=(https?:.*)$/s;

function sourceOf(given: string): CpuSource {
  const [, owner, rest = given.trim()] = NAMED.exec(given.trim()) ?? [];
  const url = new URL(httpUrl(rest, 'cpu-from'));
  const container = decoded(url.hash.slice(1));
  if (container.includes('@')) throw unreadable('a # before an @');
  const authorization = authorizationOf(url);
  url.hash = '';
  url.username = '';
  url.password = '';
  return {
    url: url.href,
    ...(authorization === undefined ? {} : { authorization }),
    ...(owner === undefined ? {} : { owner }),
    ...(container === '' ? {} : { container }),
  };
}

function authorizationOf({ username, password }: URL): string | undefined {
  if (username === '' && password === '') return undefined;
  // What stands alone may be a token, which texts would show as a name.
  if (password === '') throw unreadable('a user without a password');
  return `Basic ${Buffer.from(`${decoded(username)}:${decoded(password)}`).toString('base64')}`;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw unreadable('a % that stands alone');
  }
}

/** Shows no part of the URL, which holds a password. */
function unreadable(got: string): BenchError {
  const remedy = 'Write http://USER:PASSWORD@HOST/metrics, with % as %25, # as %23, @ as %40.';
  return usage('a URL for --cpu-from with user and password, or with neither', got, remedy);
}

/** What is needed of a configuration to know what runs elsewhere. */
interface Elsewhere {
  cpuFrom: readonly CpuSource[];
  tier: string;
  urls: ServiceUrls;
}

type Choice = Pick<StoreChoice, 'store' | 'options' | 'site'>;

/** The name of what an arm loads that the run does not start: its target, or its service; `undefined` for none. */
function ownerOf({ tier, urls }: Elsewhere, { store, options, site }: Choice): string | undefined {
  if (site !== undefined) return store;
  const service = findStore(store)?.service(options)?.name;
  const isByUrl = service !== undefined && urls[service] !== undefined;
  return isByUrl && (tier === 'auto' || tier === 'url') ? service : undefined;
}

/** The exporters that count for an arm; empty for one whose processes the run starts itself. */
export function sourcesFor(config: Elsewhere, choice: Choice): CpuSource[] {
  const name = ownerOf(config, choice);
  if (name === undefined) return [];
  return config.cpuFrom.filter(({ owner }) => owner === undefined || owner === name);
}

/** What counts, for the column `cpu_from`: `machine`, `container` or both; `undefined` without a source. */
export function kindOf(sources: readonly CpuSource[]): string | undefined {
  const kinds = new Set(sources.map(({ container }) => (container === undefined ? 'machine' : 'container')));
  return kinds.size === 0 ? undefined : [...kinds].sort().join(' ');
}

/** @throws BenchError CONFLICT for a source of nothing that this run loads. */
export function checkCpuSources(config: Elsewhere & { stores: readonly Choice[] }): void {
  const { cpuFrom, stores } = config;
  if (cpuFrom.length === 0) return;
  const owners = [...new Set(stores.flatMap((choice) => ownerOf(config, choice) ?? []))];
  if (owners.length === 0) {
    const remedy = 'Leave --cpu-from out: the CPU of what a run starts is read on this machine.';
    throw conflict('--target, or the URL of a service in --store, with --cpu-from', 'neither', remedy);
  }
  const stray = cpuFrom.find(({ owner }) => owner !== undefined && !owners.includes(owner));
  if (stray !== undefined) {
    const expected = `${owners.join(' or ')} before = in --cpu-from`;
    throw conflict(expected, quoted(stray.owner as string), 'Correct that name, or leave it out.');
  }
  const bare = stores.find((choice) => choice.site !== undefined && sourcesFor(config, choice).length === 0);
  if (bare !== undefined) {
    const remedy = `Add --cpu-from ${bare.store}=http://….`;
    throw conflict('an exporter for each --target in --cpu-from', `none for ${bare.store}`, remedy);
  }
}
