import type { Comparison } from '../compare/compare.ts';
import { certaintyOf, unitOf } from '../compare/sample.ts';
import { usableRows } from '../results/blocks.ts';
import { centreOf, type Figure, figuresOf } from '../results/figures.ts';
import { byArmAndOperation, groupsOf, isOpen } from '../results/groups.ts';
import type { Row } from '../results/row.ts';
import { counted } from '../results/text.ts';
import { CONFIDENCE, MIN_BLOCKS } from '../stats/levels.ts';

/** One figure of one configuration, independent of the format. */
export interface Entry {
  /** The configuration; the same text in every run. */
  benchmark: string;
  measure: string;
  unit: string;
  better: 'lower' | 'higher';
  value: number;
  /** 95 % interval; `undefined` with too few blocks. */
  lower: number | undefined;
  upper: number | undefined;
  /** Further information for a reader of a single point. */
  extra: string;
}

const UNITS: Readonly<Record<Figure['name'] | 'svc_p50_us' | 'svc_p99_us', string>> = {
  cpu_us_per_req: 'µs/request',
  rps_ok: 'requests/s',
  lat_p50_us: 'µs',
  lat_p99_us: 'µs',
  svc_p50_us: 'µs',
  svc_p99_us: 'µs',
};

/**
 * The figures of a run: one entry for each arm and figure, from usable rows; medians, and from 12 blocks on
 * Hodges–Lehmann estimates with their intervals. Arms of the plain engine are included: each is a separate series.
 */
export function entriesOfRun(rows: readonly Row[]): Entry[] {
  return groupsOf(usableRows(rows)).flatMap(({ rows: group }) =>
    byArmAndOperation(group, true).flatMap((sameArm) => {
      const [row = {}] = sameArm;
      return figuresToKeep(row).flatMap(({ name, better, of }) => {
        const centre = centreOf(sameArm.map(of).filter((value) => value !== undefined));
        if (centre === undefined) return [];
        const isSettled = centre.blocks >= MIN_BLOCKS;
        return [
          {
            benchmark: benchmarkName(row),
            measure: name,
            unit: UNITS[name],
            better,
            value: isSettled ? centre.estimate : centre.median,
            lower: isSettled ? centre.lower : undefined,
            upper: isSettled ? centre.upper : undefined,
            extra: counted(centre.blocks, 'block'),
          },
        ];
      });
    }),
  );
}

type Kept = Pick<Figure, 'better' | 'of'> & { name: keyof typeof UNITS };

/**
 * The figures that rank arms, and in a closed loop also service time, which is followed over time but ranks nothing.
 */
function figuresToKeep(row: Row): Kept[] {
  const figures = figuresOf(row);
  if (isOpen(row) || figures.length === 0) return [...figures];
  return [
    ...figures,
    { name: 'svc_p50_us', better: 'lower', of: (one) => one.svc_p50_us },
    { name: 'svc_p99_us', better: 'lower', of: (one) => one.svc_p99_us },
  ];
}

/** A name of the configuration that is the same in every run. */
function benchmarkName(row: Row): string {
  const axes = [
    counted(row.servers, 'server'),
    row.edge_tls === undefined ? row.balancer : `${row.balancer} with TLS`,
    row.affinity,
    `${row.payload_bytes} B`,
    ...(row.inner_servers === undefined ? [] : [`${row.inner_servers} inner`]),
    ...(row.store_distance_ms === undefined ? [] : [`store ${row.store_distance_ms} ms away`]),
    row.transport,
    `${row.connections} connections`,
    `${row.key_distribution} keys`,
    isOpen(row) ? `${row.load_model} ${row.target_rps}/s` : 'closed',
    row.engine,
    ...(row.pool_size === undefined ? [] : [`pool ${row.pool_size}`]),
  ];
  const part = row.operation === 'all' ? '' : ` ${row.operation}`;
  return `${row.store}[${row.variant}] ${row.scenario}${part}, ${axes.join(', ')}`;
}

/** For two runs. */
const NO_INTERVAL = { lower: Number.NEGATIVE_INFINITY, upper: Number.POSITIVE_INFINITY };

/**
 * A comparison: head in per cent of base, 100 being no change, with its interval. Not head's own figures, which depend
 * on the machine at that time. A finding without an estimate has no entry.
 */
export function entriesOfComparison({ findings }: Comparison): Entry[] {
  return findings.flatMap(({ metric, evidence, configuration, verdict }) => {
    const estimate = evidence?.shift.estimate;
    if (metric === undefined || evidence === undefined || estimate === undefined) return [];
    const { blocks } = evidence;
    const { lower, upper } = certaintyOf(evidence)?.shift ?? NO_INTERVAL;
    return [
      {
        benchmark: benchmarkName(configuration),
        measure: `${metric.name}_pct_of_base`,
        unit: '% of base',
        better: metric.worse === 'higher' ? ('lower' as const) : ('higher' as const),
        value: percentOfBase(estimate) as number,
        lower: percentOfBase(lower),
        upper: percentOfBase(upper),
        extra: `${verdict}, ${Math.min(blocks.base, blocks.head)} ${unitOf(evidence)}, interval ${CONFIDENCE * 100} %`,
      },
    ];
  });
}

function percentOfBase(logRatio: number): number | undefined {
  return Number.isFinite(logRatio) ? Math.exp(logRatio) * 100 : undefined;
}
