import { lookAtDefinition } from './look-at-module.ts';
import type { StoreChoice } from './store-choice.ts';
import { isModuleText, moduleText, parseModule } from './store-module.ts';
import { conflict, usage } from './values.ts';

/**
 * What `gate` compares: backends of two commits of this project, or modules of the user's with an earlier state of them.
 * @param baseStore the file of `--base-store`, of the same kind as the module unless it says express: itself.
 * @throws BenchError USAGE, CONFLICT for modules beside backends.
 */
export function gatedStores(stores: readonly StoreChoice[], baseStore: string | undefined): StoreChoice[] {
  const modules = stores.filter(({ module }) => module !== undefined);
  if (baseStore !== undefined) return [withBase(stores, modules, baseStore)];
  const other = stores.find(({ module }) => module === undefined);
  if (modules.length === 0 || other === undefined) return [...stores];
  const remedy = 'Gate them one after the other: their commits are those of two repositories.';
  throw conflict('modules alone, or backends alone, in --store of gate', other.store, remedy);
}

function withBase(
  stores: readonly StoreChoice[],
  [first, ...more]: readonly StoreChoice[],
  baseStore: string,
): StoreChoice {
  if (first?.module === undefined || more.length > 0 || stores.length > 1) {
    const got = stores.map(({ store }) => store).join(', ');
    const remedy = 'Write --store express:./mine.mjs --base-store ./old.mjs.';
    throw usage('one module in --store with --base-store', got, remedy);
  }
  const { kind } = first.module;
  const isBare = kind === 'express' && isModuleText(baseStore) && !baseStore.startsWith('express:');
  const text = isBare ? moduleText({ kind, path: baseStore }) : baseStore;
  const { module, rest } = parseModule(text, 'base-store');
  if (rest !== undefined) throw usage('--base-store without options', rest, 'They are those of --store.');
  if (module.kind !== kind)
    throw conflict(`a base of the kind of --store, ${kind}`, module.kind, 'Name two files of one kind.');
  if (module.kind === 'definition') lookAtDefinition(module.path);
  return { ...first, baseModule: module };
}
