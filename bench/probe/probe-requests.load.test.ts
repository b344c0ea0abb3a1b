import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { bench, type Finished, scratch, startBench, until } from '../tests/cli-fixture.ts';

/** What a probe sends, seen by the server; its stages, what it sends again, and its lines of JSON. */

const tmp = scratch();
const closers: (() => void)[] = [];

afterAll(() => {
  for (const close of closers.splice(0)) close();
  expect(tmp.leftovers()).toEqual([]);
  tmp.remove();
});

interface Seen {
  method: string;
  url: string;
  headers: Record<string, string | string[] | undefined>;
  body: string;
}

async function originOf(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer({ keepAliveTimeout: 60_000 }, listener);
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return originOf(server);
}

/** A server that keeps what came. */
async function serveSeen(): Promise<{ origin: string; seen: Seen[] }> {
  const seen: Seen[] = [];
  const origin = await serve(async (request, response) => {
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    const { method = '', url = '', headers } = request;
    seen.push({ method, url, headers, body: Buffer.concat(pieces).toString('latin1') });
    response.end('fine');
  });
  return { origin, seen };
}

/** Closes instead of replying when a connection was idle for over 400 ms, as a race with its keep-alive looks from outside. */
async function serveClosing(): Promise<string> {
  const server = createTcpServer((socket) => {
    let lastMs = Date.now();
    socket.on('error', () => socket.destroy());
    socket.on('data', () => {
      if (Date.now() - lastMs > 400) {
        socket.destroy();
        return;
      }
      lastMs = Date.now();
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    });
  });
  closers.push(() => void server.close());
  return originOf(server);
}

function file(name: string, content: string | Buffer): string {
  const path = join(tmp.path, name);
  writeFileSync(path, content);
  return path;
}

const probe = (...args: string[]): Promise<Finished> => bench(['probe', '-w', '0s', ...args], tmp.path);
const FEW = ['-c', '1', '--rate', '50', '--arrivals', 'constant', '-d', '200ms'];

type Line = Record<string, number | string | undefined>;
const COUNTED = [
  ...['scheduled', 'sent', 'completed', 'ok', 'http_4xx', 'http_5xx', 'check_failed'],
  ...['conn_errors', 'timeouts', 'dropped', 'resent'],
];

/** All lines of standard output, the last apart. Checks that the counts of the seconds add up to it. */
function linesOf(stdout: string): { seconds: Line[]; summary: Line & { stages: Line[]; urls: Line } } {
  const lines = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
  const [summary] = lines.splice(-1);
  expect(summary?.['type']).toBe('summary');
  expect(lines.map(({ type }) => type)).toEqual(lines.map(() => 'second'));
  for (const name of COUNTED) {
    const sum = lines.reduce((total, line) => total + Number(line[name]), 0);
    expect(sum, name).toBe(summary?.[name]);
  }
  return { seconds: lines, summary: summary as Line & { stages: Line[]; urls: Line } };
}

describe.concurrent('what is sent', () => {
  test('a method, a body of text in UTF-8 with its type and length, headers and a host', async () => {
    const { origin, seen } = await serveSeen();
    const headers = file('headers', '# secret\nauthorization: Bearer s3cret\n\nhost: other.test\n');
    const { code, stdout, stderr } = await probe(
      ...FEW,
      '-m',
      'PUT',
      '--body',
      '{"a":"h€"}',
      '--headers',
      headers,
      '-H',
      'x-a: b',
      `${origin}/p?q=1`,
    );
    expect([code, seen.length]).toEqual([0, 10]);
    for (const one of seen) {
      expect(one).toMatchObject({
        method: 'PUT',
        url: '/p?q=1',
        body: Buffer.from('{"a":"h€"}').toString('latin1'),
      });
      expect(one.headers).toEqual({
        host: 'other.test',
        authorization: 'Bearer s3cret',
        'x-a': 'b',
        'content-type': 'application/json',
        'content-length': '12',
      });
    }
    expect(stdout).toMatch(/^PUT http:.*\/p\?q=1, host other\.test, body of 12 bytes, application\/json$/m);
    expect(stdout + stderr).not.toContain('s3cret');
  });

  test('the bytes of a file, by POST; HEAD, whose reply has no body, keeps its connection', async () => {
    const { origin, seen } = await serveSeen();
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, index) => index));
    await probe(...FEW, '--body-file', file('body', bytes), origin);
    expect(new Set(seen.map(({ method }) => method))).toEqual(new Set(['POST']));
    expect(new Set(seen.map(({ body }) => body))).toEqual(new Set([bytes.toString('latin1')]));
    expect(seen[0]?.headers['content-type']).toBe('application/octet-stream');

    const sockets = new Set<unknown>();
    const head = await serve((request, response) => {
      sockets.add(request.socket);
      response.writeHead(200, { 'content-length': '5' }).end();
    });
    expect((await probe(...FEW, '-m', 'HEAD', head)).code).toBe(0);
    expect(sockets.size).toBe(1);
  });

  test('the requests of a list in their order, each counted, the body with those that have one', async () => {
    const { origin, seen } = await serveSeen();
    const urls = file('urls', `/a\n# no\n\nGET ${origin}/b?c=d\nDELETE /e\nPUT /f`);
    const { stdout } = await probe(...FEW, '--urls', urls, '--body', 'a=b', '--json');
    const cycle = ['POST /a a=b', 'GET /b?c=d ', 'DELETE /e a=b', 'PUT /f a=b'];
    const came = seen.map(({ method, url, body }) => `${method} ${url} ${body}`);
    expect(came).toEqual(Array.from({ length: 10 }, (_, index) => cycle[index % 4]));
    const { summary } = linesOf(stdout);
    expect(summary.urls).toEqual({
      listed: 4,
      sent: 4,
      failing: 0,
      requests: [
        { method: 'POST', path: '/a', sent: 3, ok: 3 },
        { method: 'GET', path: '/b?c=d', sent: 3, ok: 3 },
        { method: 'DELETE', path: '/e', sent: 2, ok: 2 },
        { method: 'PUT', path: '/f', sent: 2, ok: 2 },
      ],
    });
  });

  test('a list of many lines reaches the generator whole', async () => {
    const { origin, seen } = await serveSeen();
    const count = 200_000;
    const urls = file('many', Array.from({ length: count }, (_, index) => `/item/${index}`).join('\n'));
    const { code, stdout } = await probe(...FEW, '--urls', urls, origin);
    expect(code).toBe(0);
    expect(seen.map(({ url }) => url)).toEqual(Array.from({ length: 10 }, (_, index) => `/item/${index}`));
    expect(stdout).toContain('10 of 200,000 requests were sent, 0 failed at least once');
  });
});

describe('stages', () => {
  test('each has the requests that its rate says, and its own times, in 80 columns', async () => {
    const { origin, seen } = await serveSeen();
    const stages = ['-c', '8', '--arrivals', 'constant', '--stages', '500ms:40,1s:40-400,300ms:0,500ms:100'];
    const { stdout } = await probe(...stages, '--json', origin);
    const { summary } = linesOf(stdout);
    // However slow the machine is: what is due does not depend on it.
    for (const [index, due] of [20, 220, 0, 50].entries()) {
      const stage = summary.stages[index] as Line;
      expect(Math.abs(Number(stage['scheduled']) - due), `stage ${index + 1}`).toBeLessThanOrEqual(1);
      expect(stage).toMatchObject({
        stage: index + 1,
        ok: stage['scheduled'],
        target_rps: expect.closeTo(due / Number(stage['duration_s'])),
      });
      if (due > 0) expect(stage['lat_p50_us']).toBeGreaterThan(0);
    }
    expect(summary).toMatchObject({ load_model: 'open-constant', scheduled: seen.length, ok: seen.length });
    expect(summary['duration_s']).toBeGreaterThanOrEqual(2.299);

    const text = (await probe(...stages, origin)).stdout;
    expect(text).toMatch(/^ +2 +1 +40-400 +2[12]\d +2[12]\d /m);
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(100);
    const table = text.slice(text.indexOf('stage  ')).split('\n').slice(0, 6);
    expect(Math.max(...table.map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  test('the one that the server cannot carry is named', async () => {
    const origin = await serve((_request, response) => void setTimeout(() => response.end('fine'), 50));
    // Two connections carry 40 a second.
    const { code, stdout } = await probe(
      '-c',
      '2',
      '--arrivals',
      'constant',
      '--stages',
      '1s:5,1s:200',
      origin,
    );
    expect(code).toBe(4);
    const reason = stdout.replace(/\s+/g, ' ');
    expect(reason).toMatch(/INVALID: stage 2: achieved [\d.]+ % of the offered 200 requests/);
    expect(reason).not.toContain('stage 1:');
  });
});

describe.concurrent('a server that closes idle connections', () => {
  const SLOW = ['-c', '10', '--rate', '20', '--arrivals', 'constant', '-d', '3s'];

  test('loses no GET: those that met one are sent again, counted and explained', async () => {
    const origin = await serveClosing();
    const [json, text] = await Promise.all([probe(...SLOW, '--json', origin), probe(...SLOW, origin)]);
    const { summary } = linesOf(json.stdout);
    expect(summary).toMatchObject({ sent: 60, ok: 60, conn_errors: 0 });
    // All but the first of each connection, and those that came before 400 ms had passed.
    expect(summary['resent']).toBeGreaterThan(30);
    expect(summary['note']).toMatch(/sent again.*shorter than connections ÷ rate, 10 ÷ 20\/s = 0\.5 s/);
    expect(text.stdout).toMatch(/60 sent, 60 ok, no errors, \d+ sent again/);
    expect(text.stdout.replace(/\s+/g, ' ')).toContain('NOTE: ');
  });

  test('loses each POST, and the cause is named', async () => {
    const { code, stdout } = await probe(...SLOW, '-m', 'POST', '--json', await serveClosing());
    const { summary } = linesOf(stdout);
    expect([code, summary['resent']]).toEqual([4, 0]);
    expect(summary['conn_errors']).toBeGreaterThan(20);
    expect(summary['invalid_reason']).toMatch(
      /of them on a connection that the server closed.*10 ÷ 20\/s = 0\.5 s; only GET and HEAD/,
    );
  });
});

describe.concurrent('JSON', () => {
  test('a line for each second, whose counts add up to the summary whatever went wrong', async () => {
    let count = 0;
    const origin = await serve((request, response) => {
      count += 1;
      if (count % 20 === 0) request.socket.destroy();
      else response.writeHead(count % 10 === 0 ? 503 : count % 5 === 0 ? 404 : 200).end('fine');
    });
    const { code, stdout } = await probe(
      '-c',
      '4',
      '--rate',
      '100',
      '-d',
      '2500ms',
      '-m',
      'POST',
      '--json',
      origin,
    );
    expect(code).toBe(4);
    const { seconds, summary } = linesOf(stdout);
    for (const name of ['http_4xx', 'http_5xx', 'conn_errors', 'ok'])
      expect(summary[name], name).toBeGreaterThan(0);
    expect(seconds.length).toBeGreaterThanOrEqual(2);
    for (const second of seconds) {
      const { duration_s, ok, rps_ok, p50_us, p99_us, in_flight, backlog } = second as Record<string, number>;
      expect(rps_ok).toBeCloseTo((ok as number) / (duration_s as number), -1);
      if ((second['completed'] as number) > 0) expect(p99_us).toBeGreaterThanOrEqual(p50_us as number);
      expect([typeof in_flight, typeof backlog]).toEqual(['number', 'number']);
    }
  });

  test('Ctrl-C: the seconds so far, and their sum', async () => {
    const { origin, seen } = await serveSeen();
    const running = startBench(
      ['probe', '-w', '0s', '-d', '8h', '--rate', '200', '--json', origin],
      tmp.path,
    );
    await until('two seconds of load', () => seen.length > 450, 60_000);
    running.child.kill('SIGINT');
    const { code, stdout } = await running.finished;
    expect(code).toBe(130);
    const { seconds, summary } = linesOf(stdout);
    expect(seconds.length).toBeGreaterThanOrEqual(2);
    expect(summary).toMatchObject({ status: 'interrupted', valid: false });
    expect(summary['ok']).toBeGreaterThan(400);
  });

  test('a wrong flag: nothing on standard output, one line on the other', async () => {
    const { code, stdout, stderr } = await probe(
      '--json',
      '--stages',
      '1s:5',
      '--rate',
      '5',
      'http://127.0.0.1:1/',
    );
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^session-bench: CONFLICT: .*\n$/);
  });
});
