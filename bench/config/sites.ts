/** The external sites of `--target`: each is an arm of a run. */

import { findStore } from '../../stores/registry.ts';
import { redactUrl } from '../errors.ts';
import type { Contract } from './contract.ts';
import { readContract } from './contract-file.ts';
import { flagsOf, text } from './flag.ts';
import type { Rate } from './rate.ts';
import type { StoreChoice } from './store-choice.ts';
import { conflict, quoted, type RawOptions, usage } from './values.ts';
import { httpUrl, wireOf } from './wire.ts';
import type { ENGINES, Scenario } from './words.ts';

const view = flagsOf('view');

/** How a site is named and reached; for several sites `--target` and `--contract` are repeated. */
export const SITE_FLAGS = {
  target: view.repeatable(
    '--target <url>',
    'an external site instead of our backends, such as http://127.0.0.1:8080 or blue=https://shop.example; ' +
      'repeatable; needs --contract',
    (texts) => texts,
  ),
  contract: view.repeatable(
    '--contract <file>',
    'the endpoints of --target as JSON, one for all or one for each',
    (texts) => texts,
  ),
  ca: view.optional('--ca <file>', 'authorities, as PEM, that may sign the certificate of --target', text),
  insecure: view.yes('--insecure', 'does not check the certificate of --target'),
  connectTo: view.optional(
    '--connect-to <address>',
    'host and port to connect to, instead of those of --target',
    text,
  ),
};

/** Flags that say how our backends are started and used, by their keys. */
export const OWN_FLAGS = [
  'store',
  'servers',
  'balancer',
  'tls',
  'affinity',
  'payload',
  'pool',
  'transport',
  'durability',
  'services',
] as const;

/**
 * The arms of `--target`; `undefined` without one.
 * @throws BenchError USAGE or CONFLICT, for the first wrong value.
 */
export function sitesOf(raw: RawOptions): StoreChoice[] | undefined {
  const [targets, files] = [listed(raw['target']), listed(raw['contract'])];
  if (targets.length === 0) return expectNoSiteFlags(raw);
  if (files.length !== 1 && files.length !== targets.length) {
    const expected =
      targets.length === 1 ? 'one --contract with --target' : 'one --contract, or one for each --target';
    const got = files.length === 0 ? 'none' : `${files.length} for ${targets.length}`;
    throw conflict(expected, got, 'docs/conformance.md has an example of a contract.');
  }
  const own = OWN_FLAGS.find((flag) => raw[flag] !== undefined);
  if (own !== undefined) {
    const remedy = `Leave --${own} out: the contract describes the target.`;
    throw conflict('no flag of our backends together with --target', `--${own}`, remedy);
  }
  const contracts = files.map(readContract);
  const sites = targets.map((given, index) => siteOf(given, contracts[index] ?? contracts[0], raw));
  const twice = sites.find(({ store }, index) => sites.findIndex((one) => one.store === store) !== index);
  if (twice === undefined) return sites;
  const remedy = 'Name them: --target blue=http://… --target green=http://….';
  throw conflict('a name of its own for each --target', `two of ${quoted(twice.store)}`, remedy);
}

function expectNoSiteFlags(raw: RawOptions): undefined {
  const flags = { contract: 'contract', ca: 'ca', insecure: 'insecure', connectTo: 'connect-to' };
  const [alone] = Object.entries(flags).filter(([key]) => raw[key] !== undefined);
  if (alone === undefined) return undefined;
  const remedy = `Add --target, or leave --${alone[1]} out.`;
  throw conflict(`--target with --${alone[1]}`, `--${alone[1]} alone`, remedy);
}

const listed = (given: RawOptions[string]) => [given ?? []].flat().map(String);

/** A name before the URL, as in `blue=https://shop.example`. */
const NAMED = /^([a-zA-Z][\w.-]{0,39})=(.*)$/s;

function siteOf(given: string, contract: Contract | undefined, raw: RawOptions): StoreChoice {
  const [, name, rest] = NAMED.exec(given) ?? [];
  const address = httpUrl(rest ?? given, 'target');
  const url = new URL(address);
  const remedy = 'Leave that out: the contract has paths, and headers such as authorization.';
  if (url.username !== '' || url.password !== '')
    throw usage('--target without user and password', redactUrl(address), remedy);
  if (url.search !== '' || url.hash !== '') throw usage('--target without ? and #', quoted(address), remedy);
  const known = contract as Contract;
  const store = name ?? known.name.replaceAll(/[^\w.-]/g, '-');
  if (findStore(store) !== undefined) {
    const remedy = 'Name it otherwise: --target site=http://….';
    throw usage('a name for --target that is not that of a backend', quoted(store), remedy);
  }
  const wire = { ...wireOf(raw, url), host: known.host, headers: known.headers };
  const site = { url: address.replace(/\/$/, ''), contract: { ...known, wire } };
  return { store, options: {}, site };
}

/** What each scenario sends. */
const SENDS = {
  read: ['read'],
  update: ['update'],
  login: ['login', 'logout'],
  logout: ['login', 'logout'],
  visit: ['visit', 'logout'],
  mixed: ['read', 'update', 'login', 'logout'],
} as const;

/** What is checked of a configuration. */
interface SiteLoad {
  stores: readonly StoreChoice[];
  scenarios: readonly Scenario[];
  engine: (typeof ENGINES)[number];
  rate: Rate | undefined;
}

/** Whether external sites can be loaded so. @throws BenchError CONFLICT with what the contract lacks. */
export function checkSites({ stores, scenarios, engine, rate }: SiteLoad): void {
  for (const { store, site } of stores) {
    if (site === undefined) continue;
    for (const scenario of scenarios) checkScenario(store, site.contract, scenario);
    checkPace(store, site.contract, rate);
    if (engine !== 'slices') {
      throw conflict('--engine slices with --target', `--engine ${engine}`, 'Leave --engine out.');
    }
  }
}

function checkScenario(store: string, { operations, csrfHeader }: Contract, scenario: Scenario): void {
  if (scenario === 'revocation') {
    const remedy = 'pnpm conformance --target shows what a logout ends.';
    throw conflict('a scenario that is sent to --target', '--scenario revocation', remedy);
  }
  if (scenario === 'failure') {
    const remedy = 'Only what the harness has started is broken: name a backend with --store.';
    throw conflict('a scenario that is sent to --target', '--scenario failure', remedy);
  }
  const missing = SENDS[scenario].find((operation) => operations[operation] === undefined);
  if (missing !== undefined) {
    const expected = `operations.${missing} in the contract of ${store} for --scenario ${scenario}`;
    throw conflict(expected, 'none', 'Add it to the contract, or name another scenario.');
  }
  if (scenario !== 'read' && csrfHeader !== undefined) {
    const expected = `a site without csrfHeader for --scenario ${scenario}`;
    throw conflict(expected, `csrfHeader of ${store}`, 'Name --scenario read, which needs no such token.');
  }
}

function checkPace(store: string, { requestsPerSecond: limit }: Contract, rate: Rate | undefined): void {
  if (limit === undefined) return;
  const asked = rate !== undefined && 'perSecond' in rate ? rate.perSecond : undefined;
  if (asked !== undefined && asked <= limit) return;
  const expected = `--rate of at most requestsPerSecond of ${store}, ${limit}`;
  const got = asked === undefined ? 'no --rate in requests per second' : `--rate ${asked}`;
  throw conflict(expected, got, 'Lower --rate, or raise requestsPerSecond in the contract.');
}
