import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { jwt } from '../stores/jwt/backend.ts';
import { memory } from '../stores/memory/backend.ts';
import { none } from '../stores/none/backend.ts';
import { StoreUnavailableError } from '../stores/store.ts';
import { closeServers, serve } from './app-fixture.ts';
import { parseServerConfig } from './config.ts';
import { ADMIN_USER, payloadFor, SESSION_COOKIE } from './protocol.ts';
import { readCookie } from './session-plugin.ts';

afterAll(closeServers);

describe('a session by cookie', () => {
  let server: Awaited<ReturnType<typeof serve>>;
  beforeAll(async () => {
    server = await serve(memory);
  });

  test('login issues a __Host- cookie, and says nothing of the token in the body', async () => {
    const { status, body, cookies, token } = await server.login('cookie1');
    expect([status, body]).toEqual([200, { user: 'cookie1', role: 'user' }]);
    expect(cookies).toEqual([
      expect.stringMatching(/^__Host-id=[\w-]{43}; Path=\/; Secure; HttpOnly; SameSite=Lax$/),
    ]);
    expect(JSON.stringify(body)).not.toContain(token);
  });

  test('read returns user, role, version and data; every reply names its server and is not stored', async () => {
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
    const { body, cookies } = await server.call('POST', '/logout', token);
    expect(body).toEqual({ status: 'logged_out' });
    expect(cookies).toEqual([
      '__Host-id=; Max-Age=0; Path=/; Secure; HttpOnly; SameSite=Lax',
      '__Host-refresh=; Max-Age=0; Path=/; Secure; HttpOnly; SameSite=Lax',
    ]);
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

  test('an administrator cannot be disabled, for no other user could undo it', async () => {
    const { token } = await server.login(ADMIN_USER, 'root');
    const disable = (disabled: boolean) =>
      server.call('POST', `/admin/users/${ADMIN_USER}/disable`, token, { disabled });
    const refused = await disable(true);
    expect([refused.status, refused.body]).toEqual([403, { error: 'forbidden' }]);
    expect((await server.call('GET', '/session', token)).status).toBe(200);
    expect((await disable(false)).status).toBe(200);
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

  test('a token in the query or the body is ignored', async () => {
    const { token } = await server.login('elsewhere1');
    for (const name of ['id', 'token', SESSION_COOKIE])
      expect((await server.call('GET', `/session?${name}=${token}`)).status).toBe(401);
    const body = { id: token, token, [SESSION_COOKIE]: token };
    expect((await server.call('POST', '/session/rotate', undefined, body)).status).toBe(401);
    expect((await server.call('POST', '/logout', undefined, body)).status).toBe(200);
    expect((await server.call('GET', '/session', token)).status).toBe(200);
  });
});

describe('a session by bearer token', () => {
  test('is issued in a header, and read from the Authorization header alone', async () => {
    const server = await serve(memory, { bearer: true });
    const { token, body, cookies } = await server.login();
    expect([body, cookies]).toEqual([{ user: 'u1', role: 'user' }, []]);
    expect((await server.call('GET', '/session', token)).status).toBe(200);
    const byCookie = { cookie: `${SESSION_COOKIE}=${token}` };
    expect((await server.call('GET', '/session', undefined, undefined, byCookie)).status).toBe(401);
    expect((await server.call('GET', `/session?id=${token}`)).status).toBe(401);
  });
});

describe('what a backend cannot do', () => {
  const UNSUPPORTED = { status: 501, body: { error: 'unsupported_by_backend' } };

  test('is 501, and a token that would not fit a cookie is 413 and changes nothing', async () => {
    const server = await serve(jwt);
    const { token } = await server.login();
    for (const [method, path] of [
      ['GET', '/sessions'],
      ['DELETE', '/sessions/any'],
      ['POST', '/logout/others'],
      ['POST', '/logout/all'],
      ['POST', '/token/refresh'],
    ] as const)
      expect(await server.call(method, path, token), path).toMatchObject(UNSUPPORTED);
    const admin = (await server.login('admin000', 'root')).token;
    const [revoke, disable] = ['/admin/users/u1/revoke', '/admin/users/u1/disable'];
    expect(await server.call('POST', revoke, admin)).toMatchObject(UNSUPPORTED);
    expect(await server.call('POST', disable, admin, { disabled: true })).toMatchObject(UNSUPPORTED);
    expect((await server.call('POST', revoke, token)).status).toBe(403);
    expect((await server.call('PATCH', '/session', token, { data: 'x'.repeat(5000) })).status).toBe(413);
    const updated = await server.call('PATCH', '/session', token, { data: 'small' });
    expect((await server.call('GET', '/session', updated.token)).body).toMatchObject({
      data: 'small',
      version: 2,
    });
  });

  test('the control replies the same bytes as a backend', async () => {
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
    const server = await serve(memory, { store: { read } });
    const { token } = await server.login();
    const reply = await server.call('GET', '/session', token);
    expect([reply.status, reply.body]).toEqual([503, { error: 'store_unavailable' }]);
    expect(reply.headers.get('retry-after')).toBe('1');
    expect(server.errors).toHaveLength(1);
  });

  test('any other error is a 500 that reveals nothing', async () => {
    const server = await serve(memory, {
      store: { read: () => Promise.reject(new Error('secret detail')) },
    });
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
  expect(() => parseServerConfig('{"password":"hush"')).toThrow(/^SESSION_BENCH_SERVER must hold JSON$/);
  expect(() => parseServerConfig('{"id":"s1","store":"redis"}')).toThrow('secret, password, adminPassword');
});
