import { conflict } from '../config/values.ts';
import { gitEnvironment } from '../environment/processes/git-environment.ts';
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
  /** The same as git wrote it. */
  errorLines: string;
}

/**
 * Runs git in a folder, without prompts and without hooks of the repository.
 * @throws BenchError CONFLICT when git is not installed; the signal's reason when it is aborted.
 */
export async function git(folder: string, args: readonly string[], signal?: AbortSignal): Promise<GitResult> {
  const result = await runProgram('git', ['-c', 'core.hooksPath=/dev/null', ...args], {
    cwd: folder,
    timeout: TIMEOUT_MS,
    env: { ...gitEnvironment(), GIT_TERMINAL_PROMPT: '0', LC_ALL: 'C' },
    signal,
  });
  signal?.throwIfAborted();
  if (result.startError === 'ENOENT' || result.startError === 'EACCES')
    throw conflict(
      'git on the PATH, to check the baseline out',
      result.startError === 'ENOENT' ? 'no such program' : 'one that may not be run',
      'Install git (Debian and Ubuntu: apt-get install git).',
    );
  const errorLines = result.stderr || result.reason || 'no reason given';
  return { ok: result.ok, text: result.stdout, errorText: messageOf(errorLines), errorLines };
}
