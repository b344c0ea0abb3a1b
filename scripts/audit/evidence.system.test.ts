import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { ROOT } from './rows.ts';

test('no evidence is ignored by git: a fresh clone has what the audit reads here', () => {
  const ignored = ['ls-files', '--others', '--ignored', '--exclude-standard'];
  const folders = ['results/reference', 'results/proof'];
  expect(execFileSync('git', [...ignored, ...folders], { cwd: ROOT, encoding: 'utf8' })).toBe('');
});
