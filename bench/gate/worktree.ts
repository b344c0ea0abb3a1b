/** The baseline commit, as a separate checkout. The user's own is never changed. */

import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { conflict, quoted } from '../config/values.ts';
import type { Guard } from '../environment/processes/guard.ts';
import { openTogether, type Resources } from '../environment/processes/resources.ts';
import { PROJECT_ROOT } from '../environment/programs.ts';
import { git } from './git.ts';
import { baselineMissing, checkoutUnusable, NO_WORK_TREE, worktreeFailed } from './git-failure.ts';
import { providePackages } from './packages.ts';

/** A commit checked out into a temporary directory, with packages to run its servers. */
export interface Baseline {
  /** The folder of its package.json, without a trailing slash. */
  root: string;
  gitSha: string;
  /** Removes it. Idempotent. */
  close(): Promise<void>;
}

/** Identifies the worktrees of a harness that was killed. */
const LABEL = 'baseline';
const FOLDER = 'tree';

export interface BaselineRequest {
  /** A branch, tag or commit. */
  ref: string;
  guard: Guard;
  signal: AbortSignal;
  /** Receives notes for the user: uncommitted changes, an installation of packages. */
  say: (line: string) => void;
  /** The checkout to compare it with; default this project. */
  head?: string;
}

/**
 * Checks the commit out as a git worktree. Base and head may be the same commit: identical code on both sides.
 * @throws BenchError USAGE for a commit that is not here, or has no servers; CONFLICT outside a git checkout;
 * SERVER_FAILED when its packages cannot be installed. Then nothing is left behind.
 */
export function openBaseline(request: BaselineRequest): Promise<Baseline> {
  const { ref, guard, signal, say, head = PROJECT_ROOT } = request;
  return openTogether(async (resources) => {
    const { root, gitSha } = await checkOut({ ...request, head }, resources);
    if (!existsSync(join(root, 'servers', 'main.ts'))) {
      const got = `none in ${gitSha.slice(0, 12)}`;
      throw baselineMissing(`servers/main.ts at ${ref}`, got, 'Name a later --base.');
    }
    await providePackages({ root, head, guard, signal, say });
    return { root, gitSha, close: resources.close };
  });
}

/**
 * Finds a commit in the repository around `head`, and the path of `head` in it, before anything is started.
 * @throws BenchError as {@link checkOut}.
 */
export async function findCommit(ref: string, signal: AbortSignal, head = PROJECT_ROOT) {
  const prefix = await prefixInRepository(head, signal);
  return { prefix, gitSha: await resolveCommit(head, ref, signal) };
}

/** A commit checked out, without any packages. */
export interface Checkout {
  /** The folder in it that `head` is. */
  root: string;
  /** The root of the repository in it. */
  tree: string;
  gitSha: string;
}

/**
 * Checks a commit of the repository around `head` out as a git worktree, which is closed with `resources`.
 * @throws BenchError USAGE for a commit that is not here; CONFLICT outside a git checkout.
 */
export async function checkOut(
  { ref, guard, signal, say, head }: BaselineRequest & { head: string },
  resources: Resources,
): Promise<Checkout> {
  const { prefix, gitSha } = await findCommit(ref, signal, head);
  await reportHead(head, gitSha, signal, say);
  await removeOrphanedWorktrees(head);

  const directory = guard.createDirectory(LABEL);
  resources.add('directory of the baseline', directory.remove);
  const tree = join(directory.path, FOLDER);
  // Registered before it exists: an abort may leave a partial one.
  resources.add('worktree of the baseline', () => removeWorktree(head, tree));
  const added = await git(head, ['worktree', 'add', '--detach', '--force', tree, gitSha], signal);
  if (!added.ok) throw worktreeFailed(ref, added);
  return { root: join(tree, prefix), tree, gitSha };
}

/** Path of the project within its repository; empty when it is the root. */
async function prefixInRepository(head: string, signal: AbortSignal): Promise<string> {
  const found = await git(head, ['rev-parse', '--is-inside-work-tree', '--show-prefix'], signal);
  if (!found.ok) throw checkoutUnusable(found);
  const [isInside, prefix = ''] = found.text.split('\n');
  if (isInside !== 'true')
    throw conflict(
      'a checkout with a work tree, to compare the baseline with',
      'a bare repository',
      NO_WORK_TREE,
    );
  const tracked = await git(head, ['ls-files', '--', '.'], signal);
  if (!tracked.ok) throw checkoutUnusable(tracked);
  if (tracked.text !== '') return prefix;
  if (!(await hasCommits(head, signal))) throw noCommits();
  // Such as an archive that was unpacked below the checkout of something else.
  throw conflict(
    'a git checkout of this project, to take the baseline from',
    'a folder of which the repository around it tracks no file',
    'Clone the repository of this project, or compare two result files.',
  );
}

async function hasCommits(head: string, signal: AbortSignal): Promise<boolean> {
  return (await git(head, ['rev-list', '--all', '--max-count=1'], signal)).text !== '';
}

const noCommits = () =>
  conflict(
    'a commit, to take the baseline from',
    'a repository without commits',
    'Commit first: the baseline is a commit, and head may have changes.',
  );

async function resolveCommit(head: string, ref: string, signal: AbortSignal): Promise<string> {
  const find = async (name: string): Promise<string | undefined> => {
    // Not by --end-of-options, which rev-parse knows since git 2.30.
    if (name.startsWith('-')) return undefined;
    const found = await git(head, ['rev-parse', '--verify', '--quiet', `${name}^{commit}`], signal);
    return /^[\da-f]{40,}$/.test(found.text) ? found.text : undefined;
  };
  const found = await find(ref);
  if (found !== undefined) return found;
  const expected = `the commit ${quoted(ref)}`;
  if (!(await hasCommits(head, signal))) throw noCommits();
  const remotes = (await git(head, ['remote'], signal)).text.split('\n').filter((name) => name !== '');
  for (const remote of remotes) {
    if ((await find(`${remote}/${ref}`)) === undefined) continue;
    throw baselineMissing(expected, 'none of that name here', `Did you mean ${remote}/${ref}?`);
  }
  const remote = remotes.includes('origin') ? 'origin' : remotes[0];
  const shallow = await git(head, ['rev-parse', '--is-shallow-repository'], signal);
  if (shallow.text === 'true')
    throw baselineMissing(
      expected,
      'a shallow clone without it',
      `Run git fetch --unshallow ${remote ?? 'URL'}, in GitHub Actions actions/checkout with fetch-depth: 0.`,
    );
  throw baselineMissing(
    expected,
    'none of that name here',
    remote === undefined
      ? 'Correct --base: git branch and git tag list the names.'
      : `Correct --base, or fetch it first: git fetch ${remote} NAME, and --base FETCH_HEAD.`,
  );
}

async function reportHead(
  head: string,
  base: string,
  signal: AbortSignal,
  say: (line: string) => void,
): Promise<void> {
  const status = await git(head, ['status', '--porcelain', '--', '.'], signal);
  if (!status.ok) throw checkoutUnusable(status);
  if (status.text !== '') {
    say('head is the work tree, including uncommitted changes');
    return;
  }
  const commit = await git(head, ['rev-parse', 'HEAD'], signal);
  if (commit.text === base) say('base and head are the same commit: any difference is noise');
}

/** After a kill -9 its directory is gone, but git still lists it. Worktrees of others are never removed. */
async function removeOrphanedWorktrees(head: string): Promise<void> {
  const list = await git(head, ['worktree', 'list', '--porcelain']);
  for (const [, path] of list.text.matchAll(/^worktree (.+)$/gm)) {
    if (path === undefined || basename(path) !== FOLDER || existsSync(path)) continue;
    if (basename(dirname(path)).startsWith(`session-bench-${LABEL}-`)) await removeWorktree(head, path);
  }
}

/** Also removes a partial one. @throws Error when git still lists it afterwards. */
async function removeWorktree(head: string, tree: string): Promise<void> {
  const removed = await git(head, ['worktree', 'remove', '--force', '--force', tree]);
  if (removed.ok) return;
  const list = await git(head, ['worktree', 'list', '--porcelain']);
  if (list.text.includes(`${tree}\n`)) throw new Error(`git worktree remove: ${removed.errorText}`);
}
