import type { Agent } from 'node:http';
import type { Contract, OperationName } from '../config/contract.ts';
import type { Wire } from '../config/wire.ts';
import { exchange, jsonHeaders, type Reply as PlainReply } from '../load/client.ts';
import { isOver } from '../load/cookies.ts';
import { bodyOf, filledPath, type Values } from '../load/operation.ts';
import { addressOf, openAgent } from '../load/wire.ts';
import { headersFor, setCookiesIn } from './credential.ts';
import { asOurs } from './foreign-reply.ts';
import { type Pace, patiently } from './pace.ts';

/** A complete reply. */
export interface Reply extends PlainReply {
  /** The lines of `Set-Cookie`, as sent; and those that a token in a header stands for. */
  setCookies: readonly string[];
}

export interface SendOptions {
  /**
   * A string is sent unchanged, as `content-type: application/json` unless the headers differ; other values as JSON.
   */
  body?: unknown;
  /** Override those of the browser. `cookie` here replaces the jar for this request. */
  headers?: Readonly<Record<string, string>>;
  /** Omits the `Origin` that a state-changing request otherwise carries. */
  withoutOrigin?: boolean;
}

/** A browser: stores cookies, sends them back, and sends its origin when it changes state. */
export interface Browser {
  readonly cookies: Map<string, string>;
  /** Rejects when the connection fails or a reply takes over 10 s: an outage is not an observation. */
  send(method: string, path: string, options?: SendOptions): Promise<Reply>;
  /** One of the contract's operations. @throws MissingOperation when the contract lacks it. */
  perform(operation: OperationName, values?: Values, options?: SendOptions): Promise<Reply>;
  /** The session token in the jar; `undefined` without one. */
  token(): string | undefined;
  /** Another browser at the same address, whose jar holds only this session token. */
  holding(token: string): Browser;
}

/** What a check looks at is not there: an outcome, not a failure of the experiment. */
export class DoesNotApply extends Error {}

/** The contract of an external site lacks this operation: checks that need it cannot run. */
export class MissingOperation extends DoesNotApply {
  readonly operation: OperationName;
  constructor(operation: OperationName) {
    super(`the contract has no operation ${operation}`);
    this.operation = operation;
  }
}

const CONNECTIONS = 64;

/** What a browser knows of a site. */
type BrowserContract = Pick<
  Contract,
  | 'cookie'
  | 'refreshCookie'
  | 'transport'
  | 'origin'
  | 'operations'
  | 'fields'
  | 'host'
  | 'headers'
  | 'foreign'
  | 'wire'
> &
  Partial<Pick<Contract, 'loginCap' | 'failedLoginLimit'>>;

/**
 * Opens browsers, and closes all their connections. Many browsers share a few connections, like people behind a proxy,
 * so that a server sees requests of several on one connection.
 */
export interface Browsers {
  /** @param base the address for its requests, such as `http://127.0.0.1:8080`. */
  open(base: string): Browser;
  close(): void;
}

/** Creates the browsers of one site. */
export function openBrowsers(contract: BrowserContract, pace: Pace): Browsers {
  const agents = new Map<string, Agent>();
  return {
    open(base) {
      const { protocol } = new URL(base);
      const agent = agents.get(protocol) ?? openAgent(protocol, contract.wire ?? {}, CONNECTIONS);
      agents.set(protocol, agent);
      return createBrowser(base, contract, agent, pace);
    },
    close() {
      for (const agent of agents.values()) agent.destroy();
    },
  };
}

/**
 * A browser without cookies.
 * @param base the address for its requests. @param agent the pool of its connections. @param pace of all requests.
 */
function createBrowser(base: string, contract: BrowserContract, agent: Agent, pace: Pace): Browser {
  const cookies = new Map<string, string>();
  const wire: Wire = contract.wire ?? {};

  async function send(method: string, path: string, options: SendOptions = {}): Promise<Reply> {
    const { body, withoutOrigin = false } = options;
    const url = urlAt(base, path);
    const payload = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
    const names = method !== 'GET' && method !== 'HEAD' && contract.origin !== undefined && !withoutOrigin;
    const headers: Record<string, string> = {
      ...contract.headers,
      host: contract.host ?? url.host,
      ...headersFor(cookies, contract),
      ...(names ? { origin: contract.origin as string } : {}),
      ...(payload === undefined ? {} : jsonHeaders(payload)),
      ...options.headers,
    };
    const address = addressOf(url, wire);
    await pace.turn();
    const reply = await exchange(url, agent, method, payload, headers, address);
    const setCookies = setCookiesIn(reply.headers, contract);
    for (const line of setCookies) keep(cookies, line);
    return { ...reply, setCookies };
  }

  return {
    cookies,
    send,
    async perform(name, values = {}, options = {}) {
      const operation = contract.operations[name];
      if (operation === undefined) throw new MissingOperation(name);
      const path = filledPath(operation.path, values);
      const once = () => send(operation.method, path, { ...bodyOf(operation, values), ...options });
      const { foreign } = contract;
      if (foreign === undefined) return once();
      return asOurs(
        name,
        await (limitsItself(contract) ? once() : patiently(once, pace.pause)),
        contract,
        foreign,
      );
    },
    token: () => cookies.get(contract.cookie),
    holding(token) {
      const other = createBrowser(base, contract, agent, pace);
      other.cookies.set(contract.cookie, token);
      return other;
    },
  };
}

/** Whether a refusal of too many requests is an observation: the contract says that the site limits logins. */
const limitsItself = ({ loginCap, failedLoginLimit }: BrowserContract) =>
  loginCap !== undefined || failedLoginLimit !== undefined;

/** A path of a site, which may itself have one: `/app`. */
export function urlAt(base: string, path: string): URL {
  const url = new URL(base);
  return new URL(`${url.pathname.replace(/\/$/, '')}${path}`, url);
}

/** Applies a line of Set-Cookie: a cookie that is emptied or expired is deleted (RFC 6265bis §5.7). */
function keep(cookies: Map<string, string>, line: string): void {
  const [pair = ''] = line.split(';', 1);
  const at = pair.indexOf('=');
  const name = pair.slice(0, at).trim();
  if (isOver(line)) cookies.delete(name);
  else cookies.set(name, pair.slice(at + 1).trim());
}
