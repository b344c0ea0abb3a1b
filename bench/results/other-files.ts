/** Files of other tools, or damaged ones, that are given for a result file. */

/** What a file is that is no result CSV, for an error; `undefined` when it may be one. */
export function otherKindOf(text: string): string | undefined {
  const start = text.trimStart().slice(0, 2_000);
  if (start.startsWith('PK\u0003\u0004')) return 'a workbook (.xlsx): save it as CSV';
  if (start.startsWith('\u001f\ufffd')) return 'a file that gzip packed: unpack it';
  if (text.slice(0, 100).includes('\u0000')) return 'binary data, or text in UTF-16: save it as CSV in UTF-8';
  if (text.includes('\ufffd')) return 'text that is not UTF-8, as Excel writes: save it as CSV UTF-8';
  if (/^(<{7} .*|>{7} .*|={7})$/m.test(text))
    return 'a file with marks of a conflict in git: choose one side';
  if (start.startsWith('version https://git-lfs')) return 'a pointer of Git LFS: run git lfs pull';
  if (start.startsWith('<')) return 'HTML or XML';
  if (start.startsWith('{') || start.startsWith('[')) return jsonKindOf(text);
  return TEXT_KINDS.find(([pattern]) => pattern.test(start))?.[1];
}

/** By keys that only they have. */
const JSON_KINDS: readonly [keys: readonly string[], name: string][] = [
  [['"root_group"', '"metrics"'], 'a summary of k6'],
  [['"metric":', '"type":"Point"'], 'an output of k6'],
  [['"results"', '"command"', '"stddev"'], 'a result of hyperfine'],
  [['"aggregate"', '"counters"'], 'a report of Artillery'],
  [['"latencies"', '"status_codes"'], 'a report of vegeta'],
  [['"requests"', '"latency"', '"throughput"'], 'a result of autocannon'],
  [['"latencyPercentiles"'], 'a result of oha'],
  [['"spec"', '"numberOfConnections"'], 'a result of bombardier'],
  [['"jmhVersion"'], 'a result of JMH'],
  [['"context"', '"benchmarks"'], 'a result of Google Benchmark'],
  [['"machine_info"', '"benchmarks"'], 'a result of pytest-benchmark'],
  [['"schema_version"', '"run_id"'], 'rows of --json: name the CSV of the same run, which --out names'],
  [['"lock_file_sha256"'], 'the record of a run: name the .csv beside it'],
  [['"block"', '"order_index"'], 'details of a run: name the .csv beside it'],
  [['"type":"summary"', '"rps_ok"'], 'the output of pnpm bench probe --json'],
];

function jsonKindOf(text: string): string {
  const closed = text.replaceAll('": ', '":');
  const known = JSON_KINDS.find(([keys]) => keys.every((key) => closed.includes(key)));
  if (known === undefined) return 'JSON';
  const [, name] = known;
  return name.includes(':') ? name : `${name} (JSON)`;
}

/** By how they begin. */
const TEXT_KINDS: readonly [pattern: RegExp, name: string][] = [
  [/^(goos|goarch|pkg): |^Benchmark\w+\s+\d+\s/m, 'the output of go test -bench'],
  [/^(name\s+old |\s+│ )/m, 'a table of benchstat'],
  [/^Running \S+ test @ /, 'the output of wrk'],
  [/^(Summary:|response-time,DNS\+dialup,)/, 'the output of hey or oha'],
  [/^This is ApacheBench|^starttime\tseconds\tctime/, 'the output of ab'],
  [/^pgbench \(|^transaction type: /, 'the output of pgbench'],
  [/^"test","rps",/, 'a result of redis-benchmark'],
  [/^command,mean,stddev,/, 'a result of hyperfine (CSV)'],
  [/^metric_name,timestamp,/, 'an output of k6 (CSV)'],
  [/^timeStamp,elapsed,label,/, 'a result of JMeter'],
  [/^"?Type"?,"?Name"?,"?Request Count"?,/, 'a result of Locust'],
  [/^\|.*\|$/m, 'a table in Markdown'],
];
