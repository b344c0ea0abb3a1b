import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { buildPrograms, buildServer, PROJECT_ROOT } from './programs.ts';

const copy = mkdtempSync(join(tmpdir(), 'session-bench-copy-'));
afterAll(() => rmSync(copy, { recursive: true, force: true }));

test('the same code is the same program on both sides of a gate, byte for byte', async () => {
  // One side was built alone and the other with the generator: identical code seemed to cost 0.6 % more.
  for (const name of ['servers', 'stores', 'bench', 'package.json', 'tsconfig.json']) {
    cpSync(join(PROJECT_ROOT, name), join(copy, name), { recursive: true });
  }
  symlinkSync(join(PROJECT_ROOT, 'node_modules'), join(copy, 'node_modules'), 'dir');
  const { server } = await buildPrograms();
  const other = await buildServer(copy);
  expect(readFileSync(other, 'utf8')).toBe(readFileSync(server, 'utf8'));
});
