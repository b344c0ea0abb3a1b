/**
 * What is frozen, in one list: names that other versions of this program rely on. `gate` runs servers of
 * older commits under today's harness and load; `compare` and `--resume` read files of older commits. Imports
 * nothing.
 *
 * No name is removed or renamed, and none gets another meaning. A name is added here, at the end of its list,
 * when the code gets it, and it must be optional to whoever reads it: absent means what was true before it
 * existed. The tests `frozen.*.test.ts` compare the code with these lists, and both with what the program
 * wrote at commit 07d888b.
 */

/**
 * Files of a base that `gate` uses: it bundles the first, and reads `STORES` (names, options, values) from
 * the second.
 */
export const SERVER_ENTRY = 'servers/main.ts';
export const REGISTRY_ENTRY = 'stores/registry.ts';

/** The environment variable that holds a server's configuration, as JSON. */
export const SERVER_CONFIG_ENV = 'SESSION_BENCH_SERVER';

/** Without these a server does not start. All others have a default, or may be absent. */
export const REQUIRED_CONFIG_KEYS = ['id', 'store', 'secret', 'password', 'adminPassword'] as const;

export const CONFIG_KEYS = [
  ...REQUIRED_CONFIG_KEYS,
  'host',
  'port',
  'options',
  'durability',
  'serviceUrl',
  'namespace',
  'poolSize',
  'idleSeconds',
  'absoluteSeconds',
  'touchIntervalSeconds',
  'transport',
  'payloadBytes',
  'loginCap',
  'onCap',
  'failedLoginLimit',
  'failedLoginWindowSeconds',
  'accessSeconds',
  'accountsDirectory',
  'lifecycleLog',
  'clockOffsetMs',
  'adjustableClock',
  'privateKeyPem',
  'handicap',
  'passwordCostLog2',
  'program',
  'module',
  'secretsFile',
  'inner',
] as const;

export const HANDICAP_KEYS = [
  'busyUs',
  'sleepMs',
  'extraTrips',
  'extraWrites',
  'stallEveryRequests',
  'stallMs',
] as const;

/** Keys of the messages over IPC, besides `type`; what the harness asks and what a server tells. */
export const REQUESTS_BY_IPC = { stats: ['weigh', 'count'], clock: ['offsetMs'] } as const;
export const MESSAGES_BY_IPC = {
  ready: ['port', 'store', 'options'],
  stats: [
    'roundTrips',
    'loopDelayP99Us',
    'gcNs',
    'loopTurns',
    'sessionBytes',
    'verifyCache',
    'innerBytes',
    'touches',
    'sessions',
  ],
  clock: [],
} as const;

/** Keys of the bodies in JSON. A refusal is `{ error }`. */
export const ENDPOINTS = {
  'GET /healthz': { reply: ['status'] },
  'POST /visit': { reply: ['user'] },
  'POST /login': { request: ['user', 'password'], reply: ['user', 'role'] },
  'POST /logout': { reply: ['status'] },
  'GET /session': { reply: ['user', 'role', 'version', 'data'] },
  'PATCH /session': { request: ['data', 'version'], reply: ['user', 'version', 'bytes'] },
  'POST /session/rotate': { reply: ['user', 'role'] },
  'POST /token/refresh': { reply: ['status'] },
  'GET /csrf': { reply: ['token'] },
  'GET /sessions': { reply: ['logins'] },
  'DELETE /sessions/:handle': { reply: ['ended'] },
  'POST /logout/others': { reply: ['ended'] },
  'POST /logout/all': { reply: ['ended'] },
  'POST /password': { request: ['current', 'next'], reply: ['ended'] },
  'POST /admin/users/:id/revoke': { reply: ['ended'] },
  'POST /admin/users/:id/disable': { request: ['disabled'], reply: ['ended'] },
} as const satisfies Record<string, { request?: readonly string[]; reply: readonly string[] }>;

/** What `error` says in the body of a refusal. */
export const REFUSALS = [
  'bad_request',
  'unauthenticated',
  'bad_credentials',
  'refresh_reused',
  'forbidden',
  'account_disabled',
  'foreign_origin',
  'csrf_token_missing',
  'csrf_token_wrong',
  'not_found',
  'no_such_login',
  'conflict',
  'session_too_large',
  'too_many_logins',
  'too_many_failures',
  'internal',
  'unsupported_by_backend',
  'unsupported_by_server',
  'store_unavailable',
] as const;
export type Refusal = (typeof REFUSALS)[number];

/**
 * Columns of a result CSV. They are read by name: a file may lack any, and their order is free. Also frozen
 * is the kind of each (`bench/results/row.ts`); an integer may become a number.
 */
export const COLUMNS = words(`
  schema_version run_id started_at git_sha git_dirty host_id cpu_model cpu_count mem_bytes node_version
  arm store variant store_version target servers balancer balancer_version affinity transport scenario operation
  payload_bytes sessions_live key_distribution pool_size pinning generator_mode engine pass load_model connections
  target_rps block order_index seed warmup_s warmup_requests warmup_end duration_s slice_ms scheduled sent completed ok http_4xx
  http_5xx check_failed conn_errors timeouts dropped inflight_end backlog_max backlog_end rps_ok
  lat_min_us lat_mean_us lat_p50_us lat_p75_us lat_p90_us lat_p95_us lat_p99_us lat_p999_us lat_max_us
  svc_min_us svc_mean_us svc_p50_us svc_p75_us svc_p90_us svc_p95_us svc_p99_us svc_p999_us svc_max_us
  req_bytes resp_bytes cpu_us_per_req_server cpu_us_per_req_balancer cpu_us_per_req_store
  cpu_us_per_req_generator cpu_us_per_req_net cpu_us_per_req_server_main server_wakeups_per_req server_wait_us_per_req
  store_wakeups_per_req reqs_per_loop_turn idle_cpu_us_per_s store_commands_per_req rss_server_bytes
  rss_store_bytes server_bytes_per_session store_bytes_per_session verify_cache_hit_pct distinct_tokens
  loop_delay_p99_us gc_us_per_req gen_lag_p99_us sends_per_pump gen_cpu_pct steal_pct foreign_cpu_pct throttled_ms
  cpu_trend_pct cpu_trend_measured_pct revoke_visible_p50_us revoke_visible_p99_us stale_accepts bottleneck status valid
  invalid_reason note edge_tls resent library_versions cpu_from store_distance_ms store_rtt_p50_us store_rtt_p95_us
  cpu_us_per_req_store_relay inner_servers inner_bytes_per_req fault availability_pct worst_second_pct trouble_s recover_s
  wrong_answers logins logins_lost logouts logouts_undone
  touch_s touches_per_req
  idle_s expiring_sessions churned_sessions p99_before_expiry_us p99_in_expiry_us expiry_cpu_ms_server expiry_cpu_ms_store
  expiring_server_bytes freed_server_bytes expiring_store_bytes freed_store_bytes expired_left_pct expired_swept_s
`);

/** What became of a trial: the words of the column `status`. */
export const STATUSES = ['ok', 'unsupported', 'failed', 'interrupted'] as const;
export type Status = (typeof STATUSES)[number];

/** What was full: the words of the column `bottleneck`. */
export const BOTTLENECKS = ['generator', 'balancer', 'server', 'store', 'host'] as const;
export type Bottleneck = (typeof BOTTLENECKS)[number];

/** Keys of `NAME.env.json`. */
export const ENVIRONMENT_KEYS = [
  'run_id',
  'command',
  'machine',
  'kernel',
  'lock_file_sha256',
  'balancer',
  'options',
  'rates',
  'left_out',
  'services',
  'gate',
] as const;

/** Flags in its `options`, from which `--resume` goes on. */
export const RECORDED_FLAGS = words(`
  store seed servers balancer affinity scenario payload connections duration warmup repeat keys sessions pool transport
  durability engine slice rate arrivals equalLoad within pin awake preset services tls service storeDistance
  inner fault touch expiring churn
`);

function words(text: string): string[] {
  return text.trim().split(/\s+/);
}
