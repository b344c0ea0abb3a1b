import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { memory } from '../stores/memory/backend.ts';
import { closeServers, serve } from './app-fixture.ts';

afterAll(closeServers);

describe('what is refused', () => {
  let server: Awaited<ReturnType<typeof serve>>;
  beforeAll(async () => {
    server = await serve(memory);
  });

  test.each([
    ['POST', '/login', '{', 400],
    ['POST', '/login', '{"user":1,"password":"right"}', 400],
    ['POST', '/login', '{"user":"u1","password":"right","role":"admin"}', 400],
    ['POST', '/login', '{"user":"a b","password":"right"}', 400],
    ['POST', '/login', '', 400],
    ['POST', '/login', 'null', 400],
    ['POST', '/login', '[{"user":"u1","password":"right"}]', 400],
    ['POST', '/login', `${'['.repeat(100_000)}`, 400],
    ['POST', '/password', '{"current":"right","next":null}', 400],
    ['POST', '/admin/users/u1/disable', '{"disabled":"true"}', 400],
    ['POST', '/login', '{"__proto__":{"user":"u1"},"password":"right"}', 400],
    ['PATCH', '/session', JSON.stringify({ data: 'x'.repeat(70_000) }), 400],
    ['PATCH', '/session', JSON.stringify({ data: 'x'.repeat(600_000) }), 413],
    ['POST', '/nowhere', '{}', 404],
    ['POST', '/%zz', '{}', 400],
  ])('%s %s with a bad body is a clear 4xx', async (method, path, body, status) => {
    const reply = await server.call(method, path, undefined, body);
    expect(reply.status).toBe(status);
    expect(reply.body).toEqual({ error: status === 404 ? 'not_found' : 'bad_request' });
    expect(reply.headers.get('cache-control')).toBe('no-store');
  });

  test.each([
    ['text/plain', 415],
    ['application/x-www-form-urlencoded', 415],
    ['multipart/form-data', 415],
  ])('a login as %s is none', async (type, status) => {
    const body = '{"user":"u1","password":"right"}';
    const reply = await server.call('POST', '/login', undefined, body, { 'content-type': type });
    expect([reply.status, reply.body, reply.cookies]).toEqual([status, { error: 'bad_request' }, []]);
  });

  test.each([0, -1, 1.5, 100_000_000, 1e300])('%s is not a version', async (version) => {
    const { token } = await server.login('version1');
    expect((await server.call('PATCH', '/session', token, { data: 'x', version })).status).toBe(400);
    await server.call('POST', '/logout', token);
  });

  test('a lone surrogate is not text', async () => {
    const { token } = await server.login('half1');
    expect((await server.call('PATCH', '/session', token, '{"data":"\\ud800"}')).status).toBe(400);
    expect((await server.call('PATCH', '/session', token, '{"data":"\\ud83e\\udd8a"}')).status).toBe(200);
  });

  test.each([
    ['GET', '/healthz', 200],
    ['POST', '/visit', 200],
    ['GET', '/session', 401],
    ['GET', '/nowhere', 404],
    ['POST', '/%zz', 400],
    ['POST', '/sessions', 404],
    ['DELETE', '/sessions/%20', 400],
  ])('%s %s is stored by no cache', async (method, path, status) => {
    const { headers, ...reply } = await server.call(method, path);
    expect(reply.status).toBe(status);
    expect([headers.get('cache-control'), headers.get('x-served-by')]).toEqual(['no-store', 's1']);
  });

  test.each([
    ['GET /session HTTP/1.1\r\nno colon\r\n\r\n', '400 Bad Request'],
    [
      `GET /session HTTP/1.1\r\nhost: x\r\ncookie: ${'x'.repeat(300_000)}\r\n\r\n`,
      '431 Request Header Fields',
    ],
  ])('what never becomes a request is refused as any other (%#)', async (bytes, status) => {
    const text = await answerTo(server.base, bytes);
    expect(text).toContain(`HTTP/1.1 ${status}`);
    expect(text).toContain('cache-control: no-store');
    expect(text).toMatch(/\r\n\r\n\{"error":"bad_request"\}$/);
  });

  test('is reported only to the client', () => {
    expect(server.errors).toEqual([]);
  });
});

/** All that comes back on a raw connection until the server ends it. */
function answerTo(base: string, bytes: string): Promise<string> {
  const { hostname, port } = new URL(base);
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect(Number(port), hostname, () => socket.write(bytes));
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    socket.on('error', reject).on('close', () => resolve(text));
  });
}
