/** Why git cannot use a checkout, or make another one of it, and what helps. */

import { conflict, usage } from '../config/values.ts';
import type { BenchError } from '../errors.ts';
import type { GitResult } from './git.ts';

/** For a bare repository, or one that is configured as such. */
export const NO_WORK_TREE =
  'Clone it, for a clone has a work tree; or run git config core.bare false where its files lie beside it.';
const CLONE = 'Clone the repository instead of unpacking an archive, or compare two result files.';

/** What git writes, and the remedy; a function gets the match. The first that applies counts. */
type Remedies = readonly (readonly [RegExp, string | ((match: RegExpExecArray) => string)])[];

const trust = (path: string) => `Run git config --global --add safe.directory ${path} and try again.`;

const OF_A_CHECKOUT: Remedies = [
  // It quotes the path as a shell needs it.
  [/--add safe\.directory (.+)$/m, ([, path = '']) => trust(path)],
  // Git 2.35.2 does so on other lines.
  [/unsafe repository \('(.+)' is owned by someone else\)/, ([, path]) => trust(`'${path}'`)],
  [/cannot use bare repository/, NO_WORK_TREE],
  [
    /GIT_DISCOVERY_ACROSS_FILESYSTEM not set/,
    `Set GIT_DISCOVERY_ACROSS_FILESYSTEM=1 if the repository lies on another file system. ${CLONE}`,
  ],
  [
    /not a git repository: (.+)$/m,
    'Its .git names a repository that is not here: mount that too, or run git worktree repair there.',
  ],
  [/not a git repository/, CLONE],
  [
    /unknown repository extension|Expected git repo version/i,
    'Install a newer git, or clone the repository with this one.',
  ],
  [/bad config|bad numeric config|bad boolean config/, 'Correct that file of the configuration of git.'],
];

const OF_A_WORKTREE: Remedies = [
  [
    /promisor|could not fetch/i,
    'Objects of a partial clone are missing: go online, or run git fetch --refetch.',
  ],
  [/lfs/i, 'Install git-lfs, or run with GIT_LFS_SKIP_SMUDGE=1.'],
  [/read-only file system|permission denied/i, 'Let this user write to the repository, or clone it.'],
  [/no space left|disk quota/i, 'Free space in the temporary directory, or set TMPDIR to another one.'],
  [
    /unable to read|bad object|corrupt|loose object|missing blob/i,
    'Run git fsck, or clone the repository again.',
  ],
];

/** That a folder is not a checkout of git, or not one that it may use. */
export function checkoutUnusable(failed: GitResult): BenchError {
  const remedy = remedyFor(failed, OF_A_CHECKOUT) ?? 'Run git status there, and mend what it says.';
  return conflict('a git checkout, to take the baseline from', failed.errorText, remedy);
}

/** That a commit which is here cannot be checked out. */
export function worktreeFailed(ref: string, failed: GitResult): BenchError {
  const remedy = remedyFor(failed, OF_A_WORKTREE) ?? 'Run git worktree add yourself to see why.';
  return baselineMissing(`a worktree of ${ref}`, failed.errorText, remedy);
}

export function baselineMissing(expected: string, got: string, remedy: string): BenchError {
  return usage(`${expected} for the baseline`, got, remedy);
}

function remedyFor({ errorLines }: GitResult, remedies: Remedies): string | undefined {
  for (const [pattern, remedy] of remedies) {
    const match = pattern.exec(errorLines);
    if (match !== null) return typeof remedy === 'string' ? remedy : remedy(match);
  }
  return undefined;
}
