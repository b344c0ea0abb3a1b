import autocannon from 'autocannon';
import type { Operation } from './job.ts';
import type { PlannedRequest } from './scenarios.ts';
import { countReply, createTally, type Tally } from './tally.ts';

/**
 * The plain closed loop: autocannon's connections under our own accounting. Its results are not used, for its
 * histogram holds whole milliseconds, it does not count connections that close without a reply, and its next
 * callbacks then get the wrong request. The hooks below are seams of autocannon 9.0.0, an exact version.
 */

/** What each connection sends, over and over, in order. */
export interface ConnectionPlan {
  requests: readonly LiveRequest[];
}

export interface LoopOptions {
  targets: readonly string[];
  /** One for each connection; connection i goes to target i modulo their number. */
  plans: readonly ConnectionPlan[];
  /** Length of the window. */
  seconds: number;
  /** Ends it when every connection has sent its list once, if that comes first. */
  once: boolean;
  /** Told of each reply that its check refuses. */
  onFailure: (request: PlannedRequest, status: number, body: string) => void;
}

export interface LoopResult {
  seconds: number;
  tallies: ReadonlyMap<Operation, Tally>;
}

/** A planned request with what a mix changes in mid-run: the session to end, and the token that a login brings. */
export interface LiveRequest extends PlannedRequest {
  /** Called before each send; answers the headers to send with. */
  renew?: () => Record<string, string>;
  /** Called with each right reply. */
  onReply?: (rawHeaders: readonly string[]) => void;
}

/** How often autocannon looks whether the window is over. */
const STOP_CHECK_MS = 20;
/** A request without a reply for this long counts as timed out. */
const TIMEOUT_S = 10;

interface CannonRequest {
  planned: LiveRequest;
  tally: Tally;
  requestBuffer?: Buffer;
  [key: string]: unknown;
}

interface CannonClient {
  setRequests(requests: CannonRequest[]): void;
  on(event: string, listener: (...args: never[]) => void): void;
  destroyed: boolean;
  _connect(): void;
  _destroyConnection(): void;
  requestIterator: {
    currentRequest: CannonRequest;
    recordBody(request: CannonRequest, status: number, body: string, rawHeaders: string[]): void;
  };
  pipelinedRequests: { clear(): void; insertRequest(request: CannonRequest): void };
}

/** Runs one window of load. Rejects only when the loop itself cannot run: failed requests are counted. */
export async function runAutocannon(options: LoopOptions): Promise<LoopResult> {
  const { targets, plans, seconds, once, onFailure } = options;
  const tallies = new Map<Operation, Tally>();
  for (const { requests } of plans) {
    for (const { operation } of requests) if (!tallies.has(operation)) tallies.set(operation, createTally());
  }
  let nextPlan = 0;
  const setupClient = (client: CannonClient) => {
    const plan = plans[nextPlan % plans.length] as ConnectionPlan;
    nextPlan += 1;
    client.setRequests(plan.requests.map((planned) => toCannon(planned, tallies)));
    countOn(client, onFailure);
  };
  const startedNs = process.hrtime.bigint();
  const settings = {
    url: [...targets],
    connections: plans.length,
    duration: seconds,
    ...(once ? { maxConnectionRequests: plans[0]?.requests.length ?? 0 } : {}),
    timeout: TIMEOUT_S,
    sampleInt: STOP_CHECK_MS,
    excludeErrorStats: true,
    setupClient,
  };
  // The types of autocannon know neither several URLs nor a client's inner parts.
  await autocannon(settings as unknown as autocannon.Options);
  return { seconds: Number(process.hrtime.bigint() - startedNs) / 1e9, tallies };
}

function toCannon(planned: LiveRequest, tallies: ReadonlyMap<Operation, Tally>): CannonRequest {
  const { method, path, headers, body, operation, renew } = planned;
  const tally = tallies.get(operation) as Tally;
  const request: CannonRequest = { planned, tally, method, path, headers: { ...headers } };
  if (body !== undefined) request['body'] = body;
  if (renew !== undefined) request['setupRequest'] = (built: object) => ({ ...built, headers: renew() });
  return request;
}

/** Puts our accounting into a client, before it connects. */
function countOn(client: CannonClient, onFailure: LoopOptions['onFailure']): void {
  const { requestIterator, pipelinedRequests: queue } = client;
  let waiting: CannonRequest | undefined;
  let replied: CannonRequest | undefined;
  let isRight = false;

  const insertRequest = queue.insertRequest;
  queue.insertRequest = (request) => {
    waiting = request;
    request.tally.sent += 1;
    request.tally.requestBytes += request.requestBuffer?.length ?? 0;
    insertRequest.call(queue, request);
  };
  // Called with each whole reply, before `response` and before the next request is written.
  requestIterator.recordBody = (request, status, body, rawHeaders) => {
    waiting = undefined;
    replied = request;
    isRight = request.planned.check(status, body, rawHeaders);
    if (isRight) request.planned.onReply?.(rawHeaders);
    else onFailure(request.planned, status, body);
  };
  client.on('response', (status: number, bytes: number, serviceMs: number) => {
    if (replied !== undefined) countReply(replied.tally, status, isRight, serviceMs * 1000, bytes);
  });
  // While the client lives, it drops a connection by itself only when a reply is overdue.
  const destroyConnection = client._destroyConnection;
  client._destroyConnection = () => {
    if (waiting !== undefined && !client.destroyed) {
      waiting.tally.timeouts += 1;
      waiting = undefined;
    }
    destroyConnection.call(client);
  };
  // A connection that ends takes its request with it; without this the next reply would be held against it.
  const connect = client._connect;
  client._connect = () => {
    if (waiting !== undefined) {
      waiting.tally.connErrors += 1;
      waiting = undefined;
      queue.clear();
    }
    connect.call(client);
  };
}
