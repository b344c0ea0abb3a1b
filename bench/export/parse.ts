import { oneOf, quoted, usage } from '../config/values.ts';

/**
 * Formats of other tools. github-action-benchmark takes one direction per file: the plain name contains figures that
 * are better when smaller (CPU per request and latency), `-throughput` those that are better when bigger.
 */
const EXPORT_FORMATS = ['github-action-benchmark', 'github-action-benchmark-throughput', 'bencher'] as const;

export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** One file to write for another tool. */
export interface Export {
  format: ExportFormat;
  path: string;
}

/**
 * Parses the values of `--export`, each `FORMAT=FILE`.
 * @throws BenchError USAGE for an unknown format, no file, a name in .csv (measurements are never overwritten), or one
 * file twice.
 */
export function parseExports(values: readonly string[]): Export[] {
  const exports = values.map(parseExport);
  const twice = exports.find(({ path }, index) => exports.findIndex((one) => one.path === path) !== index);
  if (twice !== undefined) {
    throw usage('another file for each --export', `${quoted(twice.path)} twice`, 'Name two files.');
  }
  return exports;
}

function parseExport(value: string): Export {
  const [name = '', ...rest] = value.split('=');
  const path = rest.join('=');
  const format = oneOf('export', name, EXPORT_FORMATS);
  if (path === '') {
    throw usage('FORMAT=FILE for --export', quoted(value), `Write --export ${format}=FILE.json.`);
  }
  return { format, path: reportPath('export', path, '.json') };
}

/**
 * Checks the path of a report. It may replace an older one, which can be generated again, but never measurements.
 * @throws BenchError USAGE for a name in .csv.
 */
export function reportPath(flag: 'export' | 'markdown', path: string, ending: string): string {
  if (!path.toLowerCase().endsWith('.csv')) return path;
  throw usage(`a file for the report in --${flag}`, quoted(path), `Name one that ends in ${ending}.`);
}
