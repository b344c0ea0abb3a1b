import type { Resources } from '../environment/processes/resources.ts';
import type { Bench } from '../run/bench.ts';
import { openBaselineServer } from './baseline-server.ts';
import { openBaseline } from './worktree.ts';

/** The bench with the server program of the base, built in a checkout of its own. */
export async function withBaseline(bench: Bench, ref: string, resources: Resources): Promise<Bench> {
  const { context, progress } = bench;
  const { guard, signal } = context;
  const baseline = await openBaseline({ ref, guard, signal, say: progress.say });
  resources.add('baseline', baseline.close);
  const baselineServer = await openBaselineServer(baseline.root, context.config.stores, context);
  const baselineCells = { git_sha: baseline.gitSha, git_dirty: false };
  return { ...bench, context: { ...context, baselineServer, baselineCells } };
}
