import { runProgram } from '../environment/processes/run-program.ts';
import { BenchError, messageOf } from '../errors.ts';

const TIMEOUT_MS = 60_000;

/** What git answered. */
export interface GitAnswer {
  ok: boolean;
  /** Standard output, trimmed. */
  text: string;
  /** What it complained about, on one line. */
  complaint: string;
}

/**
 * Runs git in a folder, without asking anybody anything and without hooks of the repository.
 * @throws BenchError CONFLICT when there is no git; the signal's reason when it is aborted.
 */
export async function git(folder: string, args: readonly string[], signal?: AbortSignal): Promise<GitAnswer> {
  const answer = await runProgram('git', ['-c', 'core.hooksPath=/dev/null', ...args], {
    cwd: folder,
    timeout: TIMEOUT_MS,
    env: { ...environmentWithoutGit(), GIT_TERMINAL_PROMPT: '0', LC_ALL: 'C' },
    signal,
  });
  signal?.throwIfAborted();
  if (answer.startError === 'ENOENT')
    throw new BenchError({
      code: 'CONFLICT',
      expected: 'git on the PATH, to check the baseline out',
      got: 'no such program',
      remedy: 'Install git (Debian and Ubuntu: apt-get install git).',
    });
  const complaint = messageOf(answer.stderr || answer.reason || 'no reason given');
  return { ok: answer.ok, text: answer.stdout, complaint };
}

/** In a hook, git names its repository by variables, which would lead ours astray. */
export function environmentWithoutGit(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) =>
      name.startsWith('GIT_') || value === undefined ? [] : [[name, value]],
    ),
  );
}
