import type { Operation } from '../config/contract.ts';
import type { Credentials } from './client.ts';
import { keptPairs, setsCookie } from './cookies.ts';
import type { Dialect } from './dialect.ts';
import type { Operation as Act, LoadedContract } from './job.ts';
import { fieldIn, isName } from './json-field.ts';
import { bodyOf, filledPath, type Values } from './operation.ts';
import type { Check, LiveSession, PlannedRequest } from './scenarios.ts';

/** Digits of a user's number after those of its arm and block. */
const USER_DIGITS = 7;
/** What an update writes: the first bytes of it tell two updates of a session apart. */
const NEW_DATA = 'session-bench';

/**
 * The dialect of an external site, by its contract. A login is any 2xx or redirect that sets the cookie, a logout and an
 * update are any 2xx or redirect, and a read is a 2xx that names the same user as the session's first read.
 */
export function siteDialect(site: LoadedContract, target: string): Dialect {
  const { operations, fields, users, userBase, password, cookie } = site;
  const base = new URL(target).pathname.replace(/\/$/, '');

  function request(act: Act, credentials: Credentials, check: Check, values: Values = {}): PlannedRequest {
    const operation = operations[act] as Operation;
    const { body, headers = {} } = bodyOf(operation, values);
    const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
    const writes = operation.method !== 'GET';
    return {
      operation: act,
      method: operation.method,
      path: base + filledPath(operation.path, values),
      headers: {
        ...site.headers,
        ...(writes && site.origin !== undefined ? { origin: site.origin } : {}),
        ...(text === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
        ...credentials,
      },
      ...(text === undefined ? {} : { body: text }),
      check,
    };
  }
  /** Of a login, and of a visit. */
  const begins: Check = (status, _, headers) => isDone(status) && setsCookie(linesIn(headers()), cookie);
  const read = (credentials: Credentials, check: Check) => request('read', credentials, check);

  return {
    userName(number) {
      if (typeof users !== 'string') return users[number % users.length] as string;
      return users.replace('{n}', `${userBase}${String(number).padStart(USER_DIGITS, '0')}`);
    },
    login: (user) => request('login', {}, begins, { user, password }),
    read: ({ credentials, shows }) => ({
      ...read(credentials, (status, body) => isSuccess(status) && fieldIn(body, fields.user) === shows),
      isPure: true,
    }),
    firstRead: ({ credentials }, show) =>
      read(credentials, (status, body) => {
        const shown = fieldIn(body, fields.user);
        const isRight = isSuccess(status) && isName(shown);
        if (isRight) show(shown);
        return isRight;
      }),
    update: ({ user, credentials }: LiveSession) =>
      request('update', credentials, isDone, { data: `${NEW_DATA} ${user}` }),
    logout: ({ credentials }) => request('logout', credentials, isDone),
    visit: () => request('visit', {}, begins),
    credentials(raw) {
      const lines = linesIn(raw);
      if (!setsCookie(lines, cookie))
        throw new Error(`expected the cookie ${cookie} in the reply to a login or a visit, got none`);
      return { cookie: keptPairs(lines).join('; ') };
    },
  };
}

const isSuccess = (status: number) => status >= 200 && status < 300;
const isDone = (status: number) => status >= 200 && status < 400;

/** The lines of Set-Cookie among raw headers. */
const linesIn = (raw: readonly string[]) =>
  raw.filter((_, index) => index % 2 === 1 && raw[index - 1]?.toLowerCase() === 'set-cookie');
