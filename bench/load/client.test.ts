import { expect, test } from 'vitest';
import { AFFINITY_COOKIE } from '../../servers/protocol.ts';
import { followed } from './client.ts';

const session = '__Host-sid=abc';
const at = (server: string) => `${AFFINITY_COOKIE}=${server}`;

test.each([
  ['another server is followed', `${session}; ${at('s1')}`, at('s2'), `${session}; ${at('s2')}`],
  ['a first server too', session, `${at('s3')}; Path=/; HttpOnly`, `${session}; ${at('s3')}`],
  ['another cookie is not', `${session}; ${at('s1')}`, 'sid=deleted', `${session}; ${at('s1')}`],
])('%s', (_, cookie, line, expected) => {
  const raw = ['content-type', 'application/json', 'Set-Cookie', line, 'x', at('s9')];
  expect(followed({ cookie }, raw)).toEqual({ cookie: expected });
});

test('a bearer keeps its token', () => {
  const credentials = { authorization: 'Bearer abc' };
  expect(followed(credentials, ['set-cookie', at('s2')])).toEqual({ ...credentials, cookie: at('s2') });
  expect(followed(credentials, [])).toBe(credentials);
});
