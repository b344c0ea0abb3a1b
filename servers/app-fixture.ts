import { openStore } from '../stores/open.ts';
import { defaultOptions } from '../stores/options.ts';
import type { OpenContext, SessionStore, StoreDefinition } from '../stores/store.ts';
import { createApp } from './app.ts';
import { parseServerConfig, type ServerConfig } from './config.ts';
import { ORIGIN, payloadFor, REFRESH_COOKIE, REFRESH_HEADER, SESSION_COOKIE } from './protocol.ts';
import { bearerTransport, cookieTransport, readCookie } from './session-plugin.ts';

/** The endpoints over real sockets. The conformance suite covers the backends behind them. */
const CONFIG = {
  id: 's1',
  store: 'memory',
  secret: 'c2VjcmV0',
  password: 'right',
  adminPassword: 'root',
  loginCap: 3,
  onCap: 'refuse',
  // servers/accounts.test.ts checks the default cost.
  passwordCostLog2: 10,
} as const satisfies Partial<ServerConfig>;

/** Any of the replies. Tests assert which fields are present. */
export interface Body {
  user?: string | null;
  role?: string;
  data?: string;
  error?: string;
  ended?: number | null;
  token?: string;
  logins: { handle: string; current: boolean }[];
}

export interface ServeOptions {
  /** Methods of the store to replace. */
  store?: Partial<SessionStore> | ((opened: SessionStore) => Partial<SessionStore>);
  /** Overrides of the context that the store is opened with. */
  open?: Partial<OpenContext>;
  bearer?: boolean;
  config?: Partial<ServerConfig>;
  now?: () => number;
}

/** A promise that a test settles to let the server continue. */
export function gate<T = void>() {
  let open: (value: T) => void = () => undefined;
  let fail: (error: Error) => void = () => undefined;
  const passed = new Promise<T>((resolve, reject) => {
    open = resolve;
    fail = reject;
  });
  return { passed, open, fail };
}

const closers: (() => Promise<void>)[] = [];

export async function closeServers(): Promise<void> {
  for (const close of closers.splice(0)) await close();
}

/** One server in this process, and a client that sends the server's origin with writes. */
export async function serve(definition: StoreDefinition, options: ServeOptions = {}) {
  const { bearer = false, now = Date.now } = options;
  const transport = bearer ? bearerTransport({ refresh: true }) : cookieTransport({ refresh: true });
  const config = parseServerConfig(
    JSON.stringify({ ...CONFIG, transport: bearer ? 'bearer' : 'cookie', ...options.config }),
  );
  const errors: unknown[] = [];
  const opened = await openStore(definition, {
    durability: 'second',
    namespace: 'test',
    poolSize: 1,
    idleSeconds: 600,
    absoluteSeconds: 3600,
    touchIntervalSeconds: 0,
    accessSeconds: 60,
    secret: new Uint8Array(32).fill(7),
    maxTokenBytes: transport.maxTokenBytes,
    controlData: (user) => payloadFor(user, 0, config.payloadBytes),
    now,
    onBackgroundError: (error) => errors.push(error),
    ...options.open,
    options: { ...defaultOptions(definition), ...options.open?.options },
  });
  const replaced = typeof options.store === 'function' ? options.store(opened) : options.store;
  const store = { ...opened, ...replaced };
  const app = createApp({ config, store, transport, onError: (error) => errors.push(error), now });
  let isOpen = true;
  const close = async () => {
    if (!isOpen) return;
    isOpen = false;
    await app.close();
    await opened.close();
  };
  closers.push(close);
  const base = await app.listen({ host: '127.0.0.1', port: 0 });
  return { ...client(base, bearer), base, errors, close };
}

function client(base: string, bearer: boolean) {
  /** A header passed as `undefined` is omitted, even one that is sent by default. */
  const call = async (
    method: string,
    path: string,
    token?: string,
    body?: unknown,
    headers: Record<string, string | undefined> = {},
  ) => {
    const sent = {
      ...(token === undefined ? {} : credentials(token, bearer)),
      ...(method === 'GET' ? {} : { origin: ORIGIN }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    };
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const reply = await fetch(base + path, {
      method,
      headers: Object.entries(sent).filter((entry): entry is [string, string] => entry[1] !== undefined),
      ...(body === undefined ? {} : { body: text }),
    });
    const cookies = reply.headers.getSetCookie();
    const find = (name: string, header: string) =>
      bearer
        ? (reply.headers.get(header) ?? undefined)
        : readCookie(
            cookies.find((line) => line.startsWith(`${name}=`)),
            name,
          );
    return {
      status: reply.status,
      body: (await reply.json()) as Body,
      headers: reply.headers,
      cookies,
      token: find(SESSION_COOKIE, 'x-session-token') ?? '',
      refreshToken: find(REFRESH_COOKIE, REFRESH_HEADER),
    };
  };
  const login = (user = 'u1', password = 'right') => call('POST', '/login', undefined, { user, password });
  return { call, login };
}

function credentials(token: string, bearer: boolean): Record<string, string> {
  return bearer ? { authorization: `Bearer ${token}` } : { cookie: `${SESSION_COOKIE}=${token}` };
}
