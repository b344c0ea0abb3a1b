import { expect, test } from 'vitest';
import { payloadFor } from '../../servers/protocol.ts';
import { seededRandom } from '../stats/random.ts';
import { credentialsInRaw, credentialsOf } from './client.ts';
import {
  keySequence,
  type LiveSession,
  loginRequest,
  MIX,
  readRequest,
  updateRequest,
  visitRequest,
} from './scenarios.ts';

const session: LiveSession = { user: 'u0000001', credentials: { cookie: '__Host-id=t' }, target: 0 };
const noHeaders = () => [];
const body = (user: string, version: number, data: string) =>
  JSON.stringify({ user, role: 'user', version, data });

test.each([64, 256, 65_536])(
  'a read of %i B accepts this user’s data, of any version and revision',
  (bytes) => {
    const { check } = readRequest(session, bytes);
    expect(check(200, body('u0000001', 1, payloadFor('u0000001', 0, bytes)), noHeaders)).toBe(true);
    expect(check(200, body('u0000001', 37, payloadFor('u0000001', 12, bytes)), noHeaders)).toBe(true);
  },
);

test.each([
  ['another user', body('u0000002', 1, payloadFor('u0000002', 0, 256))],
  ['another user’s data', body('u0000001', 1, payloadFor('u0000002', 0, 256))],
  ['data cut short', body('u0000001', 1, payloadFor('u0000001', 0, 255))],
  ['a letter changed', body('u0000001', 1, payloadFor('u0000001', 0, 256).replace('hij', 'hiJ'))],
  ['nothing', ''],
  ['a longer role', body('u0000001', 1, payloadFor('u0000001', 0, 256)).replace('"user",', '"admin",')],
])('a read refuses %s', (_what, text) => {
  expect(readRequest(session, 256).check(200, text, noHeaders)).toBe(false);
});

test('a read refuses the right body with another status', () => {
  const text = body('u0000001', 1, payloadFor('u0000001', 0, 256));
  expect(readRequest(session, 256).check(401, text, noHeaders)).toBe(false);
});

test('an update must name the user and the bytes that were kept', () => {
  const { check } = updateRequest(session, 256);
  expect(check(200, '{"user":"u0000001","version":2,"bytes":256}', noHeaders)).toBe(true);
  expect(check(200, '{"user":"u0000001","version":2,"bytes":255}', noHeaders)).toBe(false);
  expect(check(200, '{"user":"u0000002","version":2,"bytes":256}', noHeaders)).toBe(false);
});

test('a login must issue a token', () => {
  const { check } = loginRequest('u0000001', 'p');
  const right = '{"user":"u0000001","role":"user"}';
  expect(check(200, right, () => ['Set-Cookie', '__Host-id=t; Path=/'])).toBe(true);
  expect(check(200, right, () => ['X-Session-Token', 't'])).toBe(true);
  expect(check(200, right, () => ['Set-Cookie', 'lb=s1'])).toBe(false);
});

test('a visit must issue a token, and names nobody', () => {
  const { check, headers } = visitRequest();
  expect(Object.keys(headers)).toEqual(['origin']);
  const issued = () => ['Set-Cookie', '__Host-id=t; Path=/'];
  expect(check(200, '{"user":null}', issued)).toBe(true);
  expect(check(200, '{"user":null}', noHeaders)).toBe(false);
  expect(check(200, '{"user":"u0000001"}', issued)).toBe(false);
  expect(check(503, '{"user":null}', issued)).toBe(false);
});

test('uniform keys use each session equally often', () => {
  const keys = keySequence('uniform', 10, 1000, seededRandom(1));
  const counts = keys.reduce(
    (sum, key) => sum.with(key, (sum[key] as number) + 1),
    Array<number>(10).fill(0),
  );
  expect(counts).toEqual(Array(10).fill(100));
});

test('zipf keys use the first session most, in proportion to one over the rank', () => {
  const keys = keySequence('zipf', 100, 100_000, seededRandom(1));
  const count = (key: number) => keys.filter((other) => other === key).length;
  expect(count(0) / count(9)).toBeGreaterThan(8);
  expect(count(0) / count(9)).toBeLessThan(12);
  expect(Math.max(...keys)).toBeLessThan(100);
});

test('the mix is 90 % read, 9 % update, 1 % login and logout', () => {
  const share = (name: string) => MIX.filter((operation) => operation === name).length / MIX.length;
  expect(['read', 'update', 'login', 'logout'].map(share)).toEqual([0.9, 0.09, 0.005, 0.005]);
});

test('credentials are the session’s and the balancer’s cookie, or the bearer token', () => {
  const lines = ['lb=s2; Path=/', '__Host-id=abc; Path=/; Secure'];
  expect(credentialsOf({ 'set-cookie': lines }, 'cookie')).toEqual({ cookie: '__Host-id=abc; lb=s2' });
  expect(credentialsOf({ 'set-cookie': ['__Host-id=; Max-Age=0'] }, 'cookie')).toBeUndefined();
  expect(credentialsOf({ 'set-cookie': ['__Host-id=YWI==; Path=/'] }, 'cookie')).toEqual({
    cookie: '__Host-id=YWI==',
  });
  expect(credentialsOf({ 'x-session-token': 'abc' }, 'bearer')).toEqual({ authorization: 'Bearer abc' });
  expect(credentialsInRaw(['Set-Cookie', '__Host-id=abc; Path=/'], 'cookie')).toEqual({
    cookie: '__Host-id=abc',
  });
});
