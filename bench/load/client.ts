import { type Agent, type IncomingHttpHeaders, request } from 'node:http';
import { AFFINITY_COOKIE, ORIGIN, SESSION_COOKIE, TOKEN_HEADER } from '../../servers/protocol.ts';
import type { Wire } from '../config/wire.ts';
import { keptPairs } from './cookies.ts';
import { openAgent } from './wire.ts';

/** A complete reply. */
export interface Reply {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

/** Headers that authenticate a client. */
export type Credentials = Readonly<Record<string, string>>;

export interface Client {
  send(base: string, method: string, path: string, headers: Credentials, body?: unknown): Promise<Reply>;
  close(): void;
}

const TIMEOUT_MS = 10_000;
const MAX_BODY_BYTES = 16 * 1024 * 1024;

/** A plain keep-alive client for unmeasured requests. Rejects when a connection fails or a reply takes over 10 s. */
export function createClient(connections: number, wire: Wire = {}): Client {
  const agents = new Map<string, Agent>();
  const agentFor = ({ protocol }: URL): Agent => {
    const agent = agents.get(protocol) ?? openAgent(protocol, wire, connections);
    agents.set(protocol, agent);
    return agent;
  };
  return {
    send(base, method, path, headers, body) {
      const url = new URL(path, base);
      const payload = body === undefined ? undefined : JSON.stringify(body);
      return exchange(url, agentFor(url), method, payload, {
        ...headers,
        ...(method === 'GET' ? {} : { origin: ORIGIN }),
        ...(payload === undefined ? {} : jsonHeaders(payload)),
      });
    },
    close() {
      for (const agent of agents.values()) agent.destroy();
    },
  };
}

/**
 * One request and its complete reply. Rejects when the connection fails or the reply takes over 10 s.
 * @param agent of the URL's protocol. @param address another one than the URL's.
 */
export function exchange(
  url: URL,
  agent: Agent,
  method: string,
  payload: string | undefined,
  headers: Readonly<Record<string, string>>,
  address?: { host: string; port: number },
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const to = address === undefined ? {} : { hostname: address.host, port: address.port };
    const options = { agent, method, headers, ...to };
    const outgoing = request(url, options, (incoming) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      incoming.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > MAX_BODY_BYTES)
          outgoing.destroy(new Error(`a reply of more than ${MAX_BODY_BYTES} bytes`));
        else chunks.push(chunk);
      });
      incoming.on('error', reject);
      incoming.on('end', () =>
        resolve({
          status: incoming.statusCode ?? 0,
          headers: incoming.headers,
          body: Buffer.concat(chunks).toString(),
        }),
      );
    });
    // Of the whole reply: one that drips is none.
    const timer = setTimeout(
      () => outgoing.destroy(new Error(`no reply to ${method} ${url.pathname} within ${TIMEOUT_MS} ms`)),
      TIMEOUT_MS,
    );
    outgoing.on('close', () => clearTimeout(timer));
    outgoing.on('upgrade', ({ statusCode }, socket) => {
      clearTimeout(timer);
      socket.destroy();
      reject(new Error(`${statusCode} to ${method} ${url.pathname}: another protocol`));
    });
    outgoing.on('error', reject);
    outgoing.end(payload);
  });
}

/** The headers of a JSON body. */
export function jsonHeaders(payload: string): Record<string, string> {
  return { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(payload)) };
}

/**
 * The headers that continue the session of this reply: its session cookie and the balancer's, or its bearer token. A
 * library may add a cookie whose name begins like that of the session.
 * `undefined` when the reply issues none.
 */
export function credentialsOf(
  headers: IncomingHttpHeaders,
  transport: 'cookie' | 'bearer',
): Credentials | undefined {
  const cookies = keptPairs(headers['set-cookie'] ?? []);
  const affinity = cookies.filter((pair) => pair.startsWith(`${AFFINITY_COOKIE}=`));
  if (transport === 'bearer') {
    const token = headers[TOKEN_HEADER];
    if (typeof token !== 'string' || token === '') return undefined;
    return {
      authorization: `Bearer ${token}`,
      ...(affinity.length > 0 ? { cookie: affinity.join('; ') } : {}),
    };
  }
  const session = cookies.filter((pair) => pair.startsWith(SESSION_COOKIE));
  return !session.some((pair) => pair.startsWith(`${SESSION_COOKIE}=`))
    ? undefined
    : { cookie: [...session, ...affinity].join('; ') };
}

/** The credentials after a reply: a balancer may have sent the client to another server, whose cookie it then keeps. */
export function followed(credentials: Credentials, raw: readonly string[]): Credentials {
  const lines = raw.filter((_, index) => index % 2 === 1 && raw[index - 1]?.toLowerCase() === 'set-cookie');
  const moved = keptPairs(lines).filter((pair) => pair.startsWith(`${AFFINITY_COOKIE}=`));
  if (moved.length === 0) return credentials;
  const others = (credentials['cookie'] ?? '').split('; ').filter((pair) => pair !== '');
  const kept = others.filter((pair) => !pair.startsWith(`${AFFINITY_COOKIE}=`));
  return { ...credentials, cookie: [...kept, ...moved].join('; ') };
}

/** {@link credentialsOf} for raw headers, in which names and values alternate. @throws Error when they issue none. */
export function credentialsInRaw(raw: readonly string[], transport: 'cookie' | 'bearer'): Credentials {
  const credentials = credentialsOf(headersIn(raw), transport);
  if (credentials === undefined)
    throw new Error('expected a token in the reply to a login or a visit, got none');
  return credentials;
}

/**
 * Credentials after a reply that issues another token: that one, and what else they hold, such as the balancer's cookie.
 * `undefined` when the reply issues none.
 */
export function renewedCredentials(
  raw: readonly string[],
  transport: 'cookie' | 'bearer',
  old: Credentials,
): Credentials | undefined {
  const issued = credentialsOf(headersIn(raw), transport);
  if (issued === undefined) return undefined;
  const pairs = [old['cookie'], issued['cookie']].flatMap((cookies) => cookies?.split('; ') ?? []);
  const byName = new Map(pairs.map((pair) => [pair.slice(0, pair.indexOf('=')), pair]));
  return { ...old, ...issued, ...(byName.size === 0 ? {} : { cookie: [...byName.values()].join('; ') }) };
}

function headersIn(raw: readonly string[]): IncomingHttpHeaders {
  const headers: IncomingHttpHeaders = { 'set-cookie': [] };
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = (raw[index] as string).toLowerCase();
    const value = raw[index + 1] as string;
    if (name === 'set-cookie') headers['set-cookie']?.push(value);
    else headers[name] = value;
  }
  return headers;
}
