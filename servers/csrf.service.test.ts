import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { memory } from '../stores/memory/backend.ts';
import { StoreUnavailableError } from '../stores/store.ts';
import { closeServers, serve } from './app-fixture.ts';
import { ORIGIN, REFRESH_COOKIE, SESSION_COOKIE } from './protocol.ts';

afterAll(closeServers);

type Headers = Record<string, string | undefined>;
/** What a browser sends that is too old to name where a request comes from. */
const OLD: Headers = { origin: undefined };

describe('a write by cookie', () => {
  let server: Awaited<ReturnType<typeof serve>>;
  let token = '';
  beforeAll(async () => {
    server = await serve(memory);
    token = (await server.login('csrf1')).token;
  });
  const write = async (headers: Headers) => {
    const { status, body } = await server.call('PATCH', '/session', token, { data: 'x' }, headers);
    return [status, body.error];
  };
  const csrfToken = async (of: string) => (await server.call('GET', '/csrf', of)).body.token;

  test.each([
    [{ origin: ORIGIN }, 200, undefined],
    [{ origin: ORIGIN, 'sec-fetch-site': 'cross-site' }, 200, undefined],
    [{ origin: 'https://evil.test' }, 403, 'foreign_origin'],
    [{ origin: 'https://evil.test', 'sec-fetch-site': 'same-origin' }, 403, 'foreign_origin'],
    [{ origin: `${ORIGIN}.evil.test` }, 403, 'foreign_origin'],
    [{ origin: ORIGIN.replace('https', 'http') }, 403, 'foreign_origin'],
    [{ origin: 'null' }, 403, 'foreign_origin'],
    [{ origin: '' }, 403, 'foreign_origin'],
    [{ ...OLD, 'sec-fetch-site': 'same-origin' }, 200, undefined],
    [{ ...OLD, 'sec-fetch-site': 'none' }, 200, undefined],
    [{ ...OLD, 'sec-fetch-site': 'same-site' }, 403, 'foreign_origin'],
    [{ ...OLD, 'sec-fetch-site': 'cross-site' }, 403, 'foreign_origin'],
    [OLD, 403, 'csrf_token_missing'],
    [{ ...OLD, 'x-csrf-token': '' }, 403, 'csrf_token_wrong'],
    [{ ...OLD, 'x-csrf-token': 'A'.repeat(43) }, 403, 'csrf_token_wrong'],
  ])('with %j is answered with %i %s', async (headers, status, error) => {
    expect(await write(headers)).toEqual([status, error]);
  });

  test('an old browser writes with the token of its own session, and of no other', async () => {
    const own = await csrfToken(token);
    expect(await write({ ...OLD, 'x-csrf-token': own })).toEqual([200, undefined]);
    const other = await csrfToken((await server.login('csrf2')).token);
    expect(other).not.toBe(own);
    expect(await write({ ...OLD, 'x-csrf-token': other })).toEqual([403, 'csrf_token_wrong']);
    const foreign = { origin: 'https://evil.test', 'x-csrf-token': own };
    expect(await write(foreign)).toEqual([403, 'foreign_origin']);
  });

  test('the token stays through updates, says nothing of the session, and ends with it', async () => {
    const { token: mine } = await server.login('csrf3');
    const before = await csrfToken(mine);
    expect(before).toMatch(/^[\w-]{43}$/);
    expect(before).not.toContain(mine);
    await server.call('PATCH', '/session', mine, { data: 'y' });
    expect(await csrfToken(mine)).toBe(before);
    const rotated = await server.call('POST', '/session/rotate', mine);
    const headers = { ...OLD, 'x-csrf-token': before };
    const reply = await server.call('POST', '/logout', rotated.token, undefined, headers);
    expect([reply.status, reply.body.error]).toEqual([403, 'csrf_token_wrong']);
    expect((await server.call('GET', '/session', rotated.token)).status).toBe(200);
  });

  test('GET /csrf is for a live session alone', async () => {
    expect((await server.call('GET', '/csrf')).status).toBe(401);
    expect((await server.call('GET', '/csrf', 'A'.repeat(43))).status).toBe(401);
    const visitor = (await server.call('POST', '/visit')).token;
    expect(await csrfToken(visitor)).toMatch(/^[\w-]{43}$/);
  });

  test('without a session cookie a write acts for nobody', async () => {
    const cookie = { ...OLD, cookie: 'lb=s1; other=x' };
    expect((await server.call('POST', '/visit', undefined, undefined, cookie)).status).toBe(200);
    const login = { user: 'csrf4', password: 'right' };
    expect((await server.call('POST', '/login', undefined, login, OLD)).status).toBe(200);
  });

  test.each(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x'])(
    'a form as %s, of a browser that says nothing of where it lies, plants and ends no session',
    async (type) => {
      for (const path of ['/visit', '/logout']) {
        const form = { ...OLD, 'content-type': type };
        const reply = await server.call('POST', path, undefined, 'a=b', form);
        expect([reply.status, reply.cookies]).toEqual([415, []]);
      }
    },
  );

  test('a dead cookie does not prevent a login', async () => {
    const cookie = `${SESSION_COOKIE}=${'A'.repeat(43)}; ${REFRESH_COOKIE}=old`;
    const login = { user: 'csrf5', password: 'right' };
    const attempt = (headers: Headers) =>
      server.call('POST', '/login', undefined, login, { ...OLD, cookie, ...headers });
    expect((await attempt({})).body.error).toBe('csrf_token_missing');
    expect((await attempt({ 'x-csrf-token': 'none' })).status).toBe(200);
  });

  test('a refresh cookie alone gives a right, which no header proves', async () => {
    const refresh = (headers: Headers) =>
      server.call('POST', '/token/refresh', undefined, undefined, {
        ...OLD,
        cookie: `${REFRESH_COOKIE}=x`,
        ...headers,
      });
    expect((await refresh({})).body.error).toBe('csrf_token_missing');
    expect((await refresh({ 'x-csrf-token': 'A'.repeat(43) })).body.error).toBe('csrf_token_wrong');
  });

  test('a read needs no token', async () => {
    const headers = { origin: 'https://evil.test', 'sec-fetch-site': 'cross-site' };
    expect((await server.call('GET', '/session', token, undefined, headers)).status).toBe(200);
  });
});

test('while the store is down a token cannot be checked, and nothing is let through', async () => {
  const read = () => Promise.reject(new StoreUnavailableError('read', new Error('down')));
  const server = await serve(memory, { store: { read } });
  const { token } = await server.login();
  const headers = { ...OLD, 'x-csrf-token': 'A'.repeat(43) };
  expect((await server.call('PATCH', '/session', token, { data: 'x' }, headers)).status).toBe(503);
});

test('a bearer token is sent by no browser of itself: where the request comes from does not matter', async () => {
  const server = await serve(memory, { bearer: true });
  const { token } = await server.login();
  for (const headers of [OLD, { origin: 'https://evil.test' }])
    expect((await server.call('PATCH', '/session', token, { data: 'x' }, headers)).status).toBe(200);
});
