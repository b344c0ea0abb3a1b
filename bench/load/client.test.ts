import { expect, test } from 'vitest';
import { AFFINITY_COOKIE, SESSION_COOKIE, TOKEN_HEADER } from '../../servers/protocol.ts';
import { followed, renewedCredentials } from './client.ts';

const session = '__Host-sid=abc';
const at = (server: string) => `${AFFINITY_COOKIE}=${server}`;

test.each([
  ['another server is followed', `${session}; ${at('s1')}`, at('s2'), `${session}; ${at('s2')}`],
  ['a first server too', session, `${at('s3')}; Path=/; HttpOnly`, `${session}; ${at('s3')}`],
  ['another cookie is not', `${session}; ${at('s1')}`, 'sid=deleted', `${session}; ${at('s1')}`],
])('%s', (_, cookie, line, expected) => {
  const received = ['content-type', 'application/json', 'Set-Cookie', line, 'x', at('s9')];
  expect(followed({ cookie }, received)).toEqual({ cookie: expected });
});

test('a bearer keeps its token', () => {
  const credentials = { authorization: 'Bearer abc' };
  expect(followed(credentials, ['set-cookie', at('s2')])).toEqual({ ...credentials, cookie: at('s2') });
  expect(followed(credentials, [])).toBe(credentials);
});

const SESSION = SESSION_COOKIE;
const BALANCER = at('s2');
const raw = (name: string, value: string) => ['Date', 'now', name, value];

test('a token that a reply issues takes the place of the old one, beside the cookie of the balancer', () => {
  const old = { cookie: `${SESSION}=old; ${BALANCER}` };
  const issued = raw('Set-Cookie', `${SESSION}=new; Path=/; Secure; HttpOnly; SameSite=Lax`);
  expect(renewedCredentials(issued, 'cookie', old)).toEqual({ cookie: `${SESSION}=new; ${BALANCER}` });
});

test('so does one in a header', () => {
  const old = { authorization: 'Bearer old', cookie: BALANCER };
  const renewed = { authorization: 'Bearer new', cookie: BALANCER };
  expect(renewedCredentials(raw(TOKEN_HEADER.toUpperCase(), 'new'), 'bearer', old)).toEqual(renewed);
});

test.each(['cookie', 'bearer'] as const)('by %s: a reply that issues none changes nothing', (transport) => {
  expect(renewedCredentials(raw('Set-Cookie', 'theme=dark'), transport, {})).toBeUndefined();
});
