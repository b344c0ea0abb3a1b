/** How an arm's options are written: in its name, in `--store`, and in the column `variant`. */

import { findStore } from './registry.ts';
import type { StoreOptions } from './store.ts';

/** The text of the column `variant`: all options and the durability, sorted. */
export function variantText(options: StoreOptions, durability: string): string {
  return pairsText({ ...options, durability });
}

/** The common text of options: `alg=HS256;lib=jose`, sorted. */
export function pairsText(options: StoreOptions): string {
  return Object.entries(options)
    .map(([key, value]) => `${key}=${value}`)
    .sort()
    .join(';');
}

/**
 * Whether a text is a valid column `variant`: pairs of a name and a value, each name once, including the durability.
 */
export function isVariant(text: string): boolean {
  const names = text.split(';').map((pair) => /^([\w-]+)=[^=;]+$/.exec(pair)?.[1]);
  return !names.includes(undefined) && new Set(names).size === names.length && names.includes('durability');
}

/**
 * The options and the durability in a column `variant`. Options that its writer did not know get the behaviour of that
 * time, so that an old file pairs with a new one.
 */
export function parseVariant(store: string | undefined, variant: string | undefined): Record<string, string> {
  const pairs = (variant ?? '').split(';').filter((pair) => pair !== '');
  const given = Object.fromEntries(pairs.map((pair) => pair.split('=') as [string, string]));
  return { ...absentOptions(store ?? ''), ...given };
}

/** The options of a backend as older files and servers, which do not know them, behave. */
export function absentOptions(store: string): StoreOptions {
  const options = Object.entries(findStore(store)?.options ?? {});
  return Object.fromEntries(options.map(([name, { absent, values }]) => [name, absent ?? values[0]]));
}

/** An arm as in `--store`: the backend, its options that are not default, and those that a name always includes. */
export function armText(store: string, options: StoreOptions): string {
  const defined = new Map(Object.entries(findStore(store)?.options ?? {}));
  const shown = Object.entries(options).filter(([key, value]) => {
    const option = defined.get(key);
    return option?.named === true || option?.values[0] !== value;
  });
  return shown.length === 0 ? store : `${store}:${pairsText(Object.fromEntries(shown))}`;
}

/** As {@link armText}, from the cells of a row. */
export function rowArmText({ store = '', variant }: { store?: string; variant?: string }): string {
  const { durability: _, ...options } = parseVariant(store, variant);
  return armText(store, options);
}
