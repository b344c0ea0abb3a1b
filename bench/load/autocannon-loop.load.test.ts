import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { decodeHistogram, summarize } from '../stats/histogram.ts';
import { runAutocannon } from './autocannon-loop.ts';
import type { LiveRequest } from './live-request.ts';
import { resultsOf } from './tally.ts';

/** Our accounting over autocannon, against real servers that behave and that misbehave. */
const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close().closeAllConnections();
});

function listen(answer: (url: string, response: ServerResponse) => void): Promise<string> {
  const server = createServer((request, response) => answer(request.url ?? '', response));
  servers.push(server);
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () =>
      resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`),
    );
  });
}

const get = (path: string, change: Partial<LiveRequest> = {}): LiveRequest => ({
  operation: 'read',
  method: 'GET',
  path,
  headers: {},
  check: (status, body) => status === 200 && body === path,
  ...change,
});

async function load(
  target: string,
  requests: LiveRequest[],
  seconds = 0.4,
  connections = 3,
  isSentOnce = false,
) {
  const failures: string[] = [];
  const { tallies, seconds: took } = await runAutocannon({
    targets: [target],
    plans: Array.from({ length: connections }, () => ({ requests, isSentOnce })),
    seconds,
    onFailure: (request, status, body) => failures.push(`${request.path} ${status} ${body}`),
  });
  return { all: (await resultsOf(tallies))[0], operations: await resultsOf(tallies), failures, took };
}

test('each reply is checked against its own request, and every request is accounted for', async () => {
  const target = await listen((url, response) => response.end(url));
  const { all, failures } = await load(target, [get('/a'), get('/b'), get('/c')]);
  expect(failures).toEqual([]);
  expect(all?.ok).toBe(all?.completed);
  expect(all?.sent).toBe((all?.completed ?? 0) + (all?.inflightEnd ?? 0));
  expect(all?.inflightEnd).toBeLessThanOrEqual(3);
  expect(all?.requestBytes).toBeGreaterThan(0);
});

test('a wrong body, a 4xx and a 5xx are distinguished', async () => {
  const target = await listen((url, response) => {
    response.statusCode = url === '/4' ? 404 : url === '/5' ? 503 : 200;
    response.end(url === '/wrong' ? 'another user' : url);
  });
  const { all, failures } = await load(target, [get('/ok'), get('/wrong'), get('/4'), get('/5')]);
  for (const count of [all?.ok, all?.checkFailed, all?.http4xx, all?.http5xx])
    expect(count).toBeGreaterThan(0);
  expect(all?.completed).toBe(
    (all?.ok ?? 0) + (all?.checkFailed ?? 0) + (all?.http4xx ?? 0) + (all?.http5xx ?? 0),
  );
  expect(failures[0]).toContain('/wrong 200 another user');
});

test('a connection that ends without a reply is an error, and no later reply is counted for its request', async () => {
  const target = await listen((url, response) => {
    if (url === '/drop') response.socket?.end();
    else response.end(url);
  });
  const { all } = await load(target, [get('/a'), get('/drop'), get('/b'), get('/c')]);
  expect(all?.connErrors).toBeGreaterThan(0);
  expect(all?.checkFailed).toBe(0);
  expect(all?.sent).toBe((all?.completed ?? 0) + (all?.connErrors ?? 0) + (all?.inflightEnd ?? 0));
});

test('times are microseconds, not whole milliseconds: a delay of 20 ms reads as such', async () => {
  const target = await listen((url, response) => void setTimeout(() => response.end(url), 20));
  const { all } = await load(target, [get('/slow')], 1);
  const { p50 = 0 } = summarize(decodeHistogram(all?.histogram ?? ''));
  expect(p50).toBeGreaterThan(19_000);
  expect(p50 % 1000).not.toBe(0);
});

test('a list that is sent once ends with its last reply', async () => {
  const seen: string[] = [];
  const target = await listen((url, response) => {
    seen.push(url);
    response.end(url);
  });
  const { all } = await load(target, [get('/1'), get('/2'), get('/3')], 30, 4, true);
  expect([all?.sent, all?.completed, all?.inflightEnd]).toEqual([12, 12, 0]);
  expect(seen).toHaveLength(12);
});

test('what a mix renews is renewed on each send, and right replies are handed back', async () => {
  const tokens: string[] = [];
  const target = await listen((url, response) => {
    response.setHeader('x-token', `t${tokens.length}`);
    response.end(url);
  });
  let renewed = 0;
  const login = get('/login', {
    operation: 'login',
    onReply: (headers) => tokens.push(headers()[headers().indexOf('x-token') + 1] ?? ''),
  });
  const logout = get('/logout', { operation: 'logout', renew: () => ({ cookie: `n=${renewed++}` }) });
  const { operations } = await load(target, [login, logout]);
  expect(operations.map((one) => one.operation)).toEqual(['all', 'login', 'logout']);
  expect(tokens).toHaveLength(operations[1]?.ok ?? -1);
  expect(renewed).toBeGreaterThanOrEqual(operations[2]?.sent ?? -1);
});
