/** JSON schemas of bodies and replies, the same for every backend; fastify compiles them once. */

const text = { type: 'string' } as const;
const integer = { type: 'integer' } as const;
const object = <T extends object>(properties: T, required = Object.keys(properties)) =>
  ({ type: 'object', additionalProperties: false, required, properties }) as const;

/** User names in bodies and paths: short, and without special characters. */
const userId = { type: 'string', pattern: '^[A-Za-z0-9_@-]{1,32}$' } as const;

const error = object({ error: text });
const errors = { '4xx': error, '5xx': error } as const;
const replies = <T extends object>(properties: T) => ({ 200: object(properties), ...errors });

/** Length is the only requirement for a password (NIST SP 800-63B §3.1.1.2). */
const newPassword = { type: 'string', minLength: 8, maxLength: 128 } as const;

/** Versions count from 1; every store can keep eight digits. */
const version = { type: 'integer', minimum: 1, maximum: 99_999_999 } as const;

const user = { type: ['string', 'null'] } as const;
const login = object({ handle: text, created_at_ms: integer, current: { type: 'boolean' } });
const ended = replies({ ended: integer });

export const SCHEMAS = {
  healthz: { response: replies({ status: text }) },
  visit: { response: replies({ user }) },
  login: {
    body: object({ user: userId, password: { type: 'string', maxLength: 128 } }),
    response: replies({ user: text, role: text }),
  },
  inner: { response: replies({ user }) },
  read: { response: replies({ user, role: text, version: integer, data: text }) },
  update: {
    body: object({ data: { type: 'string', maxLength: 65_536 }, version }, ['data']),
    response: replies({ user, version: integer, bytes: integer }),
  },
  rotate: { response: replies({ user, role: text }) },
  logout: { response: replies({ status: text }) },
  list: { response: replies({ logins: { type: 'array', items: login } }) },
  endLogin: {
    params: object({ handle: { type: 'string', pattern: '^[A-Za-z0-9_-]{1,64}$' } }),
    response: ended,
  },
  endLogins: { response: ended },
  refresh: { response: replies({ status: text }) },
  csrf: { response: replies({ token: text }) },
  password: {
    body: object({ current: { type: 'string', maxLength: 128 }, next: newPassword }),
    response: replies({ ended: { type: ['integer', 'null'] } }),
  },
  admin: { params: object({ id: userId }), response: ended },
  disable: {
    params: object({ id: userId }),
    body: object({ disabled: { type: 'boolean' } }),
    response: ended,
  },
} as const;
