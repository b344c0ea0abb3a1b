import { type Row, SCHEMA_VERSION } from '../results/row.ts';
import { normal } from '../stats/random-fixture.ts';

/** For tests: rows of a run as the bench writes them, with figures drawn from a known distribution. */
export interface Synthetic {
  run: string;
  stores: readonly string[];
  blocks: number;
  /** Standard deviation of ln(figure), independently in each row. */
  scatter: number;
  /** Standard deviation of a block's effect on all of its rows: the machine's speed. */
  drift?: number;
  /** Factor on CPU per request and latency, and divisor of throughput, of every store but the control. */
  factor?: number;
  /** Factor on all figures: how slow the machine is. */
  slowness?: number;
  cells?: Row;
  /** Place of the first store in its block. Two files of one run have different places. */
  firstPlace?: number;
  random: () => number;
}

const CPU_US: Readonly<Record<string, number>> = { none: 60, memory: 70, redis: 85, jwt: 110, postgres: 140 };

export function syntheticRows(options: Synthetic): Row[] {
  const { run, stores, blocks, scatter, drift = 0, factor = 1, slowness = 1, cells = {}, random } = options;
  const { firstPlace = 0 } = options;
  return Array.from({ length: blocks }, (_, ordinal) => {
    const speed = Math.exp(drift * normal(random)) * slowness;
    return stores.map((store, order) => {
      const cost = speed * (store === 'none' ? 1 : factor);
      const drawn = (figure: number) => figure * Math.exp(scatter * normal(random));
      const row: Row = {
        ...baseRow(store),
        run_id: run,
        block: `${run}-${ordinal + 1}`,
        order_index: firstPlace + order,
        cpu_us_per_req_server: drawn((CPU_US[store] ?? 100) * cost),
        rps_ok: drawn(10_000 / cost),
        svc_p50_us: Math.round(drawn(5_000 * cost)),
        svc_p99_us: Math.round(drawn(15_000 * cost)),
        ...cells,
      };
      return row;
    });
  }).flat();
}

function baseRow(store: string): Row {
  return {
    schema_version: SCHEMA_VERSION,
    host_id: 'h1',
    cpu_model: 'EPYC',
    cpu_count: 2,
    node_version: 'v20.19.0',
    arm: `${store}[durability=second]`,
    store,
    variant: 'durability=second',
    servers: 3,
    balancer: 'haproxy',
    affinity: 'round-robin',
    transport: 'cookie',
    scenario: 'read',
    operation: 'all',
    payload_bytes: 256,
    sessions_live: 10_000,
    key_distribution: 'uniform',
    engine: 'autocannon',
    pass: 'capacity',
    load_model: 'closed',
    connections: 64,
    status: 'ok',
    valid: true,
  };
}
