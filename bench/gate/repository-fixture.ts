import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** For tests: real git, on small repositories. */

/** Runs git in a folder, and returns its output, trimmed. @throws Error when it fails. */
export function git(folder: string, ...args: string[]): string {
  const identity = ['-c', 'user.name=t', '-c', 'user.email=t@example.test', '-c', 'commit.gpgsign=false'];
  return execFileSync('git', [...identity, ...args], { cwd: folder, encoding: 'utf8', stdio: 'pipe' }).trim();
}

/**
 * A repository of two commits, `one` (tagged) and `two` on branch main, whose project lies in `prefix`. Returns the
 * path of the project.
 */
export function makeRepository(repository: string, prefix = '.'): string {
  const project = join(repository, prefix);
  mkdirSync(join(project, 'servers'), { recursive: true });
  git(repository, 'init', '--quiet', '--initial-branch=main');
  for (const name of ['one', 'two']) {
    writeFileSync(join(project, 'servers', 'main.ts'), `// ${name}\n`);
    writeFileSync(join(project, 'pnpm-lock.yaml'), 'lockfileVersion: 9\n');
    git(repository, 'add', '.');
    git(repository, 'commit', '--quiet', '-m', name);
    if (name === 'one') git(repository, 'tag', 'one');
  }
  mkdirSync(join(project, 'node_modules', 'fastify'), { recursive: true });
  return project;
}
