import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { readResultFile } from './csv.ts';
import { openOutput } from './output.ts';
import type { Row } from './row.ts';

test('a run that is continued replaces rows when those that follow are there, and not before', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sb-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'run.csv');
  const row = (block: string, status: string): Row => ({ run_id: 'r', block, status });
  const before = [row('r-1', 'ok'), row('r-2', 'ok'), row('r-2', 'failed')];
  const first = openOutput(path, 'r');
  first.append({ rows: before });
  first.close();

  const output = openOutput(path, 'r', readResultFile(path));
  expect(readResultFile(path)).toMatchObject(before);
  output.remove(({ block }) => block === 'r-2');
  output.remove(({ block }) => block === 'r-9');
  output.append({ rows: [row('r-2', 'ok')] });
  output.close();
  const after = [row('r-1', 'ok'), row('r-2', 'ok')];
  expect(output.rows).toMatchObject(after);
  expect(readResultFile(path)).toMatchObject(after);
  expect(readResultFile(path)).toHaveLength(2);
});
