import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { checkPackages } from './comparator-packages.ts';

const root = mkdtempSync(join(tmpdir(), 'session-bench-packages-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

function write(path: string, value: object): void {
  mkdirSync(join(root, path, '..'), { recursive: true });
  writeFileSync(join(root, path), JSON.stringify(value));
}

test('missing packages and those of another version are named, with the command that installs them', () => {
  write('sites/package.json', { dependencies: { express: '5.3.0', '@a/b': '1.0.0', there: '2.0.0' } });
  write('sites/node_modules/there/package.json', { version: '2.0.0' });
  write('sites/node_modules/@a/b/package.json', { version: '0.9.0' });
  expect(() => checkPackages('sites', root)).toThrow(
    'SERVER_FAILED: expected the packages of sites, got no express 5.3.0, @a/b 1.0.0. ' +
      'Run pnpm -C sites install --frozen-lockfile.',
  );
  write('sites/node_modules/@a/b/package.json', { version: '1.0.0' });
  write('sites/node_modules/express/package.json', { version: '5.3.0' });
  expect(() => checkPackages('sites', root)).not.toThrow();
});
