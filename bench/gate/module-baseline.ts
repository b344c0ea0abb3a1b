/** The baseline of a module of the user's: the same file at a commit of its own repository. */

import { existsSync, readFileSync, realpathSync, symlinkSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { StoreModule } from '../../stores/module.ts';
import type { StoreChoice } from '../config/store-choice.ts';
import { folderOf } from '../config/store-module.ts';
import { rehearseModules } from '../conformance/rehearse-module.ts';
import type { Resources } from '../environment/processes/resources.ts';
import type { Bench } from '../run/bench.ts';
import { baselineMissing } from './git-failure.ts';
import { checkOut } from './worktree.ts';

const LOCK_FILES = ['package-lock.json', 'pnpm-lock.yaml', 'yarn.lock'] as const;

/**
 * The bench with the modules of the base checked out of their repositories, each started once. The servers around them
 * are those of this project on both sides. A module whose base is a file needs no checkout.
 * @throws BenchError as checkOut, and USAGE for a module that is not there at that commit, or has no Store.
 */
export async function withModuleBaselines(bench: Bench, ref: string, resources: Resources): Promise<Bench> {
  const { context } = bench;
  const { config } = context;
  const stores: StoreChoice[] = [];
  for (const choice of config.stores) {
    const { module, baseModule, side } = choice;
    const isFromCommit = module !== undefined && side === 'base' && baseModule === undefined;
    stores.push(
      isFromCommit ? { ...choice, module: await checkedOut(bench, module, ref, resources) } : choice,
    );
  }
  const { tier, urls, durability } = config;
  const ofBase = stores.filter(({ side }) => side === 'base');
  await rehearseModules(ofBase, durability, { ...context, tier, urls });
  return { ...bench, context: { ...context, config: { ...config, stores } } };
}

/** The folder whose repository has the module. */
export const repositoryOf = (module: StoreModule): string => realpathSync(folderOf(module));

async function checkedOut(
  { context, progress }: Bench,
  module: StoreModule,
  ref: string,
  resources: Resources,
): Promise<StoreModule> {
  const { guard, signal } = context;
  const { say } = progress;
  const head = repositoryOf(module);
  const checkout = await checkOut({ ref, guard, signal, say, head }, resources);
  const path = join(checkout.root, basename(module.path));
  if (!existsSync(path)) {
    const got = `none in ${checkout.gitSha.slice(0, 12)}`;
    throw baselineMissing(`${basename(path)} at ${ref}`, got, 'Name a later --base, or --base-store FILE.');
  }
  const differ = linkPackages(head, checkout.root, checkout.tree);
  if (differ) say('the baseline has another lock file: its modules run with the packages of head');
  return { ...module, path };
}

/**
 * Links head's packages into the checkout, at each folder from the module's to the root of the repository. Returns
 * whether a lock file differs.
 */
function linkPackages(head: string, root: string, tree: string): boolean {
  let differs = false;
  for (let [here, there] = [head, root]; ; [here, there] = [dirname(here), dirname(there)]) {
    const [from, to] = [join(here, 'node_modules'), join(there, 'node_modules')];
    if (existsSync(from) && !existsSync(to)) symlinkSync(from, to, 'dir');
    differs ||= LOCK_FILES.some((name) => textOf(join(here, name)) !== textOf(join(there, name)));
    if (join(there, '.') === join(tree, '.') || there === dirname(there)) return differs;
  }
}

const textOf = (path: string) => (existsSync(path) ? readFileSync(path, 'utf8') : '');
