import { z } from 'zod';
import { COOKIE_LIMIT_BYTES, ORIGIN, SESSION_COOKIE } from '../../servers/protocol.ts';
import type { Traits } from '../../stores/traits.ts';
import type { Wire } from './wire.ts';

/**
 * The endpoints of a site, as data, so that the checks can run against an external server. In paths and bodies
 * `{user}`, `{password}`, `{next}`, `{data}`, `{version}`, `{handle}` and `{disabled}` are placeholders; a body is
 * JSON, whose fields may be nested, or a form.
 */

type Value = string | number | boolean | { [field: string]: Value };
const value: z.ZodType<Value> = z.lazy(() =>
  z.union([z.string(), z.number(), z.boolean(), z.record(z.string(), value)]),
);

const matching = (pattern: RegExp, expected: string) => z.string().regex(pattern, `expected ${expected}`);

/** A name in HTTP (RFC 9110 §5.6.2), of a header or a cookie. */
const token = matching(/^[\w!#$%&'*+.^`|~-]+$/, 'a name of letters, digits and -');
const headerValue = matching(/^[\t\x20-\x7e\x80-\xff]*$/, 'text without line breaks');
/** One that begins with two slashes would name another site. */
const path = matching(
  /^\/(?![/\\])[\x21\x22\x24-\x7e]*$/,
  'a path that begins with one /, in ASCII, percent-encoded, without #',
);

const operation = z.strictObject({
  method: z.enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']),
  path,
  body: z.record(z.string(), value).optional(),
  /** `form` sends the body as a form of HTML does. */
  encoding: z.enum(['json', 'form']).optional(),
});
export type Operation = z.infer<typeof operation>;

const traits = z.strictObject({
  state: z.enum(['nowhere', 'server', 'store', 'client', 'client-and-store']),
  shared: z.boolean(),
  survivesServerRestart: z.boolean(),
  survivesStoreCrash: z.boolean().optional(),
  expiry: z.enum(['idle-and-absolute', 'none']),
  compareAndSwap: z.boolean(),
  userIndex: z.boolean(),
  revocation: z.enum(['immediate', 'bounded', 'at-refresh', 'at-expiry', 'never']),
  revocationBoundMs: z.number().int().positive().max(60_000).optional(),
  endsAllLogins: z.boolean().optional(),
  rotationEndsOld: z.boolean(),
  clientReadable: z.boolean(),
  dataInToken: z.boolean(),
  refresh: z.enum(['none', 'rotating']).default('none'),
  verifyCache: z.boolean().default(false),
});

/** What most sites with a cookie and a store have: a first guess for a contract. */
export const COMMON_TRAITS = {
  state: 'store',
  shared: true,
  survivesServerRestart: true,
  expiry: 'idle-and-absolute',
  compareAndSwap: false,
  userIndex: false,
  revocation: 'immediate',
  rotationEndsOld: true,
  clientReadable: false,
  dataInToken: false,
} as const satisfies z.input<typeof traits>;

/** The endpoints of our servers. Password and names of users are those of the run. */
const OWN_OPERATIONS = {
  visit: { method: 'POST', path: '/visit' },
  login: { method: 'POST', path: '/login', body: { user: '{user}', password: '{password}' } },
  read: { method: 'GET', path: '/session' },
  update: { method: 'PATCH', path: '/session', body: { data: '{data}', version: '{version}' } },
  rotate: { method: 'POST', path: '/session/rotate' },
  logout: { method: 'POST', path: '/logout' },
  list: { method: 'GET', path: '/sessions' },
  endLogin: { method: 'DELETE', path: '/sessions/{handle}' },
  logoutOthers: { method: 'POST', path: '/logout/others' },
  logoutAll: { method: 'POST', path: '/logout/all' },
  revoke: { method: 'POST', path: '/admin/users/{user}/revoke' },
  disable: { method: 'POST', path: '/admin/users/{user}/disable', body: { disabled: '{disabled}' } },
  password: { method: 'POST', path: '/password', body: { current: '{password}', next: '{next}' } },
  refresh: { method: 'POST', path: '/token/refresh' },
  csrf: { method: 'GET', path: '/csrf' },
} as const satisfies Readonly<Record<string, Operation>>;

export type OperationName = keyof typeof OWN_OPERATIONS;
const OPERATIONS = Object.keys(OWN_OPERATIONS) as OperationName[];

/** The largest limit of logins that the checks reach. */
const MOST_LOGINS = 1_000;

/** The operations that any check needs. */
const NEEDED = ['login', 'read', 'logout'] as const satisfies readonly OperationName[];
type Operations = Partial<Record<OperationName, Operation>> & Record<(typeof NEEDED)[number], Operation>;

export const contractSchema = z.strictObject({
  /** For editors: docs/contract.schema.json. */
  $schema: z.string().optional(),
  /** Name in the matrix. */
  name: matching(/^[^\p{C}]+$/u, 'text without control characters').max(40),
  /** The session cookie, and that of refresh tokens if there is one. */
  cookie: token,
  refreshCookie: token.optional(),
  /** Sent with every request that changes state. */
  origin: headerValue.optional(),
  /** Request header for the token of `csrf`, which its reply returns in the field `token`. */
  csrfHeader: token.optional(),
  operations: z
    .partialRecord(z.enum(OPERATIONS), operation)
    .refine((given) => NEEDED.every((name) => given[name] !== undefined), {
      message: `operations must hold ${NEEDED.join(', ')}`,
    })
    .transform((given) => given as Operations),
  /** Fields of the reply to `read`, dots for nesting. */
  fields: z.strictObject({
    user: z.string().min(1),
    data: z.string().optional(),
    version: z.string().optional(),
  }),
  /** A pattern with `{n}`, a number that is never reused, where any name may log in; else a list of names. */
  users: z.union([z.string().includes('{n}'), z.array(z.string()).min(1)]),
  password: z.string(),
  admin: z.strictObject({ user: z.string(), password: z.string() }).optional(),
  /** The Host header, where the name of the site is not that of the target. */
  host: matching(/^[\w.:[\]-]+$/, 'a name, with its port where it has one').optional(),
  /** Sent with every request. */
  headers: z.record(token, headerValue).optional(),
  /** The most requests that are sent to the site in a second. */
  requestsPerSecond: z.number().min(0.01).optional(),
  /**
   * Where a site at https is served over plain HTTP, such as `http://shop.example`; false: nowhere. Absent: port 80 of
   * a site at port 443.
   */
  plainHttp: z.union([z.url({ protocol: /^http$/ }), z.literal(false)]).optional(),
  /** The servers behind the target, if they can be addressed. */
  servers: z.array(z.url({ protocol: /^https?$/ })).default([]),
  affinity: z.enum(['sticky', 'round-robin']).default('round-robin'),
  loginCap: z.number().int().min(1).max(MOST_LOGINS).optional(),
  failedLoginLimit: z.number().int().min(1).max(MOST_LOGINS).optional(),
  /** The declared properties of the site, from which the expectations follow. */
  traits,
});

export type Contract = Omit<z.infer<typeof contractSchema>, 'traits'> & {
  traits: Traits;
  foreign?: Foreign;
  wire?: Wire;
  /** Absent: cookies. Ours alone speak the other one. */
  transport?: 'bearer';
};

/** How an external site replies, in addition to what its contract says. */
export interface Foreign {
  /** A read without a session succeeds, and describes nobody. */
  readsNobody: boolean;
  /** The status with which it refuses a read without a session, from 400 to 499; absent where it does not. */
  refusal?: number;
  /** The path to which it redirects a read without a session; absent where it does not. */
  refusedTo?: string;
  /** A read shows something else than the name that logged in, such as a number. */
  showsOther?: boolean;
}

/** An external site under load. */
export interface LoadedSite {
  /** Without user and password, and without a slash at its end. */
  url: string;
  contract: Contract;
}

export const OWN_CONTRACT = {
  cookie: SESSION_COOKIE,
  refreshCookie: '__Host-refresh',
  origin: ORIGIN,
  csrfHeader: 'x-csrf-token',
  operations: OWN_OPERATIONS,
  fields: { user: 'user', data: 'data', version: 'version' },
  users: 'c{n}',
} as const satisfies Partial<Contract>;

const { visit, login, read, update, rotate, logout } = OWN_OPERATIONS;

/** Of a library on the endpoints of our servers: it knows no logins of a user. */
export const LIBRARY_CONTRACT = {
  cookie: SESSION_COOKIE,
  origin: ORIGIN,
  operations: { visit, login, read, update, rotate, logout },
  fields: OWN_CONTRACT.fields,
  users: 'c{n}',
} as const satisfies Partial<Contract>;

/** Maximum bytes of `name=value` that a browser stores. */
export const COOKIE_BYTES = COOKIE_LIMIT_BYTES;
