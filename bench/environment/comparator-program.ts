import { join } from 'node:path';
import { isComparator } from '../../stores/comparators/definition.ts';
import { findStore } from '../../stores/registry.ts';
import { COMPARATORS_FOLDER, checkPackages } from './comparator-packages.ts';
import { bundle, PROJECT_ROOT } from './programs.ts';

const built = new Map<string, Promise<string>>();

/**
 * The program that serves a library, built once and placed where Node finds its packages; `undefined` for our own
 * backends.
 * @throws BenchError SERVER_FAILED without its packages; what esbuild throws.
 */
export async function comparatorProgram(store: string): Promise<string | undefined> {
  const definition = findStore(store);
  if (definition === undefined || !isComparator(definition)) return undefined;
  const known = built.get(store) ?? build(store);
  built.set(store, known);
  return known;
}

async function build(store: string): Promise<string> {
  checkPackages(COMPARATORS_FOLDER);
  const programs = await bundle(join(PROJECT_ROOT, COMPARATORS_FOLDER), { [store]: `arms/${store}.ts` });
  return programs[store] as string;
}
