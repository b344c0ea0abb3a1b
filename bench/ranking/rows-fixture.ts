import { type Row, SCHEMA_VERSION } from '../results/row.ts';
import { normal } from '../stats/random-fixture.ts';

/** For tests: rows of interleaved blocks with figures from a known distribution. */
export interface Interleaved {
  /** Factor on the cost of each arm, by store. */
  arms: Readonly<Record<string, number>>;
  blocks: number;
  /** Standard deviation of ln(figure), independently in each row; that of a ratio is √2 times it. */
  scatter: number;
  /** Standard deviation of a block's effect on all of its rows. */
  drift?: number;
  cells?: Row;
  random: () => number;
}

/** Options without which a row is read as an older one, with another default. */
const NAMED: Readonly<Record<string, readonly string[]>> = { redis: ['pipelining=none'] };

export function interleavedRows(options: Interleaved): Row[] {
  const { arms, blocks, scatter, drift = 0.2, cells = {}, random } = options;
  return Array.from({ length: blocks }, (_, ordinal) => {
    const speed = Math.exp(drift * normal(random));
    return Object.entries(arms).map(([store, factor]): Row => {
      const drawn = (figure: number) => figure * Math.exp(scatter * normal(random));
      const variant = ['durability=second', ...(NAMED[store] ?? [])].join(';');
      return {
        schema_version: SCHEMA_VERSION,
        arm: `${store}[${variant}]`,
        store,
        variant,
        servers: 3,
        balancer: 'haproxy',
        affinity: 'round-robin',
        transport: 'cookie',
        scenario: 'read',
        operation: 'all',
        payload_bytes: 256,
        sessions_live: 10_000,
        key_distribution: 'uniform',
        engine: 'slices',
        pass: 'capacity',
        load_model: 'closed',
        connections: 64,
        block: `r-${ordinal + 1}`,
        cpu_us_per_req_server: drawn(100 * factor * speed),
        rps_ok: drawn(10_000 / factor / speed),
        svc_p50_us: Math.round(drawn(5_000 * factor * speed)),
        svc_p99_us: Math.round(drawn(15_000 * factor * speed)),
        status: 'ok',
        valid: true,
        ...cells,
      };
    });
  }).flat();
}
