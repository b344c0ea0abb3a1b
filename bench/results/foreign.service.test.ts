import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { PROJECT_ROOT } from '../environment/programs.ts';
import { readResultFile } from './csv.ts';

const folder = mkdtempSync(join(tmpdir(), 'session-bench-foreign-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const original = readFileSync(join(PROJECT_ROOT, 'bench/compare/fixtures/07d888b/base.csv'), 'utf8');
const written = (text: string | Buffer) => {
  const path = join(folder, 'given.csv');
  writeFileSync(path, text);
  return path;
};
const rows = readResultFile(written(original));
const lines = original.trimEnd().split('\n');
/** Every cell of the file, which has no quotes, changed; separated as given. */
const eachCell = (change: (cell: string) => string, separator = ',') =>
  lines.map((line) => line.split(',').map(change).map(quotedIn(separator)).join(separator)).join('\n');
const quotedIn = (separator: string) => (cell: string) => (cell.includes(separator) ? `"${cell}"` : cell);
const same = (cell: string) => cell;

test.each<[string, string]>([
  ['dos2unix in the wrong direction', original.replaceAll('\n', '\r\n')],
  ['a mark of the byte order', `\uFEFF${original}`],
  ['TRUE and FALSE', eachCell((cell) => (/^(true|false)$/.test(cell) ? cell.toUpperCase() : cell))],
  ['pandas’ True and False', eachCell((cell) => cell.replace(/^true$/, 'True').replace(/^false$/, 'False'))],
  ['pandas’ index', lines.map((line, index) => `${index === 0 ? '' : index - 1},${line}`).join('\n')],
  [
    'pandas’ second index',
    lines.map((line, index) => `${index === 0 ? 'Unnamed: 0' : index},${line}`).join('\n'),
  ],
  ['whole numbers as floats', eachCell((cell) => (/^\d{2,9}$/.test(cell) ? `${cell}.0` : cell))],
  ['semicolons', eachCell(same, ';')],
  ['tabs', eachCell(same, '\t')],
  [
    'empty rows and columns',
    `${lines.map((line) => `${line},,`).join('\n')}\n${','.repeat((lines[0]?.split(',').length ?? 1) - 1)},,\n\n`,
  ],
])('is read after %s', (_, text) => expect(readResultFile(written(text))).toEqual(rows));

test.each<[string, string | Buffer, string]>([
  [
    'rounded numbers',
    eachCell((cell) => (/^\d{8,}$/.test(cell) ? '1.23E+08' : cell)),
    'rounded by a spreadsheet',
  ],
  ['decimal commas', eachCell((cell) => cell.replace(/^(\d+)\.(\d+)$/, '$1,$2'), ';'), 'with a comma'],
  ['a cut', original.slice(0, -200), 'cut off'],
  ['nothing', '', 'an empty file'],
  ['a workbook', Buffer.from('PK\u0003\u0004xl/'), '.xlsx'],
  ['UTF-16', Buffer.from(`\uFEFF${original}`, 'utf16le'), 'UTF-16'],
  ['k6', '{"root_group": {}, "metrics": {}}', 'a summary of k6'],
  ['hyperfine', '{"results": [{"command": "x", "stddev": 1}]}', 'a result of hyperfine'],
  ['autocannon', '{"requests": {}, "latency": {}, "throughput": {}}', 'a result of autocannon'],
  ['vegeta', '{"latencies": {}, "status_codes": {}}', 'a report of vegeta'],
  ['other JSON', '[1]', 'JSON'],
  ['benchstat', 'name  old time/op  new time/op\nX 1 2', 'a table of benchstat'],
  ['go test', 'goos: linux\nBenchmarkX-8  100  20 ns/op', 'go test -bench'],
  ['a page', '<!doctype html>', 'HTML'],
])('is refused after %s, for its cause', (_, text, cause) => {
  expect(() => readResultFile(written(text))).toThrow(cause);
});
