import type { ConnectionPlan, LiveRequest } from '../load/live-request.ts';
import { type ProbeBody, type ProbeJob, TARGETS_SHOWN, type TargetResult } from './job.ts';

/** What the connections of a probe send: one request, or those of a list in its order. */
export interface Requests {
  plans: readonly ConnectionPlan[];
  /** The list begins anew, and so do its counts. */
  restart(): void;
  /** `undefined` without a list. */
  counts(): TargetResult | undefined;
}

/** Methods that have no body (RFC 9110 §9.3). */
export const WITHOUT_BODY: readonly string[] = ['HEAD', 'TRACE'];

/** Methods that are sent with a length even without a body (RFC 9110 §8.6). */
const NEEDS_LENGTH = ['POST', 'PUT', 'PATCH'];

/** A reply of these is right: a redirect too, and no refusal. */
const isRight = (status: number) => status >= 200 && status < 400;

/** Whether requests of this method carry the body. */
export function hasBody(method: string, body: ProbeBody | undefined): body is ProbeBody {
  return body !== undefined && !WITHOUT_BODY.includes(method) && (method !== 'GET' || body.goesWithGet);
}

/** @param parts of the list, in ASCII; none without a list. */
export function createRequests(job: ProbeJob, parts: readonly string[]): Requests {
  const write = createWriter(job);
  if (parts.length > 0) return listRequests(job, parts, write);
  const bytes = write(job.method, Buffer.from(job.path));
  const request: LiveRequest = { ...blank(job.method), bytes: () => bytes };
  return {
    plans: Array.from({ length: job.connections }, () => ({ requests: [request] })),
    restart: () => undefined,
    counts: () => undefined,
  };
}

const blank = (method: string): LiveRequest => ({
  operation: 'read',
  method,
  path: '/',
  headers: {},
  check: isRight,
});

/** The next request of the list goes to whichever connection sends next. */
function listRequests(
  job: ProbeJob,
  parts: readonly string[],
  write: (method: string, path: Buffer) => Buffer,
): Requests {
  const list = createList(parts, job.method);
  let next = 0;
  // Not of 32 bits: a long load may send one more often.
  let sent = new Float64Array(list.count);
  let ok = new Float64Array(list.count);

  /** A connection has one request in flight: what it is may be kept here. */
  function newRequest(): LiveRequest {
    let index = 0;
    const request: LiveRequest = {
      ...blank(job.method),
      bytes() {
        index = next;
        next = next + 1 === list.count ? 0 : next + 1;
        sent[index] = (sent[index] as number) + 1;
        const target = list.at(index);
        request.method = target.method;
        return write(target.method, target.path);
      },
      check(status) {
        const right = isRight(status);
        if (right) ok[index] = (ok[index] as number) + 1;
        return right;
      },
    };
    return request;
  }

  return {
    plans: Array.from({ length: job.connections }, () => ({ requests: [newRequest()] })),
    restart() {
      next = 0;
      sent = new Float64Array(list.count);
      ok = new Float64Array(list.count);
    },
    counts: () => countsOf(sent, ok),
  };
}

function countsOf(sent: Float64Array, ok: Float64Array): TargetResult {
  const failing: number[] = [];
  const right: number[] = [];
  let used = 0;
  for (const [index, times] of sent.entries()) {
    if (times > 0) used += 1;
    if (times > (ok[index] as number)) failing.push(index);
    else if (right.length < TARGETS_SHOWN) right.push(index);
  }
  const failures = (index: number) => (sent[index] as number) - (ok[index] as number);
  const failingCount = failing.length;
  failing.sort((a, b) => failures(b) - failures(a) || a - b);
  const counts = [...failing.slice(0, TARGETS_SHOWN), ...right]
    .slice(0, TARGETS_SHOWN)
    .map((index) => ({ index, sent: sent[index] as number, ok: ok[index] as number }));
  return { listed: sent.length, sent: used, failing: failingCount, counts };
}

/** The list in memory: its text once, and where each line begins. */
function createList(texts: readonly string[], defaultMethod: string) {
  const parts = texts.map((text) => {
    const bytes = Buffer.from(text, 'latin1');
    const starts = [0];
    for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) starts.push(at + 1);
    return { bytes, starts: Uint32Array.from([...starts, bytes.length + 1]) };
  });
  const perPart = (parts[0]?.starts.length ?? 1) - 1;
  const count = parts.reduce((sum, { starts }) => sum + starts.length - 1, 0);
  return {
    count,
    at(index: number): { method: string; path: Buffer } {
      const { bytes, starts } = parts[Math.floor(index / perPart)] as (typeof parts)[number];
      const at = index % perPart;
      const line = bytes.subarray(starts[at], (starts[at + 1] as number) - 1);
      const space = line.indexOf(32);
      if (space < 0) return { method: defaultMethod, path: line };
      return { method: line.toString('latin1', 0, space), path: line.subarray(space + 1) };
    },
  };
}

/** Returns the bytes of a request (RFC 9112 §3). What all have in common is built once. */
function createWriter({ origin, headers, body }: ProbeJob): (method: string, path: Buffer) => Buffer {
  const { host = new URL(origin).host, ...others } = headers;
  const lines = [`host: ${host}`, ...Object.entries(others).map(([name, value]) => `${name}: ${value}`)];
  const tail = (...more: string[]) => Buffer.from(` HTTP/1.1\r\n${[...lines, ...more].join('\r\n')}\r\n\r\n`);
  const [plain, empty] = [tail(), tail('content-length: 0')];
  const content = Buffer.from(body?.base64 ?? '', 'base64');
  const type = body?.contentType === undefined ? [] : [`content-type: ${body.contentType}`];
  const full = Buffer.concat([tail(...type, `content-length: ${content.length}`), content]);
  return (method, path) => {
    const rest = hasBody(method, body) ? full : NEEDS_LENGTH.includes(method) ? empty : plain;
    return Buffer.concat([Buffer.from(`${method} `), path, rest]);
  };
}
