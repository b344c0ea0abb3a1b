/** One backend of `--store`. */

import type { Handicap } from '../../servers/protocol.ts';
import { COMPARATORS } from '../../stores/comparators/libraries.ts';
import type { StoreModule } from '../../stores/module.ts';
import { defaultOptions } from '../../stores/options.ts';
import { ARMS, findStore, resolveAlias } from '../../stores/registry.ts';
import type { BackendDefinition } from '../../stores/store.ts';
import { pairsText } from '../../stores/variant.ts';
import type { LoadedSite } from './contract.ts';
import { type InnerCheck, takeInner } from './inner-check.ts';
import { isModuleText, moduleText, ownOptions, parseModule, registerLooked } from './store-module.ts';
import { distinct, listOf, oneOf, quoted, usage } from './values.ts';

/** A backend and the values of its options, complete. */
export interface StoreChoice {
  store: string;
  options: Record<string, string>;
  /** Whose code serves it, when two commits are compared; default the work tree's. */
  side?: 'base' | 'head';
  /** Slowness that is planted to prove the instrument. */
  handicap?: Handicap;
  /** An external site instead of one of our backends, whose name is then `store`. */
  site?: LoadedSite;
  /** The user's own file instead of one of our backends; `store` is its name. */
  module?: StoreModule;
  /** What that module is compared with, where it is a file; absent: itself at another commit. */
  baseModule?: StoreModule;
  /** How inner services check (`--inner`); default `ask`. */
  inner?: InnerCheck;
  /** Distinguishes it from another arm of the same backend, options and side. */
  label?: string;
}

/** Stands for every library in `--store`. */
export const ALL_COMPARATORS = 'comparators';

/** The choices of `--store`, separated by commas; {@link ALL_COMPARATORS} stands for several. @throws BenchError USAGE */
export function parseStoreChoices(text: string): StoreChoice[] {
  const items = listOf('store', text).flatMap((item) =>
    item === ALL_COMPARATORS ? COMPARATORS.flatMap(listedArms) : [item],
  );
  const choices = distinct(items.map(parseStoreChoice));
  checkNames(choices);
  return choices;
}

/** The tables name a module by its file: two of one name would be one. @throws BenchError USAGE */
function checkNames(choices: readonly StoreChoice[]): void {
  const paths = new Map<string, string>();
  for (const { store, module } of choices) {
    if (module === undefined) continue;
    const other = paths.get(store) ?? module.path;
    paths.set(store, module.path);
    if (other !== module.path)
      throw usage('modules of different file names', `two of ${store}`, 'Rename one.');
  }
}

/** The arms of a backend in lists that name it alone: settings to compare are an arm each. */
export function listedArms({ name, options }: BackendDefinition): string[] {
  const [option] = Object.entries(options).filter(([, { compared }]) => compared !== undefined);
  if (option === undefined) return [name];
  const [key, { compared = [] }] = option;
  return compared.map((setting) => `${name}:${key}=${setting}`);
}

/** `redis`, or with options `redis:write=lww;read=getex`; `./mine.ts` or `express:./mine.mjs`. */
export function parseStoreChoice(text: string): StoreChoice {
  if (isModuleText(text)) {
    const { module, store, rest } = parseModule(text);
    registerLooked(store, module);
    return { store, options: optionsOf(store, rest), module };
  }
  const [name = '', ...rest] = text.split(':');
  const store = oneOf(
    'store',
    resolveAlias(name),
    ARMS.map((definition) => definition.name),
  );
  const { inner, rest: own } = takeInner(rest.length === 0 ? undefined : rest.join(':'));
  return { store, options: optionsOf(store, own), ...(inner === undefined ? {} : { inner }) };
}

/** The options of a backend, complete. @param given as in `write=lww+read=getex`. */
function optionsOf(store: string, given: string | undefined): Record<string, string> {
  const definition = findStore(store) as BackendDefinition;
  const options = defaultOptions(definition);
  const known = Object.keys(definition.options);
  const named = new Set<string>();
  for (const pair of given === undefined ? [] : given.split(/[;+]/)) {
    if (known.length === 0) throw usage(`no options of ${store}`, quoted(pair), `Write --store ${store}.`);
    const [key = '', value = '', ...more] = pair.split('=');
    const option = definition.options[oneOf(`store ${store}:`, key, known)];
    if (more.length > 0 || named.has(key)) {
      const remedy = 'Join options by +, each once.';
      throw usage(`one value for ${key} of ${store}`, quoted(given ?? ''), remedy);
    }
    named.add(key);
    options[key] = oneOf(`store ${store}:${key}=`, value, option?.values ?? ['']);
  }
  const conflict = definition.conflict?.(options);
  if (conflict !== undefined)
    throw usage(`${conflict.expected} in --store ${store}`, conflict.got, 'Change one of the two.');
  return options;
}

/** An arm for each side. */
export function bothSides(choice: StoreChoice): StoreChoice[] {
  const { baseModule: module } = choice;
  const base = module === undefined ? choice : { ...choice, module };
  return [
    { ...base, side: 'base' },
    { ...choice, side: 'head' },
  ];
}

/** As `--store` takes it, with all options. */
export function storeText({ store, options, module, inner }: StoreChoice): string {
  const name = module === undefined ? store : moduleText(module);
  const own = module === undefined ? options : ownOptions(options);
  const pairs = pairsText(inner === undefined ? own : { ...own, inner });
  return pairs === '' ? name : `${name}:${pairs}`;
}
