import autocannon from 'autocannon';
import type { Operation } from './job.ts';
import type { ConnectionPlan, LiveRequest } from './live-request.ts';
import { type PlannedRequest, requestBytes } from './scenarios.ts';
import type { LoopTotals } from './slice-loop.ts';
import { countReply, countSent, createTally, type Tally } from './tally.ts';

/**
 * A plain closed loop on autocannon's connections, with our accounting. Its results are not used: its histogram has a
 * resolution of whole milliseconds, it does not count connections that close without a reply, and its next callbacks
 * then get the wrong request. The hooks below are seams of autocannon 9.0.0, which is pinned.
 */

export interface CannonOptions {
  targets: readonly string[];
  /** One for each connection; connection i goes to target i modulo their number. */
  plans: readonly ConnectionPlan[];
  /** Length of the window; finite lists end it when every connection has sent as many as the shortest contains. */
  seconds: number;
  /** Receives each reply that fails its check. */
  onFailure: (request: PlannedRequest, status: number, body: string) => void;
}

/** How often autocannon checks whether the window is over. */
const STOP_CHECK_MS = 20;
/** A request without a reply for this long counts as timed out. */
const TIMEOUT_S = 10;

/** A request in autocannon's form. Ours include their bytes, so that it builds nothing. */
interface CannonRequest {
  planned: LiveRequest;
  tally: Tally;
  authority: string;
  requestBuffer: Buffer;
}

interface CannonClient {
  on(event: string, listener: (...args: never[]) => void): void;
  destroyed: boolean;
  _connect(): void;
  _destroyConnection(): void;
  requestIterator: {
    requests: CannonRequest[];
    currentRequest: CannonRequest | undefined;
    recordBody(request: CannonRequest, status: number, body: string, rawHeaders: string[]): void;
  };
  pipelinedRequests: { clear(): void; insertRequest(request: CannonRequest): void };
}

/** Runs one window of load. Rejects only when the loop cannot run: failed requests are counted. */
export async function runAutocannon(options: CannonOptions): Promise<LoopTotals> {
  const { targets, plans, onFailure } = options;
  const tallies = new Map<Operation, Tally>();
  for (const { requests } of plans) {
    for (const { operation } of requests) if (!tallies.has(operation)) tallies.set(operation, createTally());
  }
  const lists = plans.map(({ requests }, connection) => {
    const authority = new URL(targets[connection % targets.length] as string).host;
    return toCannon(requests, authority, tallies);
  });
  const finite = plans.filter((plan) => plan.isSentOnce).map(({ requests }) => requests.length);
  let next = 0;
  const setupClient = (client: CannonClient) => {
    const requests = lists[next % lists.length] as CannonRequest[];
    next += 1;
    client.requestIterator.requests = requests;
    client.requestIterator.currentRequest = requests[0];
    countOn(client, onFailure);
  };
  const [startedNs, cpuBefore] = [process.hrtime.bigint(), process.cpuUsage()];
  const settings = {
    url: [...targets],
    connections: plans.length,
    duration: options.seconds,
    ...(finite.length > 0 ? { maxConnectionRequests: Math.min(...finite) } : {}),
    timeout: TIMEOUT_S,
    sampleInt: STOP_CHECK_MS,
    excludeErrorStats: true,
    setupClient,
  };
  // The types of autocannon lack several URLs and the internals of a client.
  await autocannon(settings as unknown as autocannon.Options);
  const { user, system } = process.cpuUsage(cpuBefore);
  const seconds = Number(process.hrtime.bigint() - startedNs) / 1e9;
  return { seconds, cpuNs: (user + system) * 1000, tallies };
}

/** Each different request is built once, however often it occurs in the list. */
function toCannon(
  requests: readonly LiveRequest[],
  authority: string,
  tallies: ReadonlyMap<Operation, Tally>,
): CannonRequest[] {
  const built = new Map<LiveRequest, CannonRequest>();
  return requests.map((planned) => {
    const known = built.get(planned);
    if (known !== undefined) return known;
    const tally = tallies.get(planned.operation) as Tally;
    const requestBuffer = requestBytes(planned, planned.headers, authority);
    const request = { planned, tally, authority, requestBuffer };
    built.set(planned, request);
    return request;
  });
}

/** Installs our accounting in a client, before it connects. */
function countOn(client: CannonClient, onFailure: CannonOptions['onFailure']): void {
  const { requestIterator, pipelinedRequests: queue } = client;
  let waiting: CannonRequest | undefined;
  let replied: CannonRequest | undefined;
  let isRight = false;

  const insertRequest = queue.insertRequest;
  queue.insertRequest = (request) => {
    const { planned, tally } = request;
    planned.onSend?.();
    if (planned.renew !== undefined) {
      request.requestBuffer = requestBytes(planned, planned.renew(), request.authority);
    }
    waiting = request;
    countSent(tally, request.requestBuffer.length);
    insertRequest.call(queue, request);
  };
  // Called with each complete reply, before `response` and before the next request is written.
  requestIterator.recordBody = (request, status, body, rawHeaders) => {
    waiting = undefined;
    replied = request;
    const headers = () => rawHeaders;
    isRight = request.planned.check(status, body, headers);
    if (isRight) request.planned.onReply?.(headers);
    else onFailure(request.planned, status, body);
  };
  client.on('response', (status: number, bytes: number, serviceMs: number) => {
    if (replied !== undefined) countReply(replied.tally, status, isRight, serviceMs * 1000, bytes);
  });
  // A live client drops a connection by itself only when a reply is overdue.
  const destroyConnection = client._destroyConnection;
  client._destroyConnection = () => {
    if (waiting !== undefined && !client.destroyed) {
      waiting.tally.timeouts += 1;
      waiting = undefined;
    }
    destroyConnection.call(client);
  };
  // A connection that ends loses its request; otherwise the next reply would be counted for it.
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
