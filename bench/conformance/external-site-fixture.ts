import { randomBytes } from 'node:crypto';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { COMMON_TRAITS } from '../config/contract.ts';

/** A small external site for tests: correct, in the manners of many sites. */

/** How a small, correct external site replies. */
export interface Site {
  ok?: number;
  anonymous?: number;
  base?: string;
  host?: string;
  /** A header that its gateway wants. */
  key?: string;
  /** The status of its first replies to a read. */
  first?: number[];
  /** What a read without a session describes. */
  stranger?: unknown;
  /** A read shows this of a user instead of the name: a number, or another name. */
  shows?: 'number' | 'other';
  /** Users log in by an address, in which the contract puts the name. */
  byAddress?: boolean;
  /** Where a refused login gets a cookie as well. */
  cookieForAll?: boolean;
  /** Where logins and refusals redirect to, instead of a status. */
  redirects?: boolean;
  form?: boolean;
  nested?: boolean;
  hashMs?: number;
  password?: string;
  /** Every write has a body of JSON, and one of another type is refused. */
  jsonOnly?: boolean;
  /** It lets every origin write, by its reply to a preflight. */
  grants?: boolean;
  /** What a path that is not there gets: a page that repeats the URL, and may be stored. */
  echoes?: boolean;
  /** Where a logout sets another cookie instead of deleting it, and its Path. */
  replacesAt?: string;
  /** What a login that is not understood gets, instead of JSON. */
  page?: string;
  /** It sets the cookie again with every reply to its holder. */
  rolling?: boolean;
  /** Which replies may not be stored; by default all. */
  noStore?: 'reads' | 'none';
  /** After this many logins it refuses the next one with this Retry-After; without one, all later ones. */
  limit?: { logins: number; retryAfter?: string };
  requestsPerSecond?: number;
  /** It takes notes, which its contract calls an update. */
  takesNotes?: boolean;
  /** After this many reads it shows somebody else. */
  mixesUpAfter?: number;
  /** It speaks TLS. */
  tls?: { key: string; cert: string };
  /** Its Strict-Transport-Security. */
  hsts?: string | string[];
  /** Where its contract says that plain HTTP is. */
  plainHttp?: string | false;
  /** Where it listens, if not on the loopback. */
  at?: string;
}

const servers: Server[] = [];

export function closeSites(): void {
  for (const server of servers.splice(0)) server.close().closeAllConnections();
}

/** Its address, which closeSites ends. */
export function openSite(options: Site): Promise<string> {
  const { ok = 200, anonymous = 401, base = '', host, redirects = false, hashMs = 0, limit, key } = options;
  const { at = '127.0.0.1' } = options;
  const first = [...(options.first ?? [])];
  const sessions = new Map<string, string>();
  let [logins, reads] = [0, 0];
  const answerTo: RequestListener = (request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const sid = /(?:^|; )sid=([\w-]{22})(?:;|$)/.exec(request.headers.cookie ?? '')?.[1] ?? '';
      const answer = (status: number, body: object, headers: Record<string, string> = {}) => {
        if (options.hsts !== undefined) response.setHeader('strict-transport-security', options.hsts);
        const isRead = request.url === `${base}/api/me`;
        const mayStore = options.noStore === 'none' || (options.noStore === 'reads' && !isRead);
        const common = {
          'content-type': 'application/json',
          ...(mayStore ? {} : { 'cache-control': 'no-store' }),
          ...(options.rolling === true && sessions.has(sid)
            ? { 'set-cookie': `sid=${sid}; HttpOnly; Path=/; SameSite=Lax` }
            : {}),
        };
        response.writeHead(status, { ...common, ...headers }).end(status === 204 ? '' : JSON.stringify(body));
      };
      // As a gateway that knows no such name.
      if (host !== undefined && request.headers.host !== host) return answer(503, {});
      if (key !== undefined && request.headers['x-key'] !== key) return answer(503, {});
      const { url = '', method, headers } = request;
      const paths = ['login', 'logout', 'me'].map((name) => `${base}/api/${name}`);
      if (options.echoes === true && !paths.includes(url))
        return response.writeHead(404, { 'content-type': 'text/html' }).end(`Cannot ${method} ${url}`);
      if (!url.startsWith(`${base}/api/`)) return answer(404, {});
      if (method === 'OPTIONS') {
        if (options.grants !== true) return answer(405, {});
        return answer(204, {}, grantsFor(headers.origin ?? ''));
      }
      if (options.jsonOnly === true && method === 'POST' && headers['content-type'] !== 'application/json')
        return answer(415, {});
      const what = url.slice(base.length + 5);
      if (what === 'note' && options.takesNotes === true) {
        if (sessions.has(sid)) return answer(204, {});
        return answer(
          redirects ? 303 : anonymous === 200 ? 401 : anonymous,
          {},
          { location: '/login?next=note' },
        );
      }
      if (what !== 'me' && method !== 'POST') return answer(404, {});
      const done = redirects ? 303 : ok;
      const refused = redirects ? 303 : 401;
      if (what === 'login') {
        if (limit !== undefined && logins >= limit.logins) {
          if (limit.retryAfter === undefined) return answer(429, {});
          logins = 0;
          return answer(429, {}, { 'retry-after': limit.retryAfter });
        }
        logins += 1;
        const given = credentialsOf(Buffer.concat(parts).toString(), options);
        if (given === undefined) {
          if (options.page === undefined) return answer(400, {});
          return response.writeHead(400, { 'content-type': 'text/html' }).end(options.page);
        }
        if (given.password !== 'pw') {
          const sid = randomBytes(16).toString('base64url');
          const cookie =
            options.cookieForAll === true ? { 'set-cookie': `sid=${sid}; HttpOnly; Path=/` } : {};
          return answer(refused, {}, { location: '/login?failed', ...cookie });
        }
        sessions.delete(sid);
        const id = randomBytes(16).toString('base64url');
        return void setTimeout(() => {
          sessions.set(id, given.user);
          const cookie = `sid=${id}; HttpOnly; Path=/; SameSite=Lax`;
          answer(done, {}, { 'set-cookie': cookie, location: '/' });
        }, hashMs);
      }
      if (what === 'logout') {
        sessions.delete(sid);
        const other = `sid=${randomBytes(16).toString('base64url')}; HttpOnly; Path=${options.replacesAt}`;
        const cookie = options.replacesAt === undefined ? 'sid=; Max-Age=0; Path=/' : other;
        return answer(done, {}, { 'set-cookie': cookie, location: '/' });
      }
      const status = first.shift();
      if (status !== undefined) return answer(status, {}, { 'retry-after': '0' });
      if (sessions.has(sid)) {
        reads += 1;
        const isMixedUp = reads > (options.mixesUpAfter ?? Number.POSITIVE_INFINITY);
        return answer(200, { user: isMixedUp ? 'somebody' : shownOf(sessions.get(sid) ?? '', options) });
      }
      return answer(redirects ? 303 : anonymous, { user: options.stranger ?? null }, { location: '/login' });
    });
  };
  const server = options.tls === undefined ? createServer(answerTo) : createTlsServer(options.tls, answerTo);
  servers.push(server);
  return new Promise((resolve) => {
    server.listen(0, at, () => {
      const { port } = server.address() as { port: number };
      resolve(`http${options.tls === undefined ? '' : 's'}://${at}:${port}${base}`);
    });
  });
}

/** What a read shows of a user: another one of each. */
const shownOf = (user: string, { shows }: Site) =>
  shows === undefined ? user : shows === 'number' ? Number(user.replace(/\D/g, '')) : `Name of ${user}`;

/** The reply to a preflight that lets this origin do everything. */
const grantsFor = (origin: string) => ({
  'access-control-allow-origin': origin,
  'access-control-allow-credentials': 'true',
  'access-control-allow-methods': 'POST',
  'access-control-allow-headers': 'content-type',
});

function credentialsOf(text: string, site: Site): { user: string; password: string } | undefined {
  const given = writtenCredentials(text, site);
  if (given === undefined || site.byAddress !== true) return given;
  const [, name] = /^(.+)@shop\.example$/.exec(given.user) ?? [];
  return name === undefined ? undefined : { ...given, user: name };
}

function writtenCredentials(
  text: string,
  { form, nested }: Site,
): { user: string; password: string } | undefined {
  if (form) {
    const fields = new URLSearchParams(text);
    const named = (name: string) => fields.get(nested ? `credentials[${name}]` : name) ?? '';
    return { user: named('user'), password: named('password') };
  }
  try {
    const body = JSON.parse(text);
    const given = nested ? body?.credentials : body;
    return typeof given?.user === 'string' && typeof given.password === 'string' ? given : undefined;
  } catch {
    return undefined;
  }
}

/** Its contract. */
export const contractFor = (site: Site) => {
  const {
    host,
    form,
    nested,
    password = 'pw',
    requestsPerSecond,
    key,
    takesNotes,
    plainHttp,
    jsonOnly,
    byAddress,
  } = site;
  const fields = { user: byAddress ? '{user}@shop.example' : '{user}', password: '{password}' };
  const body = nested ? { credentials: fields } : fields;
  return {
    name: 'theirs',
    cookie: 'sid',
    users: 'u{n}',
    password,
    ...(host === undefined ? {} : { host }),
    ...(plainHttp === undefined ? {} : { plainHttp }),
    ...(key === undefined ? {} : { headers: { 'x-key': key } }),
    ...(requestsPerSecond === undefined ? {} : { requestsPerSecond }),
    fields: { user: 'user' },
    operations: {
      login: { method: 'POST', path: '/api/login', body, ...(form ? { encoding: 'form' } : {}) },
      read: { method: 'GET', path: '/api/me' },
      logout: { method: 'POST', path: '/api/logout', ...(jsonOnly ? { body: {} } : {}) },
      ...(takesNotes ? { update: { method: 'PUT', path: '/api/note', body: { note: '{data}' } } } : {}),
    },
    traits: { ...COMMON_TRAITS, state: 'server', survivesServerRestart: false, expiry: 'none' },
  };
};
