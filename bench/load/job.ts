/** What the harness and the load generator's process tell each other over IPC. Types only. */

export type Operation = 'read' | 'update' | 'login' | 'logout';

/** What to load and how. The password is random per run. */
export interface LoadJob {
  /** Base URLs under load: the balancer's, or each server's when there is none. */
  targets: readonly string[];
  /** Base URLs of the servers themselves, past the balancer. */
  servers: readonly string[];
  scenario: 'read' | 'update' | 'login' | 'logout' | 'mixed' | 'revocation';
  transport: 'cookie' | 'bearer';
  payloadBytes: number;
  connections: number;
  sessions: number;
  keys: 'uniform' | 'zipf';
  seed: number;
  password: string;
}

export interface OperationResult {
  operation: Operation | 'all';
  sent: number;
  completed: number;
  ok: number;
  http4xx: number;
  /** Of the 4xx those of status 401. */
  unauthorized: number;
  http5xx: number;
  checkFailed: number;
  connErrors: number;
  timeouts: number;
  inflightEnd: number;
  /** Sums over all requests written, and over all replies received. */
  requestBytes: number;
  responseBytes: number;
  /** Service times in microseconds, HdrHistogram V2 base64. */
  histogram: string;
}

/** Revocation as seen by a client: times in microseconds from sending the logout to each server's first refusal. */
export interface RevocationResult {
  visible: string;
  staleAccepts: number;
  /** Sessions that were still accepted when the scenario gave up. */
  neverRefused: number;
}

export interface LoadResult {
  durationSeconds: number;
  /** `all` first, then each operation of a mix. */
  operations: readonly OperationResult[];
  revocation?: RevocationResult;
  /** What the first failed check looked like, for people. */
  firstFailure?: string;
  /** CPU of the generator's process in the window, nanoseconds. */
  cpuNs: number;
}

export type ToGenerator =
  | { type: 'prepare'; job: LoadJob }
  | { type: 'warm'; seconds: number }
  | { type: 'measure'; seconds: number };

export type FromGenerator =
  | { type: 'ready'; port: number }
  | { type: 'progress'; text: string }
  | { type: 'prepared'; sessionsLive: number }
  | { type: 'unsupported'; reason: string }
  | { type: 'warmed' }
  | { type: 'measured'; result: LoadResult }
  | { type: 'failed'; message: string };
