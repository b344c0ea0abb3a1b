import type { StoreChoice } from '../config/store-choice.ts';
import type { Resources } from '../environment/processes/resources.ts';
import type { Bench } from '../run/bench.ts';
import { openBaselineServer } from './baseline-server.ts';
import { repositoryOf, withModuleBaselines } from './module-baseline.ts';
import { findCommit, openBaseline } from './worktree.ts';

/** Whether the repositories of these backends have the commit. @throws BenchError as checkOut. */
export async function checkBase(
  stores: readonly StoreChoice[],
  ref: string,
  signal: AbortSignal,
): Promise<void> {
  const modules = stores.filter(({ module }) => module !== undefined);
  if (modules.length === 0) await findCommit(ref, signal);
  for (const { module, baseModule } of modules)
    if (module !== undefined && baseModule === undefined) await findCommit(ref, signal, repositoryOf(module));
}

/** The bench with the server program, or the modules, of the base in a checkout of their own. */
export async function withBaseline(bench: Bench, ref: string, resources: Resources): Promise<Bench> {
  const { context, progress } = bench;
  const { guard, signal } = context;
  if (context.config.stores.some(({ module }) => module !== undefined))
    return withModuleBaselines(bench, ref, resources);
  const baseline = await openBaseline({ ref, guard, signal, say: progress.say });
  resources.add('baseline', baseline.close);
  const baselineServer = await openBaselineServer(baseline.root, context.config.stores, context);
  const baselineCells = { git_sha: baseline.gitSha, git_dirty: false };
  return { ...bench, context: { ...context, baselineServer, baselineCells } };
}
