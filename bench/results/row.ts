/** The column table: the only place that names, types and explains result columns. Pure. */

import { boolean, type CellOf, integer, number, text } from './column.ts';
import { LIFETIME_COLUMNS } from './lifetime-columns.ts';

export const SCHEMA_VERSION = 1;

/** Columns in the order of the file: name, kind and meaning. */
export const COLUMNS = [
  integer('schema_version', 'version of this table of columns'),
  text('run_id', 'one run of the command'),
  text('started_at', 'start of the trial, UTC, ISO 8601'),
  text('git_sha', 'commit of the harness; empty outside a checkout'),
  boolean('git_dirty', 'whether the checkout had uncommitted changes, besides those of results/'),
  text('host_id', 'hash that identifies the machine without naming it'),
  text('cpu_model', 'model of the processor'),
  integer('cpu_count', 'processors that the harness may use'),
  integer('mem_bytes', 'memory of the machine'),
  text('node_version', 'Node version of servers, generator and harness'),
  text('arm', 'the alternative under comparison: store and variant'),
  text('store', 'backend'),
  text('variant', 'options of the backend and its durability, sorted, separated by semicolons'),
  text('store_version', 'version of the service; empty for a backend without one'),
  text(
    'library_versions',
    'packages that serve a library or a module of the user, with their versions, a module first with the hash of its files; empty for our own backends and external sites',
  ),
  text('target', 'URL of an external site, of which servers, balancer and data are unknown; empty for ours'),
  integer('servers', 'server processes'),
  text('balancer', 'haproxy, nginx, node (built in) or none'),
  text('balancer_version', 'version of the balancer; empty without one'),
  text(
    'edge_tls',
    'TLS that the balancer terminates (--tls): protocol, cipher suite, key exchange and key of the certificate, each connection a full handshake; empty: plain HTTP',
  ),
  text('affinity', 'round-robin, or sticky by a cookie of the balancer'),
  text('transport', 'cookie or bearer: how the token travels'),
  text('scenario', 'request mix'),
  text('fault', 'what broke under the load (--fault); scenario failure only'),
  text('operation', 'one operation of the mix; all carries the CPU and memory columns'),
  integer('payload_bytes', 'session data per session'),
  integer('sessions_live', 'live sessions created before the load'),
  text(
    'key_distribution',
    'how requests choose sessions: uniform, or zipf (1/rank) within the share of each connection',
  ),
  integer('pool_size', 'connections to the service that each server opens; empty without a service'),
  number(
    'store_distance_ms',
    'round trip that a relay adds between servers and service, as asked (--store-distance), the same for all arms of a group; empty: no relay',
  ),
  integer(
    'store_rtt_p50_us',
    'round trip of a byte through that relay while the arm was loaded, without any work of the service, median; empty without a relay or a service',
  ),
  integer('store_rtt_p95_us', 'the same, 95th percentile; empty below 20 of them'),
  integer(
    'inner_servers',
    'inner services that check each request as well (--inner), parts of servers in all figures; the variant says how: inner=ask, as the backend does, or inner=token; empty: none',
  ),
  text('pinning', 'which processes may use which processors (--pin); empty when all may use all'),
  text(
    'generator_mode',
    'awake: the generator polls without sleeping while it measures; empty: it sleeps between replies',
  ),
  text(
    'cpu_from',
    'machine, container or both: the CPU of the external site (cpu_us_per_req_server) or service (cpu_us_per_req_store) is that of a whole machine or a container, from an exporter (--cpu-from), less idle use; empty: of processes on this machine, or unknown',
  ),
  text('engine', 'slices (our loop, the arms of a block by turns) or autocannon (one arm after the other)'),
  text('pass', 'capacity (closed loop), latency (open loop) or equal-load (open loop, for CPU per request)'),
  text('load_model', 'closed, open-poisson or open-constant'),
  integer('connections', 'connections of the generator'),
  number('target_rps', 'offered rate; empty in closed loop'),
  text('block', 'run id and ordinal of the repetition'),
  integer('order_index', "place of the arm in its block's first order, from 0"),
  integer('seed', 'seed of everything random in the plan and the load'),
  number(
    'warmup_s',
    'discarded load before the measured window; none in revocation, and at most a fifth of the pool in logout',
  ),
  integer('warmup_requests', 'requests to each server in the warm-up'),
  text(
    'warmup_end',
    'warm: each server had 30,000 requests, and CPU per request was shown to be even within 3 %; unproven: as many, and no trend, but too much noise to show it; cold: fewer, or a trend',
  ),
  number('duration_s', 'actual length of the measured load: the sum of its slices'),
  number('slice_ms', 'length of a slice as planned; empty when the load was not sliced'),
  integer('scheduled', 'requests due: completed + conn_errors + timeouts + dropped + inflight_end'),
  integer('sent', 'requests written to a socket'),
  integer('completed', 'complete replies'),
  integer('ok', 'replies with the correct status and body'),
  integer('http_4xx', 'replies with a status from 400 to 499'),
  integer('http_5xx', 'replies with a status from 500 to 599'),
  integer('check_failed', 'replies of status 2xx or 3xx whose body or headers were wrong'),
  integer('conn_errors', 'requests lost with their connection'),
  integer('timeouts', 'requests without a reply in time'),
  integer(
    'resent',
    'requests sent again on a new connection, because the server had closed an idle one as they came; only in probe, 0 elsewhere',
  ),
  integer('dropped', 'requests due that were never sent; 0 in closed loop'),
  integer('inflight_end', 'requests in flight when the window closed'),
  integer('backlog_max', 'maximum of requests due and not yet sent; empty in closed loop'),
  number(
    'backlog_end',
    'requests due and not yet sent when the last of a slice became due: median over the last quarter of the slices; empty in closed loop',
  ),
  number('rps_ok', 'throughput: ok replies per second of duration_s'),
  integer('lat_min_us', 'response time from when the request was due, minimum; empty in closed loop'),
  number('lat_mean_us', 'response time, mean'),
  integer('lat_p50_us', 'response time, median'),
  integer('lat_p75_us', 'response time, 75th percentile'),
  integer('lat_p90_us', 'response time, 90th percentile'),
  integer('lat_p95_us', 'response time, 95th percentile'),
  integer('lat_p99_us', 'response time, 99th percentile; empty below 1,000 samples'),
  integer(
    'lat_p999_us',
    'response time, 99.9th percentile; empty below 10,000 samples (5,000 of constant arrivals)',
  ),
  integer('lat_max_us', 'response time, maximum'),
  integer(
    'svc_min_us',
    'service time from the actual send to the complete reply (also of refused requests), minimum',
  ),
  number('svc_mean_us', 'service time, mean'),
  integer('svc_p50_us', 'service time, median'),
  integer('svc_p75_us', 'service time, 75th percentile'),
  integer('svc_p90_us', 'service time, 90th percentile'),
  integer('svc_p95_us', 'service time, 95th percentile'),
  integer('svc_p99_us', 'service time, 99th percentile; empty below 1,000 samples'),
  integer(
    'svc_p999_us',
    'service time, 99.9th percentile; empty below 10,000 samples (5,000 of constant arrivals)',
  ),
  integer('svc_max_us', 'service time, maximum'),
  number('req_bytes', 'mean size of a request, head and body'),
  number('resp_bytes', 'mean size of a reply, head and body'),
  number(
    'inner_bytes_per_req',
    'what all inner services received and sent over HTTP per request sent; empty without any',
  ),
  number('cpu_us_per_req_server', 'CPU of all servers per request sent, without their idle use'),
  number('cpu_us_per_req_balancer', 'CPU of the balancer per request sent; empty without one'),
  number('cpu_us_per_req_store', 'CPU of the service per request sent; empty without one'),
  number(
    'cpu_us_per_req_store_relay',
    'CPU of the relay of --store-distance per request sent, which is part of no other column; empty without one',
  ),
  number(
    'cpu_us_per_req_generator',
    'CPU of the load generator per request sent, without polling for nothing',
  ),
  number(
    'cpu_us_per_req_net',
    'server + balancer + store minus the same of the control in the same block, which may be negative; empty without a valid control, for the control itself, and when a part cannot be read',
  ),
  number(
    'cpu_us_per_req_server_main',
    'CPU of the main threads of all servers per request sent; the rest of cpu_us_per_req_server is that of helper threads, less idle use',
  ),
  number('server_wakeups_per_req', 'how often a thread of a server was put on a processor, per request sent'),
  number(
    'server_wait_us_per_req',
    'time in which threads of servers were ready to run and waited for a processor, per request sent',
  ),
  number('store_wakeups_per_req', 'the same as server_wakeups_per_req, of the service; empty without one'),
  number(
    'reqs_per_loop_turn',
    'requests per turn of the event loop of a server: how many it serves in a batch',
  ),
  number(
    'idle_cpu_us_per_s',
    'CPU of servers, balancer and store per second when idle; subtracted from the columns above',
  ),
  number('store_commands_per_req', 'round trips to the service per request sent; empty without one'),
  integer('rss_server_bytes', 'memory of all servers at the end of the window, shared pages split (PSS)'),
  integer('rss_store_bytes', 'memory of the service, shared pages split (PSS); empty without one'),
  number(
    'server_bytes_per_session',
    'memory of the live sessions in the heap and buffers of all servers, per session: live bytes minus those after all sessions had ended; scenarios read and update only',
  ),
  number(
    'store_bytes_per_session',
    'growth of the data of the service since before the sessions (Redis: used_memory; Postgres: size of the database; MariaDB: pages of its tables and indexes), per live session; scenarios read and update only, empty without a service',
  ),
  number(
    'verify_cache_hit_pct',
    'tokens taken from the cache of verified ones, per cent; empty without a cache',
  ),
  integer(
    'distinct_tokens',
    'distinct tokens that were verified since the start, by the server that saw most; empty without a cache',
  ),
  integer('loop_delay_p99_us', 'event-loop delay, 99th percentile, of the server with the maximum'),
  number('gc_us_per_req', 'time in garbage collection of all servers per request sent; part of their CPU'),
  integer(
    'gen_lag_p99_us',
    'lateness of sending, from when a request was due and a connection free, 99th percentile; empty in closed loop, and below 1,000 samples',
  ),
  number('sends_per_pump', 'requests that the generator sent together, mean; empty in closed loop'),
  number('gen_cpu_pct', 'CPU of the generator without polling for nothing, 100 is one processor'),
  number(
    'steal_pct',
    'time that a hypervisor gave to other machines while the block was measured, 100 is all processors',
  ),
  number('foreign_cpu_pct', 'CPU of processes outside this run, in the same time, 100 is all processors'),
  number(
    'throttled_ms',
    'time for which the control group was throttled by its quota, in the slices of this trial',
  ),
  number(
    'cpu_trend_pct',
    'change of CPU per request over the last windows of the warm-up, significant or not; empty after a short one',
  ),
  number(
    'cpu_trend_measured_pct',
    'change of CPU per request from the first to the last measured slice, significant or not',
  ),
  integer(
    'revoke_visible_p50_us',
    'from sending the logout to the first refusal, per server, median; scenario revocation only',
  ),
  integer('revoke_visible_p99_us', 'the same, 99th percentile; maximum below 1,000 samples'),
  integer('stale_accepts', 'reads sent after the reply to the logout that were still accepted'),
  number(
    'availability_pct',
    'requests that were neither refused (5xx, and 4xx other than 401) nor lost, of those due from the second of the fault on; scenario failure only, as the columns down to logouts_undone',
  ),
  number('worst_second_pct', 'the same of the worst second'),
  number(
    'trouble_s',
    'from the fault to the end of the last request that was refused or lost; 0 without any',
  ),
  number(
    'recover_s',
    'the same from when the last part was back; empty where none was to come back, and where requests were still refused or lost in the last second',
  ),
  integer(
    'wrong_answers',
    'replies that showed another session than that of the request, and 401 to a session that lived, as it was found after the load',
  ),
  integer(
    'logins',
    'logins that were acknowledged, and not ended by their clients, before and during the load',
  ),
  integer('logins_lost', 'those of them that no server knew after the load'),
  integer('logouts', 'logouts that were acknowledged, before and during the load'),
  integer('logouts_undone', 'those of them whose token opened the session on a server after the load'),
  ...LIFETIME_COLUMNS,
  text(
    'bottleneck',
    'what is full, and limits a closed loop: generator, balancer, server, store, or host; empty when nothing is',
  ),
  text('status', 'ok, unsupported, failed or interrupted'),
  boolean('valid', 'whether the figures may be used'),
  text('invalid_reason', 'why not, or why the trial has no figures'),
  text('note', 'what a reader must know about a valid row, such as misses that the traits predict'),
] as const;

export type ColumnName = (typeof COLUMNS)[number]['name'];

/** The columns that contain numbers. */
export type NumberColumn = Extract<(typeof COLUMNS)[number], { kind: 'integer' | 'number' }>['name'];

/** One trial and operation. An unknown value is absent, never 0. */
export type Row = { [C in (typeof COLUMNS)[number] as C['name']]?: CellOf[C['kind']] };

/** Whether its figures are of speed: not in the scenarios that poll at a pace of their own, or in which something breaks. */
export const isOfSpeed = ({ scenario }: Row): boolean => scenario !== 'revocation' && scenario !== 'failure';

/** Whether the figures of a row may be used. */
export const isUsable = (row: Row): boolean => row.status === 'ok' && row.valid === true;

/** Whether a row was measured and must not be used. */
export const isSpoilt = (row: Row): boolean => row.status === 'ok' && row.valid !== true;

/** Whether a trial has all that it can have: nothing of it failed or was stopped. */
export const hasEnded = ({ status }: Row): boolean => status === 'ok' || status === 'unsupported';

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
  if (kind === 'boolean' && /^(true|false)$/i.test(text)) return text.toLowerCase() === 'true';
  const value = Number(text);
  if (kind !== 'boolean' && Number.isFinite(value) && (kind === 'number' || Number.isInteger(value)))
    return value;
  throw new Error(`column ${name} contains "${text.slice(0, 40)}", which is not a valid ${kind}`);
}
