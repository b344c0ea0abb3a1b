import { execFile } from 'node:child_process';
import { expect, test } from 'vitest';
import { PROJECT_ROOT } from '../environment/programs.ts';

interface Finished {
  code: number;
  stdout: string;
  stderr: string;
}

/** The real command, to its end. */
function micro(...args: string[]): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const argv = ['--import', 'tsx', 'bench/micro/main.ts', ...args];
    execFile(process.execPath, argv, { cwd: PROJECT_ROOT, maxBuffer: 10e6 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : error.code;
      if (typeof code === 'number') resolve({ code, stdout, stderr });
      else reject(error);
    });
  });
}

test('measures the requested groups, and prints JSON of the documented shape', async () => {
  const { code, stdout, stderr } = await micro('--only', 'ids,jwt', '--time', '20ms', '--json');
  expect({ code, stderr }).toMatchObject({ code: 0, stderr: expect.stringContaining('[2/2] jwt: ') });
  const rows = JSON.parse(stdout) as Record<string, unknown>[];
  expect(new Set(rows.map((row) => row['group']))).toEqual(new Set(['ids', 'jwt']));
  const names = rows.map((row) => row['name']);
  expect(new Set(names.filter((_, index) => rows[index]?.['group'] === 'jwt')).size).toBeGreaterThan(30);
  for (const name of [
    'verify HS256: jsonwebtoken, string',
    'verify HS256: jsonwebtoken, KeyObject',
    'verify EdDSA: fast-jwt, PEM string',
    'sign RS256: jose, CryptoKey',
  ])
    expect(names).toContain(name);
  for (const row of rows) {
    expect(Object.keys(row)).toEqual(['group', 'name', 'median_us', 'p99_us', 'rme_pct', 'samples']);
    expect(row['median_us'], String(row['name'])).toBeGreaterThan(0);
    expect(row['samples']).toBeGreaterThanOrEqual(64);
    // The p99 of few samples is none.
    expect(row['p99_us'] === null).toBe((row['samples'] as number) < 1_000);
  }
});

test.each([
  [['--onyl', 'ids'], /got --onyl\. Did you mean --only\?/],
  [['--only', 'ids,jwts'], /got "jwts"\. Did you mean jwt\?/],
  [['--time', '500'], /a duration with its unit.*got "500"/],
])('%j is refused in one line with exit code 2, before anything is measured', async (args, message) => {
  const { code, stdout, stderr } = await micro(...args);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toMatch(message);
  expect(stderr.trimEnd().split('\n')).toHaveLength(1);
});
