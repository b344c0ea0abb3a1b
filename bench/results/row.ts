/** The column table: the one place that names, types and explains a result column. Pure. */

interface Column {
  name: string;
  kind: 'text' | 'integer' | 'number' | 'boolean';
  /** What it measures or fixes, with the unit where the name does not hold it. */
  meaning: string;
}

export const SCHEMA_VERSION = 1;

/** Name of a column and its kind, with its meaning; in the order of the file. */
export const COLUMNS = [
  { name: 'schema_version', kind: 'integer', meaning: 'version of this table of columns' },
  { name: 'run_id', kind: 'text', meaning: 'one run of the command' },
  { name: 'started_at', kind: 'text', meaning: 'start of the trial, UTC, ISO 8601' },
  { name: 'git_sha', kind: 'text', meaning: 'commit of the harness; empty outside a checkout' },
  { name: 'git_dirty', kind: 'boolean', meaning: 'whether the checkout had uncommitted changes' },
  { name: 'host_id', kind: 'text', meaning: 'hash that tells machines apart without naming them' },
  { name: 'cpu_model', kind: 'text', meaning: 'model of the processor' },
  { name: 'cpu_count', kind: 'integer', meaning: 'processors that the harness may use' },
  { name: 'mem_bytes', kind: 'integer', meaning: 'memory of the machine' },
  { name: 'node_version', kind: 'text', meaning: 'Node version of servers, generator and harness' },
  { name: 'arm', kind: 'text', meaning: 'the alternative under comparison: store and variant' },
  { name: 'store', kind: 'text', meaning: 'backend' },
  {
    name: 'variant',
    kind: 'text',
    meaning: 'options of the backend and its durability, sorted, separated by semicolons',
  },
  { name: 'store_version', kind: 'text', meaning: 'version of the service; empty for a backend without one' },
  { name: 'servers', kind: 'integer', meaning: 'server processes' },
  { name: 'balancer', kind: 'text', meaning: 'haproxy, nginx, node (built in) or none' },
  { name: 'balancer_version', kind: 'text', meaning: 'version of the balancer; empty without one' },
  { name: 'affinity', kind: 'text', meaning: 'round-robin, or sticky by a cookie of the balancer' },
  { name: 'transport', kind: 'text', meaning: 'cookie or bearer: how the token travels' },
  { name: 'scenario', kind: 'text', meaning: 'request mix' },
  {
    name: 'operation',
    kind: 'text',
    meaning: 'one operation of the mix; all carries the CPU and memory columns',
  },
  { name: 'payload_bytes', kind: 'integer', meaning: 'session data per session' },
  { name: 'sessions_live', kind: 'integer', meaning: 'live sessions made before the load' },
  {
    name: 'key_distribution',
    kind: 'text',
    meaning: 'how requests choose sessions: uniform, or zipf (1/rank) within the share of each connection',
  },
  {
    name: 'pool_size',
    kind: 'integer',
    meaning: 'connections to the service that each server opens; empty without a service',
  },
  { name: 'engine', kind: 'text', meaning: 'load generator' },
  { name: 'pass', kind: 'text', meaning: 'capacity (closed loop) or latency (open loop)' },
  { name: 'load_model', kind: 'text', meaning: 'closed, or open with its arrivals' },
  { name: 'connections', kind: 'integer', meaning: 'connections of the generator' },
  { name: 'target_rps', kind: 'number', meaning: 'offered rate; empty in closed loop' },
  { name: 'block', kind: 'text', meaning: 'run id and ordinal of the pass over all arms' },
  { name: 'order_index', kind: 'integer', meaning: 'place of the trial within its block, from 0' },
  { name: 'seed', kind: 'integer', meaning: 'seed of everything random in the plan and the load' },
  {
    name: 'warmup_s',
    kind: 'number',
    meaning:
      'discarded load before the measured window; none in revocation, and at most a fifth of the pool in logout',
  },
  { name: 'duration_s', kind: 'number', meaning: 'length of the measured window as it was' },
  {
    name: 'scheduled',
    kind: 'integer',
    meaning: 'requests due: completed + conn_errors + timeouts + dropped + inflight_end',
  },
  { name: 'sent', kind: 'integer', meaning: 'requests written to a socket' },
  { name: 'completed', kind: 'integer', meaning: 'replies received whole' },
  { name: 'ok', kind: 'integer', meaning: 'replies of the right status with the right body' },
  { name: 'http_4xx', kind: 'integer', meaning: 'replies with a status from 400 to 499' },
  { name: 'http_5xx', kind: 'integer', meaning: 'replies with a status from 500 to 599' },
  {
    name: 'check_failed',
    kind: 'integer',
    meaning: 'replies of status 2xx or 3xx whose body or headers were wrong',
  },
  { name: 'conn_errors', kind: 'integer', meaning: 'requests lost with their connection' },
  { name: 'timeouts', kind: 'integer', meaning: 'requests without a reply in time' },
  { name: 'dropped', kind: 'integer', meaning: 'requests due that were never sent; 0 in closed loop' },
  { name: 'inflight_end', kind: 'integer', meaning: 'requests under way when the window closed' },
  { name: 'rps_ok', kind: 'number', meaning: 'throughput: ok replies per second' },
  {
    name: 'lat_min_us',
    kind: 'integer',
    meaning: 'response time from when the request was due, least; empty in closed loop',
  },
  { name: 'lat_mean_us', kind: 'number', meaning: 'response time, mean' },
  { name: 'lat_p50_us', kind: 'integer', meaning: 'response time, median' },
  { name: 'lat_p75_us', kind: 'integer', meaning: 'response time, 75th percentile' },
  { name: 'lat_p90_us', kind: 'integer', meaning: 'response time, 90th percentile' },
  { name: 'lat_p95_us', kind: 'integer', meaning: 'response time, 95th percentile' },
  {
    name: 'lat_p99_us',
    kind: 'integer',
    meaning: 'response time, 99th percentile; empty below 1,000 samples',
  },
  {
    name: 'lat_p999_us',
    kind: 'integer',
    meaning: 'response time, 99.9th percentile; empty below 10,000 samples',
  },
  { name: 'lat_max_us', kind: 'integer', meaning: 'response time, greatest' },
  {
    name: 'svc_min_us',
    kind: 'integer',
    meaning: 'service time from the actual send to the whole reply (also of refused requests), least',
  },
  { name: 'svc_mean_us', kind: 'number', meaning: 'service time, mean' },
  { name: 'svc_p50_us', kind: 'integer', meaning: 'service time, median' },
  { name: 'svc_p75_us', kind: 'integer', meaning: 'service time, 75th percentile' },
  { name: 'svc_p90_us', kind: 'integer', meaning: 'service time, 90th percentile' },
  { name: 'svc_p95_us', kind: 'integer', meaning: 'service time, 95th percentile' },
  {
    name: 'svc_p99_us',
    kind: 'integer',
    meaning: 'service time, 99th percentile; empty below 1,000 samples',
  },
  {
    name: 'svc_p999_us',
    kind: 'integer',
    meaning: 'service time, 99.9th percentile; empty below 10,000 samples',
  },
  { name: 'svc_max_us', kind: 'integer', meaning: 'service time, greatest' },
  { name: 'req_bytes', kind: 'number', meaning: 'mean size of a request, head and body' },
  { name: 'resp_bytes', kind: 'number', meaning: 'mean size of a reply, head and body' },
  { name: 'cpu_us_per_req_server', kind: 'number', meaning: 'CPU of all servers per request sent' },
  {
    name: 'cpu_us_per_req_balancer',
    kind: 'number',
    meaning: 'CPU of the balancer per request sent; empty without one',
  },
  {
    name: 'cpu_us_per_req_store',
    kind: 'number',
    meaning: 'CPU of the service per request sent; empty without one',
  },
  {
    name: 'cpu_us_per_req_generator',
    kind: 'number',
    meaning: 'CPU of the load generator per request sent',
  },
  {
    name: 'cpu_us_per_req_net',
    kind: 'number',
    meaning: 'server + balancer + store minus the control of the same block; not filled yet',
  },
  {
    name: 'store_commands_per_req',
    kind: 'number',
    meaning: 'round trips to the service per request sent; empty without one',
  },
  {
    name: 'rss_server_bytes',
    kind: 'integer',
    meaning: 'memory of all servers at the end of the window, shared pages split (PSS)',
  },
  {
    name: 'rss_store_bytes',
    kind: 'integer',
    meaning: 'memory of the service, shared pages split (PSS); empty without one',
  },
  {
    name: 'gen_lag_p99_us',
    kind: 'integer',
    meaning: 'lateness of sending, 99th percentile; empty in closed loop',
  },
  { name: 'gen_cpu_pct', kind: 'number', meaning: 'CPU of the generator, 100 is one processor' },
  {
    name: 'revoke_visible_p50_us',
    kind: 'integer',
    meaning: 'from sending the logout to the first refusal, per server, median; scenario revocation only',
  },
  {
    name: 'revoke_visible_p99_us',
    kind: 'integer',
    meaning: 'the same, 99th percentile; greatest value below 1,000 samples',
  },
  {
    name: 'stale_accepts',
    kind: 'integer',
    meaning: 'reads sent after the reply to the logout that were still accepted',
  },
  {
    name: 'bottleneck',
    kind: 'text',
    meaning:
      'what limits a closed loop: generator, balancer, server, store, or host; empty when nothing is full',
  },
  { name: 'status', kind: 'text', meaning: 'ok, unsupported, failed or interrupted' },
  { name: 'valid', kind: 'boolean', meaning: 'whether the figures may be used' },
  { name: 'invalid_reason', kind: 'text', meaning: 'why not, or why the trial has no figures' },
  {
    name: 'note',
    kind: 'text',
    meaning: 'what a reader must know of a valid row, such as misses that the traits predict',
  },
] as const satisfies readonly Column[];

interface CellOf {
  text: string;
  integer: number;
  number: number;
  boolean: boolean;
}

export type ColumnName = (typeof COLUMNS)[number]['name'];

/** One trial and operation. An unknown value is absent, never 0. */
export type Row = { [C in (typeof COLUMNS)[number] as C['name']]?: CellOf[C['kind']] };

/** The text of a cell in the file; absence is the empty text. Numbers keep three decimals. */
export function cellText(value: Row[ColumnName]): string {
  if (value === undefined || Number.isNaN(value)) return '';
  if (typeof value !== 'number') return String(value);
  return Number.isInteger(value) ? String(value) : String(Math.round(value * 1000) / 1000);
}

/** The value of a cell's text; `undefined` for the empty cell. @throws Error when it is not of the column's kind. */
export function parseCell(name: ColumnName, text: string): Row[ColumnName] {
  if (text === '') return undefined;
  const kind = COLUMNS.find((column) => column.name === name)?.kind;
  if (kind === 'text') return text;
  if (kind === 'boolean' && (text === 'true' || text === 'false')) return text === 'true';
  const value = Number(text);
  if (kind !== 'boolean' && Number.isFinite(value) && (kind === 'number' || Number.isInteger(value)))
    return value;
  throw new Error(`column ${name} holds "${text.slice(0, 40)}", which is no ${kind}`);
}
