import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { gitEnvironment } from '../processes/git-environment.ts';
import { describeCheckout } from './machine.ts';

const root = mkdtempSync(join(tmpdir(), 'checkout-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const git = (...args: string[]) =>
  execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@b', ...args], {
    ...{ cwd: root, encoding: 'utf8', env: gitEnvironment() },
  }).trim();

test('a checkout with new results is clean, one with any other change is dirty', async () => {
  expect(await describeCheckout(root)).toEqual({});
  git('init', '-q');
  writeFileSync(join(root, 'code.ts'), '1');
  git('add', '.');
  git('commit', '-qm', 'code');
  const sha = git('rev-parse', 'HEAD');
  expect(await describeCheckout(root)).toEqual({ git_sha: sha, git_dirty: false });

  mkdirSync(join(root, 'results/reference'), { recursive: true });
  writeFileSync(join(root, 'results/reference/rows.csv'), 'a');
  expect(await describeCheckout(root)).toEqual({ git_sha: sha, git_dirty: false });

  writeFileSync(join(root, 'new.ts'), '2');
  expect(await describeCheckout(root)).toEqual({ git_sha: sha, git_dirty: true });
});
