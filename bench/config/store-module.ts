/** A module of the user's in `--store`: its spelling, and its place among the backends of this process. */

import { existsSync, statSync } from 'node:fs';
import { basename, dirname, relative, resolve } from 'node:path';
import { type ComparatorDefinition, LAST_WRITE_WINS } from '../../stores/comparators/definition.ts';
import { isModule, type ModuleDefinition, type StoreModule } from '../../stores/module.ts';
import { findService, findStore, registerModule, SERVICES } from '../../stores/registry.ts';
import type { ServiceDefinition } from '../../stores/service.ts';
import type { StoreOptions } from '../../stores/store.ts';
import { traitsOfService } from '../../stores/traits.ts';
import { pairsText } from '../../stores/variant.ts';
import { type LookedDefinition, lookAtDefinition } from './look-at-module.ts';
import { conflict, quoted, usage } from './values.ts';

/** Begins the name of a file that exports a Store of express-session. */
const EXPRESS = 'express:';
const IS_PATH = /^\.{0,2}\//;
const IS_FILE_NAME = /\.[cm]?[jt]s$/;
/** The option that a module gets by `--service`, so that its rows name the service. */
const SERVICE_OPTION = 'service';

/** What is used here of a StoreChoice. */
interface Choice {
  store: string;
  options: Record<string, string>;
  module?: StoreModule;
}

/** Whether an item of `--store` names a file, and not a backend. */
export function isModuleText(text: string): boolean {
  return text.startsWith(EXPRESS) || IS_PATH.test(text) || IS_FILE_NAME.test(text.replace(/:.*/, ''));
}

/** The item of `--store` that names this module: absolute, for a run may be continued elsewhere. */
export function moduleText({ kind, path }: StoreModule): string {
  return kind === 'express' ? `${EXPRESS}${path}` : path;
}

/** The module for people: relative to the current folder where that is shorter. */
export function shownModule({ path }: Pick<StoreModule, 'path'>): string {
  const near = relative(process.cwd(), path);
  return near.startsWith('..') ? path : `./${near}`;
}

/**
 * The module that an item of `--store` names, and the options behind it. A path may contain colons: it ends where a file
 * of that name exists.
 * @throws BenchError USAGE for a name that is not a path, and for what is not a file.
 */
export function parseModule(
  text: string,
  flag = 'store',
): { module: StoreModule; store: string; rest: string | undefined } {
  const kind = text.startsWith(EXPRESS) ? 'express' : 'definition';
  const named = kind === 'express' ? text.slice(EXPRESS.length) : text;
  if (!IS_PATH.test(named)) {
    const remedy = `Write --${flag} ${kind === 'express' ? EXPRESS : ''}./${named === '' ? 'mine.mjs' : named}.`;
    throw usage(`a path that begins with ./, ../ or / for a module in --${flag}`, quoted(text), remedy);
  }
  const ends = [named.length, ...[...named.matchAll(/:/g)].map(({ index }) => index).reverse()];
  const end = ends.find((at) => isFile(named.slice(0, at)));
  if (end === undefined) {
    const got = `${quoted(named)}, which is ${existsSync(named) ? 'not a file' : 'not there'}`;
    throw usage(`a file with a module for --${flag}`, got, 'Correct the path.');
  }
  const path = resolve(named.slice(0, end));
  if (!IS_FILE_NAME.test(path)) {
    const expected = `a module whose name ends in .mjs, .js, .cjs or .ts for --${flag}`;
    throw usage(expected, quoted(named), 'Rename the file.');
  }
  const rest = end === named.length ? undefined : named.slice(end + 1);
  return { module: { kind, path }, store: storeNameOf(path), rest };
}

const isFile = (path: string) => path !== '' && statSync(path, { throwIfNoEntry: false })?.isFile() === true;

/** Its file name, as rows and tables show it. The ending stays, so that it never equals the name of one of our backends. */
const storeNameOf = (path: string) => basename(path).replaceAll(/[^\w.-]+/g, '-');

/** Makes the module known to this process under this name. @throws BenchError USAGE when it is not what it should be. */
export function registerLooked(store: string, module: StoreModule): void {
  if (module.kind === 'express') registerModule(expressDefinition(store));
  else registerModule(definitionOf(store, module, lookAtDefinition(module.path)));
}

const DURABLE = 'second';

/** A Store says nothing of itself. What its traits say here is where the checks begin; they show what they find. */
function expressDefinition(store: string): ModuleDefinition & ComparatorDefinition {
  return {
    name: store,
    module: 'express',
    summary: 'express with express-session, in a store of the user',
    options: {},
    service: () => undefined,
    connections: () => 0,
    offers: () => [],
    declaredTraits: (_options, durability) => traitsOfService(LAST_WRITE_WINS, durability),
    packages: () => [],
  };
}

function definitionOf(store: string, module: StoreModule, looked: LookedDefinition): ModuleDefinition {
  const { summary, options, settings } = looked;
  if (options[SERVICE_OPTION] !== undefined)
    throw usage(`no option ${SERVICE_OPTION} in ${shownModule(module)}`, 'one', 'Name it otherwise.');
  const known = new Map(settings.map((one) => [pairsText(one.options), one]));
  const of = (given: StoreOptions) => {
    const found = known.get(pairsText(ownOptions(given)));
    if (found === undefined) throw new Error(`${store} has no options ${pairsText(given)}`);
    return found;
  };
  const serviceOf = (given: StoreOptions) => {
    const { service } = of(given);
    return service === undefined ? undefined : findService(service);
  };
  return {
    name: store,
    module: 'definition',
    summary,
    options,
    conflict: (given) => of(given).conflict,
    service: serviceOf,
    connections: (given, poolSize) => (serviceOf(given) === undefined ? 0 : poolSize),
    offers: (given) => of(given).offers,
    declaredTraits: (given, durability) => of(given).traits[durability] ?? of(given).traits[DURABLE],
  };
}

/** The options without the one that stands for `--service`. */
export function ownOptions(options: StoreOptions): Record<string, string> {
  return Object.fromEntries(Object.entries(options).filter(([name]) => name !== SERVICE_OPTION));
}

/** The service of `--service`. @throws BenchError USAGE */
export function parseServiceName(text: string): string {
  if (findService(text) !== undefined) return text;
  const names = SERVICES.map(({ name }) => name).join(', ');
  throw usage(`--service to be one of ${names}`, quoted(text), 'Correct --service.');
}

/**
 * Gives the modules among these the service of `--service`. @throws BenchError CONFLICT without a module, and for one
 * that names a service of its own.
 */
export function bindModules<T extends Choice>(stores: readonly T[], name: string | undefined): T[] {
  if (name === undefined) return [...stores];
  const service = findService(name) as ServiceDefinition;
  if (!stores.some(({ module }) => module !== undefined))
    throw conflict('a module in --store with --service', 'none', 'Add --store ./mine.mjs, or leave it out.');
  return stores.map((choice) => (choice.module === undefined ? choice : bound(choice, service)));
}

function bound<T extends Choice>(choice: T, service: ServiceDefinition): T {
  const definition = findStore(choice.store);
  if (definition === undefined || !isModule(definition)) return choice;
  const isBound = definition.options[SERVICE_OPTION] !== undefined;
  const own = isBound ? undefined : definition.service(choice.options);
  if (own !== undefined)
    throw conflict(
      `--store ${choice.store} without --service`,
      service.name,
      `It uses ${own.name} by itself.`,
    );
  registerModule({
    ...definition,
    options: {
      ...definition.options,
      [SERVICE_OPTION]: { meaning: 'the service of --service', values: [service.name] },
    },
    service: () => service,
    connections: (_options, poolSize) => poolSize,
  });
  return { ...choice, options: { ...choice.options, [SERVICE_OPTION]: service.name } };
}

/** The folder of a module, whose packages it uses. */
export const folderOf = ({ path }: StoreModule): string => dirname(path);
