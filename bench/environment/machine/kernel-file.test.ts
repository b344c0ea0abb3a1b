import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { kernelFile, kernelFolder } from './kernel-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'session-bench-kernel-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('what is not there or cannot be read is unknown: no clocksource in gVisor, no file but a folder', () => {
  writeFileSync(join(folder, 'current_clocksource'), 'tsc\n');
  expect(kernelFile(join(folder, 'current_clocksource'))).toBe('tsc\n');
  expect(kernelFile(join(folder, 'clocksource0/current_clocksource'))).toBeUndefined();
  expect(kernelFile(join(folder, 'current_clocksource/below'))).toBeUndefined();
  expect(kernelFile(folder)).toBeUndefined();
  expect(kernelFolder(folder)).toEqual(['current_clocksource']);
  expect(kernelFolder(join(folder, 'absent'))).toEqual([]);
  expect(kernelFolder(join(folder, 'current_clocksource'))).toEqual([]);
});

test('another fault of the reader is not hidden', () => {
  expect(() => kernelFile('\0')).toThrow(/null bytes/);
});
