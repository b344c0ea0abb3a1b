import type { Entry } from './entries.ts';
import type { ExportFormat } from './parse.ts';

/** The text of a file in a format. Pure. */
export function formatted(format: ExportFormat, entries: readonly Entry[]): string {
  return `${JSON.stringify(FORMATS[format](entries), undefined, 2)}\n`;
}

const FORMATS: Readonly<Record<ExportFormat, (entries: readonly Entry[]) => unknown>> = {
  'github-action-benchmark': (entries) => githubActionBenchmark(entries, 'lower'),
  'github-action-benchmark-throughput': (entries) => githubActionBenchmark(entries, 'higher'),
  bencher,
};

/** One entry of the array that github-action-benchmark reads. */
export interface GithubBenchmark {
  name: string;
  unit: string;
  value: number;
  range?: string;
  extra?: string;
}

/**
 * `tool: customSmallerIsBetter` or `customBiggerIsBetter`: the action supports one direction per file, so a file
 * contains the entries of one. Its alerts compare `value` with the previous one by their ratio; `range` and `extra` are
 * displayed.
 *
 * Source: github.com/benchmark-action/github-action-benchmark, README and src/extract.ts.
 */
function githubActionBenchmark(entries: readonly Entry[], better: Entry['better']): GithubBenchmark[] {
  return entries
    .filter((entry) => entry.better === better)
    .map(({ benchmark, measure, unit, value, lower, upper, extra }) => ({
      name: `${benchmark}: ${measure}`,
      unit,
      value: rounded(value),
      ...(lower === undefined || upper === undefined
        ? {}
        : { range: `[${rounded(lower)}, ${rounded(upper)}]` }),
      extra,
    }));
}

/** A value with its known bounds. */
export interface BencherMetric {
  value: number;
  lower_value?: number;
  upper_value?: number;
}

/**
 * Bencher Metric Format, for `bencher run --adapter json --file`: benchmark → measure → metric. Measures have their
 * unit in the name, like columns; Bencher's own `latency` and `throughput` have other units.
 *
 * Source: bencher.dev/docs/reference/bencher-metric-format.
 */
function bencher(entries: readonly Entry[]): Record<string, Record<string, BencherMetric>> {
  const benchmarks: Record<string, Record<string, BencherMetric>> = {};
  for (const { benchmark, measure, value, lower, upper } of entries) {
    const measures = benchmarks[benchmark] ?? {};
    benchmarks[benchmark] = measures;
    measures[measure.replaceAll('_', '-')] = {
      value: rounded(value),
      ...(lower === undefined ? {} : { lower_value: rounded(lower) }),
      ...(upper === undefined ? {} : { upper_value: rounded(upper) }),
    };
  }
  return benchmarks;
}

/** Four significant digits, more than the precision of any interval here. */
function rounded(value: number): number {
  return Number(value.toPrecision(6));
}
