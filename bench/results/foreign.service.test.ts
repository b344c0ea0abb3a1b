import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
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
  ['a line that names the separator', `sep=;\n${eachCell(same, ';')}`],
  ['WAHR and FALSCH', eachCell((cell) => cell.replace(/^true$/, 'WAHR').replace(/^false$/, 'FALSCH'), ';')],
  ['VRAI and FAUX', eachCell((cell) => cell.replace(/^true$/, 'VRAI').replace(/^false$/, 'FAUX'))],
  ['a database’s 1 and 0', eachCell((cell) => cell.replace(/^true$/, '1').replace(/^false$/, '0'))],
  ...['NA', 'NaN', 'NULL', 'None'].map((word): [string, string] => [
    `${word} in empty cells`,
    eachCell((cell) => cell || word),
  ]),
  [
    'quotes around every cell',
    lines
      .map((line) =>
        line
          .split(',')
          .map((cell) => `"${cell}"`)
          .join(),
      )
      .join('\n'),
  ],
  ['a space after each comma', lines.map((line) => line.split(',').join(', ')).join('\n')],
  ['line ends of an old Macintosh', original.replaceAll('\n', '\r')],
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
  [
    'thousands apart',
    eachCell((cell) => cell.replace(/^(\d{1,3})(\d{3})(\d{3})$/, '$1.$2.$3')),
    'thousands apart',
  ],
  [
    'a column that was too narrow',
    eachCell((cell) => cell.replace(/^\d{5,}$/, '########')),
    'in place of a value',
  ],
  ['no header', lines.slice(1).join('\n'), 'in a first line that is not of a result CSV'],
  ['cat of two files', original + original, 'two files in one: row'],
  ['gzip', gzipSync(original), 'gzip packed'],
  ['Windows-1252', Buffer.from(original.replace('Intel', 'Int\u00e9l'), 'latin1'), 'not UTF-8'],
  ['Git LFS', 'version https://git-lfs.github.com/spec/v1\noid sha256:1\n', 'git lfs pull'],
  ['a merge', `<<<<<<< HEAD\n${original}=======\n${original}>>>>>>> other\n`, 'a conflict in git'],
  ['a merge in the middle', original.replace('\n', '\n<<<<<<< HEAD\n'), 'a conflict in git'],
  ['--json', '[{"schema_version": 1, "run_id": "x"}]', 'rows of --json'],
  ['wrk', 'Running 10s test @ http://127.0.0.1/\n  2 threads and 10 connections\n', 'wrk'],
  ['hey', '\nSummary:\n  Total:\t1.0 secs\n', 'hey'],
  ['ab', 'This is ApacheBench, Version 2.3\n', 'of ab'],
  ['JMeter', 'timeStamp,elapsed,label,responseCode\n1,2,a,200\n', 'JMeter'],
  ['k6’s CSV', 'metric_name,timestamp,metric_value\nhttp_reqs,1,1\n', 'k6 (CSV)'],
  ['hyperfine’s CSV', 'command,mean,stddev,median\nsleep,1,1,1\n', 'hyperfine (CSV)'],
  ['redis-benchmark', '"test","rps","avg_latency_ms"\n"PING","1","1"\n', 'redis-benchmark'],
  ['Locust', 'Type,Name,Request Count,Failure Count\nGET,/,1,0\n', 'Locust'],
  ['bombardier', '{"spec": {"numberOfConnections": 1}}', 'bombardier'],
  ['a table in Markdown', `| ${lines[0]?.replaceAll(',', ' | ')} |\n| --- |\n`, 'Markdown'],
])('is refused after %s, for its cause', (_, text, cause) => {
  expect(() => readResultFile(written(text))).toThrow(cause);
});
