import { join } from 'node:path';
import { compareRows } from '../../bench/compare/compare.ts';
import { BenchError } from '../../bench/errors.ts';
import { readResultFile } from '../../bench/results/csv.ts';
import { readEnvironmentRecord } from '../../bench/results/env-file.ts';
import { binomialInterval, binomialUpperBound } from '../../bench/stats/binomial.ts';
import { CONFIDENCE } from '../../bench/stats/levels.ts';
import { median } from '../../bench/stats/median.ts';
import { signedRankEstimate } from '../../bench/stats/signed-rank.ts';

/** One gate of the campaign, as gates.jsonl holds it. */
export interface GateLine {
  number: number;
  kind: 'unchanged' | 'planted';
  stores: string;
  /** Microseconds planted into each request of the head. */
  busy_us?: number;
  commit: string;
  started_at: string;
  seconds: number;
  /** Exit code: 0 no regression, 3 REGRESSED, 4 INVALID. */
  exit: number;
  blocks: number;
  valid_blocks: number;
}

/** The verdict on CPU per request of one cell, recomputed from the rows. */
interface CellVerdict {
  store: string;
  verdict: string;
  /** ln(head / base). */
  estimate: number | undefined;
}

/** Prints what the gates decided: by kind, then cell by cell. */
export function printCampaign(directory: string, lines: readonly GateLine[]): void {
  for (const [title, gates] of groupsOf(lines)) {
    const verdicts = gates.map((line) => verdictsOf(join(directory, String(line.number).padStart(3, '0'))));
    const regressed = gates.filter(({ exit }) => exit === 3).length;
    const { lower, upper } = binomialInterval(regressed, gates.length, CONFIDENCE);
    const seconds = gates.map((line) => line.seconds);
    const dropped = sumOf(gates.map(({ blocks, valid_blocks: valid }) => blocks - valid));
    const all = sumOf(gates.map(({ blocks }) => blocks));
    console.log(
      `${title}: ${gates.length} gates, ${regressed} REGRESSED (${share(lower)} to ${share(upper)})`,
    );
    console.log(
      `  ${median(seconds)} s in the median (${Math.min(...seconds)} to ${Math.max(...seconds)}), ${median(gates.map((line) => line.valid_blocks))} valid blocks; ${dropped} of ${all} blocks dropped`,
    );
    for (const store of new Set(verdicts.flat().map((one) => one.store))) {
      const own = verdicts.flat().filter((one) => one.store === store);
      printCell(store, own, gates[0]?.kind === 'planted');
    }
  }
}

function printCell(store: string, verdicts: readonly CellVerdict[], isPlanted: boolean): void {
  const counts = new Map<string, number>();
  for (const { verdict } of verdicts) counts.set(verdict, (counts.get(verdict) ?? 0) + 1);
  const found = (counts.get('REGRESSED') ?? 0) + (counts.get('SLOWER') ?? 0);
  const least = 1 - binomialUpperBound(verdicts.length - found, verdicts.length, CONFIDENCE);
  const {
    estimate = 0,
    lower,
    upper,
  } = signedRankEstimate(
    verdicts.flatMap((one) => one.estimate ?? []),
    CONFIDENCE,
  );
  const pct = (log: number) => (Number.isFinite(log) ? `${(Math.expm1(log) * 100).toFixed(2)} %` : '?');
  const parts = [
    [...counts].map(([verdict, count]) => `${count} ${verdict}`).join(', '),
    ...(isPlanted ? [`found in ${found}: at least ${share(least)} (one-sided)`] : []),
    `estimated change ${pct(estimate)} [${pct(lower)}, ${pct(upper)}]`,
  ];
  console.log(`  ${store}: ${parts.join('; ')}`);
}

function verdictsOf(name: string): CellVerdict[] {
  const paths = { base: `${name}-base.csv`, head: `${name}-head.csv` };
  const plan = readEnvironmentRecord(paths.base)?.gate;
  try {
    const { findings } = compareRows(readResultFile(paths.base), readResultFile(paths.head), paths, plan);
    return findings
      .filter(({ metric, configuration }) => {
        return metric?.name === 'cpu_us_per_req' && configuration.pass === 'capacity';
      })
      .map(({ configuration, verdict, evidence }) => ({
        store: configuration.store ?? '',
        verdict,
        estimate: evidence?.shift.estimate,
      }));
  } catch (error) {
    if (error instanceof BenchError && error.code === 'NOTHING_TO_COMPARE') return [];
    throw error;
  }
}

function groupsOf(lines: readonly GateLine[]): Map<string, GateLine[]> {
  const groups = new Map<string, GateLine[]>();
  for (const line of lines) {
    const planted = line.busy_us === undefined ? 'unchanged' : `a wait of ${line.busy_us} µs`;
    const title = `${planted}, ${line.stores}`;
    groups.set(title, [...(groups.get(title) ?? []), line]);
  }
  return groups;
}

const share = (value: number) => `${(value * 100).toFixed(1)} %`;
const sumOf = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0);
