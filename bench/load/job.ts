import type { Contract } from '../config/contract.ts';
import type { Wire } from '../config/wire.ts';
import type { Arrivals, KEY_DISTRIBUTIONS, Scenario, TRANSPORTS } from '../config/words.ts';

/** Messages between the harness and the load generator's process over IPC. */

export type Operation = 'read' | 'update' | 'login' | 'logout' | 'visit';

/** An external site: its contract, and the digits with which the numbers of this arm's users begin. */
export type LoadedContract = Contract & { userBase: string };

/** What to load and how. The password is random per run. */
export interface LoadJob {
  /** Base URLs under load: the balancer's, or each server's when there is none. */
  targets: readonly string[];
  /** How connections to the targets are made; default as their URLs say. */
  wire?: Wire;
  /** Base URLs of the servers themselves, past the balancer. */
  servers: readonly string[];
  scenario: Scenario;
  transport: (typeof TRANSPORTS)[number];
  payloadBytes: number;
  connections: number;
  sessions: number;
  keys: (typeof KEY_DISTRIBUTIONS)[number];
  seed: number;
  password: string;
  /** Present for an external site: `password` and `payloadBytes` are not used then. */
  site?: LoadedContract;
  /** Whether reads go on with a token that a reply issues; default false: none is issued. */
  takesUp?: boolean;
  /** Sessions besides those of the load, which are left to expire; `churned` ones log in and out again before. */
  expiring?: { sessions: number; churned: number };
  /** Whether the generator polls without sleeping while it measures; default false. */
  staysAwake?: boolean;
}

/** A server with a lower rate of logins counts as stopped; others may hash passwords slowly. */
export const leastPerSecond = ({ site }: Pick<LoadJob, 'site'>) => (site === undefined ? 50 : 2);

/**
 * How requests become due. `closed`: each connection sends the next after the reply. `open`: at a rate, whatever is in
 * flight.
 */
export type LoadModel =
  /** @param requests it ends after this many. */
  | { model: 'closed'; requests?: number }
  | { model: 'open'; ratePerSecond: number; arrivals: Arrivals }
  /** A closed loop on autocannon's connections. */
  | { model: 'autocannon' }
  /** Each session is logged out and polled until it is refused. */
  | { model: 'revocation' }
  /** An open loop at an even rate, counted by the second, in which the harness breaks something. */
  | { model: 'failure'; ratePerSecond: number };

/** The result of one slice. Requests that are due or in flight at its end are awaited. */
export interface SliceResult {
  /**
   * Closed loop: from the first send to the last reply. Open loop: from the start to the end of its schedule, or to the
   * last send if that is later, so that requests over time are the achieved rate.
   */
  seconds: number;
  /** Requests due in it; those of a closed loop are due when they are sent. */
  scheduled: number;
  completed: number;
  ok: number;
  /** CPU of the generator's process in the slice, nanoseconds, without polling for nothing. */
  cpuNs: number;
  /** CPU for polling without sleeping, while there was nothing to do; 0 when it sleeps. */
  pollingNs: number;
  /** Open loop: requests due and not yet sent when the last one became due; 0 in a closed loop. */
  backlogEnd: number;
  /** Open loop: the same, plus those sent and without a reply at that moment; 0 in a closed loop. */
  outstandingEnd: number;
  /**
   * Service times of its replies, in an open loop response times, microseconds; absent where they are not kept, and p99
   * below 1,000 replies.
   */
  latencyUs?: Partial<Record<'p50' | 'p95' | 'p99', number | undefined>>;
  /** Response times, in a closed loop service times, HdrHistogram V2 base64; only where sessions are left to expire. */
  times?: string;
}

export interface OperationResult {
  operation: Operation | 'all';
  /** Requests due: those sent and those dropped. */
  scheduled: number;
  sent: number;
  completed: number;
  ok: number;
  http4xx: number;
  /** The number of 4xx with status 401. */
  unauthorized: number;
  http5xx: number;
  checkFailed: number;
  connErrors: number;
  timeouts: number;
  /** The number of connErrors on connections that were idle before, and closed before a byte of the reply. */
  closedIdle: number;
  /** Sent a second time, on a new connection, where the first would be one of `closedIdle`. Counted once in `sent`. */
  resent: number;
  /** Due, but never sent because the backlog was full. */
  dropped: number;
  inflightEnd: number;
  /** Sums over all requests written, and over all replies received. */
  requestBytes: number;
  responseBytes: number;
  /** Service times in microseconds, HdrHistogram V2 base64. */
  histogram: string;
  /** Response times, from when each request was due; open loop only. */
  response?: string;
}

/** Revocation as seen by a client: times in microseconds from sending the logout to each server's first refusal. */
export interface RevocationResult {
  visible: string;
  staleAccepts: number;
  /** Sessions that were still accepted when the scenario gave up. */
  neverRefused: number;
}

/** What became of the requests that were due in one second, whenever they were answered. */
export interface SecondCounts {
  /** From 0: those since the load began. */
  second: number;
  offered: number;
  ok: number;
  /** 401, but to a client that has logged out. */
  denied: number;
  /** Replies of 2xx or 3xx that show another session, or one that has ended. */
  wrong: number;
  /** 5xx, and 4xx other than 401. */
  refused: number;
  /** Without a reply: the connection was lost or could not be made, the time was over, or the request was never sent. */
  lost: number;
  /** Response times; absent without a reply. */
  p50Us: number | undefined;
  p95Us: number | undefined;
  maxUs: number | undefined;
}

/** A load during which something broke, as its clients saw it. */
export interface FailureResult {
  seconds: readonly SecondCounts[];
  /** From the begin of the load to the end of the last request that was refused or lost; absent without one. */
  lastTroubleSeconds: number | undefined;
  /** Replies that showed another session than that of the request. */
  asAnother: number;
  /** 401 to a session that lived, as it was found after the load. */
  deniedAlive: number;
  /** Reads with the token of an ended session that were answered. */
  staleAccepts: number;
  /** Logins that were acknowledged and not ended; those of them that no server knows after the load. */
  logins: number;
  loginsLost: number;
  /** Logouts that were acknowledged; those of them whose token opens the session after the load. */
  logouts: number;
  logoutsUndone: number;
  /** Of both, those that no server would answer for. */
  unknown: number;
}

export interface LoadResult {
  /** Sum over the slices. */
  durationSeconds: number;
  /** `all` first, then each operation of a mix. */
  operations: readonly OperationResult[];
  revocation?: RevocationResult;
  failure?: FailureResult;
  /** The first failed check, for people. */
  firstFailure?: string;
  /** CPU of the generator's process in the window, nanoseconds, without polling for nothing. */
  cpuNs: number;
  /** Open loop only. */
  open?: OpenLoopResult;
}

/** How well the generator itself kept up. */
export interface OpenLoopResult {
  /**
   * From the moment a request could have been sent (due, and a connection free) to its write, microseconds,
   * HdrHistogram. Waiting for a free connection is backlog, and part of the response time.
   */
  lateness: string;
  /** Maximum of requests that were due and not yet sent. */
  backlogMax: number;
  /** Requests that were sent together, mean: above 1 they were due at once, or some were late. */
  sendsPerPump: number;
}

/** The harness numbers the arms. */
export type ToGenerator =
  | { type: 'prepare'; arm: number; job: LoadJob }
  /** Untimed: removes the sessions that the arm's last slice created, and creates those that the next one consumes. */
  | { type: 'replenish'; arm: number; seconds: number }
  /** Untimed: makes the sessions that are left to expire. */
  | { type: 'fill'; arm: number }
  | { type: 'slice'; arm: number; seconds: number; load: LoadModel }
  /** Returns the sum of the arm's slices since the last call, and resets it. */
  | { type: 'collect'; arm: number };

export type FromGenerator =
  | { type: 'ready'; port: number }
  | { type: 'progress'; text: string }
  | { type: 'prepared'; sessionsLive: number }
  | { type: 'unsupported'; reason: string }
  | { type: 'replenished' }
  /** The load of a slice begins now; only where the harness does something in time with it. */
  | { type: 'began' }
  | { type: 'filled' }
  | { type: 'sliced'; slice: SliceResult }
  | { type: 'collected'; result: LoadResult }
  | { type: 'failed'; message: string };
