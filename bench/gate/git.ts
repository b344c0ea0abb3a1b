import { conflict } from '../config/values.ts';
import { runProgram } from '../environment/processes/run-program.ts';
import { messageOf } from '../errors.ts';

const TIMEOUT_MS = 60_000;

/** The result of a git command. */
export interface GitResult {
  ok: boolean;
  /** Standard output, trimmed. */
  text: string;
  /** Its error output, on one line. */
  errorText: string;
}

/**
 * Runs git in a folder, without prompts and without hooks of the repository.
 * @throws BenchError CONFLICT when git is not installed; the signal's reason when it is aborted.
 */
export async function git(folder: string, args: readonly string[], signal?: AbortSignal): Promise<GitResult> {
  const result = await runProgram('git', ['-c', 'core.hooksPath=/dev/null', ...args], {
    cwd: folder,
    timeout: TIMEOUT_MS,
    env: { ...environmentWithoutGit(), GIT_TERMINAL_PROMPT: '0', LC_ALL: 'C' },
    signal,
  });
  signal?.throwIfAborted();
  if (result.startError === 'ENOENT')
    throw conflict(
      'git on the PATH, to check the baseline out',
      'no such program',
      'Install git (Debian and Ubuntu: apt-get install git).',
    );
  const errorText = messageOf(result.stderr || result.reason || 'no reason given');
  return { ok: result.ok, text: result.stdout, errorText };
}

/** In a hook, git sets variables that name its repository, which would mislead this one. */
export function environmentWithoutGit(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) =>
      name.startsWith('GIT_') || value === undefined ? [] : [[name, value]],
    ),
  );
}
