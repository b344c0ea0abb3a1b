import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { COOKIE_LIMIT_BYTES, ORIGIN, SESSION_COOKIE } from '../../servers/protocol.ts';
import type { Traits } from '../../stores/traits.ts';
import { messageOf } from '../errors.ts';
import { quoted, usage } from './values.ts';
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

const operation = z.strictObject({
  method: z.enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']),
  path: z.string().startsWith('/'),
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
  revocation: z.enum(['immediate', 'bounded', 'at-expiry', 'never']),
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

/** The operations that any check needs. */
const NEEDED = ['login', 'read', 'logout'] as const satisfies readonly OperationName[];
type Operations = Partial<Record<OperationName, Operation>> & Record<(typeof NEEDED)[number], Operation>;

export const contractSchema = z.strictObject({
  /** For editors: docs/contract.schema.json. */
  $schema: z.string().optional(),
  /** Name in the matrix. */
  name: z.string().min(1).max(40),
  /** The session cookie, and that of refresh tokens if there is one. */
  cookie: z.string().min(1),
  refreshCookie: z.string().min(1).optional(),
  /** Sent with every request that changes state. */
  origin: z.string().optional(),
  /** Request header for the token of `csrf`, which its reply returns in the field `token`. */
  csrfHeader: z.string().optional(),
  operations: z
    .partialRecord(z.enum(OPERATIONS), operation)
    .refine((given) => NEEDED.every((name) => given[name] !== undefined), {
      message: `operations must hold ${NEEDED.join(', ')}`,
    })
    .transform((given) => given as Operations),
  /** Fields of the reply to `read`, dots for nesting. */
  fields: z.strictObject({
    user: z.string(),
    data: z.string().optional(),
    version: z.string().optional(),
  }),
  /** A pattern with `{n}`, a number that is never reused, where any name may log in; else a list of names. */
  users: z.union([z.string().includes('{n}'), z.array(z.string()).min(1)]),
  password: z.string(),
  admin: z.strictObject({ user: z.string(), password: z.string() }).optional(),
  /** The Host header, where the name of the site is not that of the target. */
  host: z.string().min(1).optional(),
  /** Sent with every request. */
  headers: z.record(z.string(), z.string()).optional(),
  /** The most requests that are sent to the site in a second. */
  requestsPerSecond: z.number().positive().optional(),
  /**
   * Where a site at https is served over plain HTTP, such as `http://shop.example`; false: nowhere. Absent: port 80 of
   * a site at port 443.
   */
  plainHttp: z.union([z.url({ protocol: /^http$/ }), z.literal(false)]).optional(),
  /** The servers behind the target, if they can be addressed. */
  servers: z.array(z.url()).default([]),
  affinity: z.enum(['sticky', 'round-robin']).default('round-robin'),
  loginCap: z.number().int().min(1).optional(),
  failedLoginLimit: z.number().int().min(1).optional(),
  /** The declared properties of the site, from which the expectations follow. */
  traits,
});

export type Contract = Omit<z.infer<typeof contractSchema>, 'traits'> & {
  traits: Traits;
  foreign?: Foreign;
  wire?: Wire;
};

/** How an external site replies, in addition to what its contract says. */
export interface Foreign {
  /** A read without a session succeeds, and describes nobody. */
  readsNobody: boolean;
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

/** Maximum bytes of `name=value` that a browser stores. */
export const COOKIE_BYTES = COOKIE_LIMIT_BYTES;

/** @throws BenchError USAGE for the first field that is wrong. */
export function readContract(path: string): Contract {
  let given: unknown;
  try {
    given = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw usage(`a contract as JSON in ${quoted(path)}`, messageOf(error), 'Correct --contract.');
  }
  const parsed = contractSchema.safeParse(given);
  if (parsed.success) {
    const { survivesStoreCrash, ...traits } = parsed.data.traits;
    return { ...parsed.data, traits: { ...traits, survivesStoreCrash } };
  }
  const [issue] = parsed.error.issues as z.core.$ZodIssue[];
  const where = issue?.path.join('.') || 'the whole';
  throw usage(
    `a contract in ${quoted(path)} whose fields are those of docs/conformance.md`,
    `${where}: ${issue?.message ?? 'something else'}`,
    'Correct the file.',
  );
}
