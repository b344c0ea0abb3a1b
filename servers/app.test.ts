import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { jwt } from '../stores/jwt.ts';
import { memory } from '../stores/memory.ts';
import { none } from '../stores/none.ts';
import {
  defaultOptions,
  type SessionStore,
  type StoreDefinition,
  StoreUnavailableError,
} from '../stores/store.ts';
import { createApp } from './app.ts';
import { parseServerConfig, type ServerConfig } from './config.ts';
import { ADMIN_USER, ORIGIN, payloadFor, SESSION_COOKIE } from './protocol.ts';
import { bearerTransport, cookieTransport, readCookie } from './session-plugin.ts';

/** The endpoints over real sockets; what each backend does behind them is the conformance suite's. */
const config: ServerConfig = parseServerConfig(
  JSON.stringify({
    id: 's1',
    store: 'memory',
    secret: 'x',
    password: 'right',
    adminPassword: 'root',
    loginCap: 3,
    onCap: 'refuse',
  }),
);
/** Any of the replies; which fields there are is what the tests assert. */
interface Body {
  user?: string | null;
  role?: string;
  data?: string;
  logins: { handle: string; current: boolean }[];
}

const closers: (() => Promise<void>)[] = [];
afterAll(async () => {
  for (const close of closers) await close();
});

async function serve(definition: StoreDefinition, change: Partial<SessionStore> = {}, bearer = false) {
  const transport = bearer ? bearerTransport() : cookieTransport();
  const errors: unknown[] = [];
  const opened = await definition.open({
    options: defaultOptions(definition),
    durability: 'second',
    namespace: 'test',
    poolSize: 1,
    idleSeconds: 600,
    absoluteSeconds: 3600,
    touchIntervalSeconds: 0,
    secret: new Uint8Array(32).fill(7),
    maxTokenBytes: transport.maxTokenBytes,
    controlData: (user) => payloadFor(user, 0, config.payloadBytes),
    now: Date.now,
    onBackgroundError: (error) => errors.push(error),
  });
  const store = { ...opened, ...change };
  const app = createApp({ config, store, transport, onError: (error) => errors.push(error) });
  closers.push(
    () => app.close(),
    () => opened.close(),
  ); // prettier-ignore
  const base = await app.listen({ host: '127.0.0.1', port: 0 });
  const call = async (
    method: string,
    path: string,
    token?: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ) => {
    const credentials: Record<string, string> =
      token === undefined
        ? {}
        : bearer
          ? { authorization: `Bearer ${token}` }
          : { cookie: `${SESSION_COOKIE}=${token}` };
    const json: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' };
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const reply = await fetch(base + path, {
      method,
      headers: { ...credentials, ...json, ...headers },
      ...(body === undefined ? {} : { body: text }),
    });
    const cookie = reply.headers.get('set-cookie');
    const issued = bearer
      ? reply.headers.get('x-session-token')
      : readCookie(cookie ?? undefined, SESSION_COOKIE);
    return {
      status: reply.status,
      body: (await reply.json()) as Body,
      headers: reply.headers,
      cookie,
      token: issued ?? '',
    };
  };
  const login = async (user = 'u1', password = 'right') =>
    call('POST', '/login', undefined, { user, password });
  return { call, login, errors };
}

describe('a session by cookie', () => {
  let server: Awaited<ReturnType<typeof serve>>;
  beforeAll(async () => {
    server = await serve(memory);
  });

  test('login issues a __Host- cookie, and says nothing of the token in the body', async () => {
    const { status, body, cookie, token } = await server.login('cookie1');
    expect([status, body]).toEqual([200, { user: 'cookie1', role: 'user' }]);
    expect(cookie).toMatch(/^__Host-id=[\w-]{43}; Path=\/; Secure; HttpOnly; SameSite=Lax$/);
    expect(JSON.stringify(body)).not.toContain(token);
  });

  test('read answers user, role, version and data; every reply names its server and is not stored', async () => {
    const { token } = await server.login('read1');
    const { body, headers } = await server.call('GET', '/session', token);
    expect(body).toEqual({ user: 'read1', role: 'user', version: 1, data: payloadFor('read1', 0, 256) });
    expect([headers.get('x-served-by'), headers.get('cache-control')]).toEqual(['s1', 'no-store']);
  });

  test('update replaces the data; a stale version is a conflict', async () => {
    const { token } = await server.login('update1');
    const first = await server.call('PATCH', '/session', token, { data: 'cart' });
    expect(first.body).toEqual({ user: 'update1', version: 2, bytes: 4 });
    expect((await server.call('PATCH', '/session', token, { data: 'x', version: 1 })).status).toBe(409);
    expect((await server.call('GET', '/session', token)).body.data).toBe('cart');
  });

  test('login takes an anonymous session over under a new id, and never that of another login', async () => {
    const visit = await server.call('POST', '/visit');
    expect((await server.call('GET', '/session', visit.token)).body.user).toBeNull();
    const login = await server.call('POST', '/login', visit.token, { user: 'fix1', password: 'right' });
    expect(login.token).not.toBe(visit.token);
    expect((await server.call('GET', '/session', visit.token)).status).toBe(401);
    await server.call('PATCH', '/session', login.token, { data: 'secret of fix1' });
    const other = await server.call('POST', '/login', login.token, { user: 'fix2', password: 'right' });
    expect((await server.call('GET', '/session', other.token)).body.data).toBe(payloadFor('fix2', 0, 256));
    expect((await server.call('GET', '/session', login.token)).status).toBe(401);
  });

  test('a client-chosen id is never adopted', async () => {
    const chosen = 'A'.repeat(43);
    const { token } = await server.call('POST', '/login', chosen, { user: 'chosen1', password: 'right' });
    expect(token).not.toBe(chosen);
    expect((await server.call('GET', '/session', chosen)).status).toBe(401);
  });

  test('rotate gives a new id and ends the old one', async () => {
    const { token } = await server.login('rotate1');
    const rotated = await server.call('POST', '/session/rotate', token);
    expect([rotated.status, rotated.token === token]).toEqual([200, false]);
    expect((await server.call('GET', '/session', token)).status).toBe(401);
    expect((await server.call('GET', '/session', rotated.token)).status).toBe(200);
  });

  test('logout ends the session and deletes the cookie under its own name and path', async () => {
    const { token } = await server.login('logout1');
    const { body, cookie } = await server.call('POST', '/logout', token);
    expect(body).toEqual({ status: 'logged_out' });
    expect(cookie).toBe('__Host-id=; Max-Age=0; Path=/; Secure; HttpOnly; SameSite=Lax');
    expect((await server.call('GET', '/session', token)).status).toBe(401);
    expect((await server.call('POST', '/logout')).status).toBe(200);
  });

  test('a user lists and ends own devices, the others, and all', async () => {
    const [a, b, c] = [await server.login('dev1'), await server.login('dev1'), await server.login('dev1')];
    const { logins } = (await server.call('GET', '/sessions', a.token)).body;
    expect(logins).toHaveLength(3);
    const others = logins.filter((login) => !login.current);
    expect(others).toHaveLength(2);
    expect((await server.call('DELETE', `/sessions/${others[0]?.handle}`, a.token)).body).toEqual({
      ended: 1,
    });
    expect((await server.call('DELETE', `/sessions/${others[0]?.handle}`, a.token)).status).toBe(404);
    expect((await server.call('POST', '/logout/others', a.token)).body).toEqual({ ended: 1 });
    for (const token of [b.token, c.token])
      expect((await server.call('GET', '/session', token)).status).toBe(401);
    expect((await server.call('POST', '/logout/all', a.token)).body).toEqual({ ended: 1 });
    expect((await server.call('GET', '/session', a.token)).status).toBe(401);
  });

  test('the limit on logins refuses the fourth', async () => {
    for (let i = 0; i < 3; i += 1) expect((await server.login('cap1')).status).toBe(200);
    expect((await server.login('cap1')).status).toBe(429);
  });

  test('an administrator ends and disables; a user may not', async () => {
    const user = await server.login('adm1');
    const admin = await server.login(ADMIN_USER, 'root');
    expect(admin.body.role).toBe('admin');
    expect((await server.call('POST', '/admin/users/adm1/revoke', user.token)).status).toBe(403);
    expect((await server.call('POST', '/admin/users/adm1/revoke')).status).toBe(401);
    expect((await server.call('POST', '/admin/users/adm1/revoke', admin.token)).body).toEqual({ ended: 1 });
    expect((await server.call('GET', '/session', user.token)).status).toBe(401);
    await server.call('POST', '/admin/users/adm1/disable', admin.token, { disabled: true });
    expect((await server.login('adm1')).status).toBe(403);
    await server.call('POST', '/admin/users/adm1/disable', admin.token, { disabled: false });
    expect((await server.login('adm1')).status).toBe(200);
  });

  test.each([
    ['u1', 'wrong'],
    ['u1', 'root'],
    ['u1', ''],
    ['u1', 'right\0'],
    ['u1', 'x'.repeat(128)],
    [ADMIN_USER, 'right'],
  ])('the credential %s / %j is refused', async (user, password) => {
    expect((await server.login(user, password)).status).toBe(401);
  }); // prettier-ignore

  test.each([
    ['POST', '/login', '{', 400],
    ['POST', '/login', '{"user":1,"password":"right"}', 400],
    ['POST', '/login', '{"user":"u1","password":"right","role":"admin"}', 400],
    ['POST', '/login', '{"user":"a b","password":"right"}', 400],
    ['POST', '/login', '{"__proto__":{"user":"u1"},"password":"right"}', 400],
    ['PATCH', '/session', JSON.stringify({ data: 'x'.repeat(70_000) }), 400],
    ['PATCH', '/session', JSON.stringify({ data: 'x'.repeat(600_000) }), 413],
    ['POST', '/nowhere', '{}', 404],
    ['POST', '/%zz', '{}', 400],
  ])('%s %s with a bad body is a clear 4xx', async (method, path, body, status) => {
    const reply = await server.call(method, path, undefined, body);
    expect(reply.status).toBe(status);
    expect(reply.body).toEqual({ error: expect.any(String) });
  });

  test.each([0, -1, 1.5, 100_000_000, 1e300])('the version %s is no version', async (version) => {
    const { token } = await server.login('version1');
    expect((await server.call('PATCH', '/session', token, { data: 'x', version })).status).toBe(400);
    await server.call('POST', '/logout', token);
  });

  test('half a surrogate pair is no text', async () => {
    const { token } = await server.login('half1');
    expect((await server.call('PATCH', '/session', token, '{"data":"\\ud800"}')).status).toBe(400);
    expect((await server.call('PATCH', '/session', token, '{"data":"\\ud83e\\udd8a"}')).status).toBe(200);
  });

  test('a foreign origin may not write; ours may', async () => {
    const { token } = await server.login('origin1');
    const patch = (origin: string) => server.call('PATCH', '/session', token, { data: 'x' }, { origin });
    expect((await patch('https://evil.test')).status).toBe(403);
    expect((await patch(ORIGIN)).status).toBe(200);
    expect(
      (await server.call('GET', '/session', token, undefined, { origin: 'https://evil.test' })).status,
    ).toBe(200);
  });
});

describe('a session by bearer token', () => {
  test('is issued in a header, and read from the Authorization header alone', async () => {
    const server = await serve(memory, {}, true);
    const { token, body, cookie } = await server.login();
    expect([body, cookie]).toEqual([{ user: 'u1', role: 'user' }, null]);
    expect((await server.call('GET', '/session', token)).status).toBe(200);
    const byCookie = { cookie: `${SESSION_COOKIE}=${token}` };
    expect((await server.call('GET', '/session', undefined, undefined, byCookie)).status).toBe(401);
    expect((await server.call('GET', `/session?id=${token}`)).status).toBe(401);
  });
});

describe('what a backend cannot do', () => {
  test('is 501, and a token that would not fit a cookie is 413 and changes nothing', async () => {
    const server = await serve(jwt);
    const { token } = await server.login();
    expect((await server.call('GET', '/sessions', token)).status).toBe(501);
    expect((await server.call('POST', '/logout/all', token)).status).toBe(501);
    expect((await server.call('PATCH', '/session', token, { data: 'x'.repeat(5000) })).status).toBe(413);
    const updated = await server.call('PATCH', '/session', token, { data: 'small' });
    expect((await server.call('GET', '/session', updated.token)).body).toMatchObject({
      data: 'small',
      version: 2,
    });
  });

  test('the control answers the same bytes as a backend', async () => {
    const [control, real] = [await serve(none), await serve(memory)];
    const bodies = await Promise.all(
      [control, real].map(
        async (server) => (await server.call('GET', '/session', (await server.login()).token)).body,
      ),
    );
    expect(bodies[0]).toEqual(bodies[1]);
  });
});

describe('a failing store', () => {
  test('is a 503 that says when to come back, never a miss', async () => {
    const read = () => Promise.reject(new StoreUnavailableError('read', new Error('down')));
    const server = await serve(memory, { read });
    const { token } = await server.login();
    const reply = await server.call('GET', '/session', token);
    expect([reply.status, reply.body]).toEqual([503, { error: 'store_unavailable' }]);
    expect(reply.headers.get('retry-after')).toBe('1');
    expect(server.errors).toHaveLength(1);
  });

  test('any other error is a 500 that tells the client nothing', async () => {
    const server = await serve(memory, { read: () => Promise.reject(new Error('secret detail')) });
    const reply = await server.call('GET', '/session', (await server.login()).token);
    expect([reply.status, reply.body]).toEqual([500, { error: 'internal' }]);
  });
});

test.each([
  [undefined, undefined],
  ['', undefined],
  ['__Host-id=a', 'a'],
  ['lb=s1; __Host-id=a; x=y', 'a'],
  ['x__Host-id=b; __Host-id=a', 'a'],
  ['__Host-id2=b', undefined],
  ['__Host-id=a; __Host-id=b', 'a'],
  ['__Host-id=', ''],
  [';;; __Host-id=a=b ;', 'a=b'],
])('the cookie in %j is %j', (header, value) => expect(readCookie(header, '__Host-id')).toBe(value));

test('a configuration that lacks something is named', () => {
  expect(() => parseServerConfig(undefined)).toThrow('SESSION_BENCH_SERVER');
  expect(() => parseServerConfig('{"id":"s1","store":"redis"}')).toThrow('secret, password, adminPassword');
});
