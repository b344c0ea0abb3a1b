import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { PROJECT_ROOT } from '../environment/programs.ts';
import { BenchError, EXIT } from '../errors.ts';
import { COMMAND } from './report.ts';

/** Bad input of `pnpm bench report`: found before anything is drawn, so that it needs no packages that draw. */

const directory = mkdtempSync(join(tmpdir(), 'session-bench-report-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
const at = (name: string) => join(directory, name);
const REFERENCE = join(PROJECT_ROOT, 'results/reference/read-1-server.csv');
const rows = readFileSync(REFERENCE, 'utf8');
writeFileSync(at('empty.csv'), '');
writeFileSync(at('rowless.csv'), `${rows.split('\n')[0]}\n`);
writeFileSync(at('invalid.csv'), rows.replaceAll(',ok,true,', ',ok,false,'));
writeFileSync(at('rows.txt'), rows);
mkdirSync(at('folder'));

test.each([
  ['no file', [], undefined, EXIT.usage, 'USAGE: expected result files, got none.'],
  ['a folder', ['.'], undefined, EXIT.usage, 'which is not a file'],
  ['one file twice', [REFERENCE, REFERENCE], undefined, EXIT.usage, 'twice. Name each file once.'],
  [
    'another kind',
    [join(PROJECT_ROOT, 'package.json')],
    undefined,
    EXIT.failure,
    'CSV_INVALID: expected a result CSV in ',
  ],
  ['an empty file', [at('empty.csv')], undefined, EXIT.failure, 'an empty file'],
  ['no rows', [at('rowless.csv')], undefined, EXIT.invalid, 'NOTHING_TO_REPORT: expected a usable row in '],
  ['no usable row', [at('invalid.csv')], undefined, EXIT.invalid, 'got 84 that must not be used'],
  ['a page named as rows are', [REFERENCE], at('x.csv'), EXIT.usage, 'which is a name of result rows'],
  ['a page in no directory', [REFERENCE], at('no/x.html'), EXIT.usage, 'in a directory that does not exist'],
  ['a page that is the input', [at('rows.txt')], at('rows.txt'), EXIT.usage, 'which is read'],
  ['a page that is a folder', [REFERENCE], at('folder'), EXIT.usage, 'which is a folder'],
])('%s: one line, and nothing is written', async (_, words, page, code, message) => {
  const out = page ?? at('page.html');
  const call = { given: { out }, words, command: [], signal: AbortSignal.timeout(10_000) };
  const error = await COMMAND.run(call).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(BenchError);
  const { message: line, exitCode } = error as BenchError;
  expect(line).toContain(message);
  expect(line).not.toContain('\n');
  expect(exitCode).toBe(code);
  expect(existsSync(at('page.html'))).toBe(false);
  expect(readFileSync(at('rows.txt'), 'utf8')).toBe(rows);
});
