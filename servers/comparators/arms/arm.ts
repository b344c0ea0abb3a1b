import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createAccounts } from '../../accounts.ts';
import type { ServerConfig } from '../../config.ts';
import { ADMIN_USER, payloadFor, SERVER_HEADER } from '../../protocol.ts';
import type { Comparator } from '../comparator.ts';

/** The server of a library as an arm of a run: the endpoints, bodies and users are those of our servers. */
export interface Arm extends Comparator {
  /** Commands to the service since the start; 0 without one, `undefined` where they are not known. */
  roundTrips(): number | undefined;
}

/** Receives failures that no reply reports to the client. */
export type OnError = (error: unknown) => void;

/** A module of this folder that serves an arm. */
export interface ArmModule {
  createServer(config: ServerConfig, onError: OnError): Promise<Arm>;
}

/** What each library keeps for a session: what our backends keep, but for the times. */
export interface State {
  /** `null` before a login. */
  user: string | null;
  role: 'user' | 'admin';
  version: number;
  data: string;
}

/** The service behind a library, open. */
export interface Service {
  roundTrips(): number | undefined;
  close(): Promise<void>;
}

/** A library without a service. */
export const NO_SERVICE: Service = { roundTrips: () => 0, close: () => Promise.resolve() };

/** Cookie attributes of our servers; Path=/ and HttpOnly are defaults of every library here. */
export const COOKIE = { path: '/', httpOnly: true, secure: true, sameSite: 'lax' } as const;

/** As in schemas.ts. */
const USER = /^[A-Za-z0-9_@-]{1,32}$/;

/** How users log in: with the passwords of our servers, and no slow hash. */
export function loginCheck(config: ServerConfig) {
  // Without their directory: these servers change no passwords.
  const { password, adminPassword } = config;
  const accounts = createAccounts({ password, adminPassword });
  /** The state of a new login, or why there is none. */
  return (body: unknown): State | 'bad_request' | 'bad_credentials' => {
    const { user, password: given } = (body ?? {}) as Record<string, unknown>;
    if (typeof user !== 'string' || !USER.test(user) || typeof given !== 'string') return 'bad_request';
    if (accounts.check(user, given) === undefined) return 'bad_credentials';
    const role = user === ADMIN_USER ? 'admin' : 'user';
    return { user, role, version: 1, data: payloadFor(user, 0, config.payloadBytes) };
  };
}

/** The state of a visitor. */
export const visitorState = ({ payloadBytes }: ServerConfig): State => ({
  user: null,
  role: 'user',
  version: 1,
  data: payloadFor('visitor0', 0, payloadBytes),
});

/** As in schemas.ts. */
const isVersion = (value: unknown) =>
  Number.isInteger(value) && (value as number) >= 1 && (value as number) <= 99_999_999;

/** The state with the data of an update; `undefined` when the body is wrong. A version is not compared with anything. */
export function updatedState(state: State, body: unknown): State | undefined {
  const { data, version = 1 } = (body ?? {}) as Record<string, unknown>;
  if (typeof data !== 'string' || !isVersion(version)) return undefined;
  return { ...state, data, version: state.version + 1 };
}

/** Longer than any balancer keeps an idle connection, as in app.ts. */
const KEEP_ALIVE_MS = 75_000;

/**
 * Serves as behind a proxy where TLS ends, for else these libraries set no Secure cookie, and names the server in every
 * reply as our servers do.
 */
export function behindProxy(server: Server, { id }: ServerConfig): Server {
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  return server.prependListener('request', ({ headers }: IncomingMessage, response: ServerResponse) => {
    headers['x-forwarded-proto'] = 'https';
    response.setHeader(SERVER_HEADER, id);
    response.setHeader('cache-control', 'no-store');
  });
}
