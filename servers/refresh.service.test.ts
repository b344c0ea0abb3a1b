import { afterAll, describe, expect, test } from 'vitest';
import { memory } from '../stores/memory/backend.ts';
import type { NewSession, RefreshResult, SessionStore } from '../stores/store.ts';
import { StoreUnavailableError } from '../stores/store.ts';
import { closeServers, serve } from './app-fixture.ts';
import { REFRESH_COOKIE, REFRESH_HEADER } from './protocol.ts';

/** How refresh tokens travel; what they are worth is each backend's, and is asked of it in its own tests. */
afterAll(closeServers);

const ATTRIBUTES = 'Path=/; Secure; HttpOnly; SameSite=Lax';

/** A store that returns the given result for each use of a refresh token, and records the tokens. */
function answering(result: RefreshResult) {
  const given: string[] = [];
  const store: Partial<SessionStore> = {
    refresh: (refreshToken) => {
      given.push(refreshToken);
      return Promise.resolve(result);
    },
  };
  return { given, store };
}

const REFRESHED: RefreshResult = { status: 'refreshed', token: 'access', refreshToken: 'fresh' };
const byCookie = { cookie: `${REFRESH_COOKIE}=mine` };

describe('POST /token/refresh', () => {
  test('takes the refresh cookie and issues new ones of both, nothing of them in the body', async () => {
    const { given, store } = answering(REFRESHED);
    const { call } = await serve(memory, { store });
    const reply = await call('POST', '/token/refresh', undefined, undefined, byCookie);
    expect([reply.status, reply.body]).toEqual([200, { status: 'refreshed' }]);
    expect(reply.cookies).toEqual([`__Host-id=access; ${ATTRIBUTES}`, `__Host-refresh=fresh; ${ATTRIBUTES}`]);
    expect(given).toEqual(['mine']);
  });

  test('by bearer takes and gives it in a header of its own', async () => {
    const { given, store } = answering(REFRESHED);
    const { call } = await serve(memory, { store, bearer: true });
    const headers = { [REFRESH_HEADER]: 'mine', ...byCookie };
    const reply = await call('POST', '/token/refresh', undefined, undefined, headers);
    expect([reply.token, reply.refreshToken, reply.cookies]).toEqual(['access', 'fresh', []]);
    await call('POST', '/token/refresh', undefined, undefined, byCookie);
    expect(given).toEqual(['mine', '']);
  });

  test('used again ends with both cookies deleted', async () => {
    const { call } = await serve(memory, { store: answering({ status: 'reused' }).store });
    const reply = await call('POST', '/token/refresh', undefined, undefined, byCookie);
    expect([reply.status, reply.body]).toEqual([401, { error: 'refresh_reused' }]);
    expect(reply.cookies).toEqual([
      `__Host-id=; Max-Age=0; ${ATTRIBUTES}`,
      `__Host-refresh=; Max-Age=0; ${ATTRIBUTES}`,
    ]);
  });

  test.each([
    ['one that is gone', answering({ status: 'gone' }).store, 401, 'unauthenticated'],
    ['a backend that issues none', {}, 501, 'unsupported_by_backend'],
  ] as const)('of %s issues nothing', async (_of, store, status, error) => {
    const { call } = await serve(memory, { store });
    for (const headers of [byCookie, {}]) {
      const reply = await call('POST', '/token/refresh', undefined, undefined, headers);
      expect([reply.status, reply.body, reply.cookies]).toEqual([status, { error }, []]);
    }
  });

  test('during an outage is a 503, and deletes nothing', async () => {
    const refresh = () => Promise.reject(new StoreUnavailableError('refresh', new Error('down')));
    const { call } = await serve(memory, { store: { refresh } });
    const reply = await call('POST', '/token/refresh', undefined, undefined, byCookie);
    expect([reply.status, reply.cookies]).toEqual([503, []]);
  });
});

describe('a refresh token', () => {
  test('is issued where the session that begins has one', async () => {
    const { token } = await (await serve(memory)).login('ref0');
    const create = (session: NewSession) =>
      Promise.resolve({
        status: 'created' as const,
        token,
        evicted: [],
        ...(session.userId === undefined ? {} : { refreshToken: 'first' }),
      });
    const { call, login } = await serve(memory, { store: { create } });
    expect((await login('ref1')).cookies).toEqual([
      `__Host-id=${token}; ${ATTRIBUTES}`,
      `__Host-refresh=first; ${ATTRIBUTES}`,
    ]);
    expect((await call('POST', '/visit')).cookies).toHaveLength(1);
  });

  test('is none where the backend has none', async () => {
    const { call, login } = await serve(memory);
    const { cookies, token } = await login('ref2');
    expect(cookies).toHaveLength(1);
    expect((await call('POST', '/session/rotate', token)).cookies).toHaveLength(1);
  });
});
