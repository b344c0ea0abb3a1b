import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { afterAll, describe, expect, test } from 'vitest';
import { COLUMNS, type Row } from '../results/row.ts';
import {
  bench,
  descendants,
  type Finished,
  isAlive,
  scratch,
  startBench,
  until,
} from '../tests/cli-fixture.ts';

/** What a look at a healthy server finds is a figure: one at a time. The others go side by side. */

const tmp = scratch();
const closers: (() => Promise<unknown> | unknown)[] = [];

afterAll(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  expect(tmp.leftovers()).toEqual([]);
  tmp.remove();
});

/** A server of this file's; ends with it. */
async function serve(listener: RequestListener): Promise<string> {
  const server = createServer({ keepAliveTimeout: 60_000 }, listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const SHORT = ['--warmup', '200ms', '-d', '1s', '-c', '4'];
const probe = (...args: string[]): Promise<Finished> => bench(['probe', ...SHORT, ...args], tmp.path);

async function probeJson(...args: string[]): Promise<Row & { code: number | null; stderr: string }> {
  const { code, stdout, stderr } = await probe('--json', ...args);
  const cells = summaryIn(stdout);
  const { scheduled, completed, conn_errors, timeouts, dropped, inflight_end } = cells as Required<Row>;
  expect(completed + conn_errors + timeouts + dropped + inflight_end).toBe(scheduled);
  return { ...cells, code, stderr };
}

/** The last line of JSON. */
const summaryIn = (stdout: string) => JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as Row;

const ok: RequestListener = (_request, response) => void response.end('fine');

describe('a probe of a healthy server', () => {
  test('in a closed loop: one flat object of result columns, whatever was asked is sent', async () => {
    const seen: IncomingMessage[] = [];
    const origin = await serve((request, response) => {
      if (seen.length < 50) seen.push(request);
      response.end('fine');
    });
    const { code, stderr, ...cells } = await probeJson(
      `${origin}/a?b=c`,
      '-H',
      'X-One: 1',
      '-H',
      'cookie: a=b',
    );
    expect(stderr).not.toContain('INVALID');
    expect(code).toBe(0);
    expect(cells).toMatchObject({
      engine: 'slices',
      pass: 'capacity',
      load_model: 'closed',
      connections: 4,
      warmup_s: 0.2,
      valid: true,
      status: 'ok',
      ok: cells.completed,
      sent: cells.scheduled,
    });
    const known = COLUMNS.map(({ name }) => name as string);
    expect(Object.keys(cells).filter((name) => !known.includes(name))).toEqual(['type']);
    expect(Object.keys(cells)).not.toContain('lat_p50_us');
    expect(cells.svc_p50_us).toBeGreaterThan(0);
    expect(seen[0]).toMatchObject({ method: 'GET', url: '/a?b=c', headers: { 'x-one': '1', cookie: 'a=b' } });
  });

  test('in an open loop: what was due is what the rate says, and is shown to people', async () => {
    const origin = await serve(ok);
    const { code, stdout, stderr } = await probe('--rate', '200', '--arrivals', 'constant', origin);
    expect(stderr).not.toContain('INVALID');
    expect(code).toBe(0);
    expect(stdout).toContain('open loop, 200 a second, constant arrivals, 4 connections');
    expect(stdout).toMatch(/requests +200 sent, 200 ok, no errors/);
    expect(stdout).toMatch(/response time ms +\d/);
    expect(stdout).toMatch(/service time ms +\d/);
    expect(stdout).toMatch(/lateness p99 +\d/);
    expect(stdout).not.toMatch(/INVALID|undefined|NaN/);
    expect(stdout).not.toContain('\u001B');
  });

  test('a seed fixes the arrivals by chance', async () => {
    const origin = await serve(ok);
    const due = async (seed: string) => (await probeJson('--rate', '300', '--seed', seed, origin)).scheduled;
    expect(await due('1')).toBe(await due('1'));
  });
});

describe.concurrent('a probe that cannot be trusted says so', () => {
  test.each([404, 500])('replies of status %i', async (status) => {
    const origin = await serve((_request, response) => void response.writeHead(status).end('broken'));
    const cells = await probeJson(origin);
    expect(cells).toMatchObject({ code: 4, valid: false, ok: 0 });
    expect(cells.invalid_reason).toMatch(
      `replies ${status === 404 ? '4xx' : '5xx'}; first: status ${status} broken`,
    );
  });

  test('connections that end without a reply', async () => {
    let count = 0;
    const origin = await serve((request, response) => {
      count += 1;
      if (count % 20 === 0) request.socket.destroy();
      else response.end('fine');
    });
    // A GET would be sent again.
    const cells = await probeJson('--rate', '200', '-m', 'POST', origin);
    expect(cells).toMatchObject({ code: 4, valid: false });
    expect(cells.conn_errors).toBeGreaterThan(0);
    expect(cells.ok).toBeGreaterThan(0);
    expect(cells.invalid_reason).toContain('connections lost');
  });

  test('a server that cannot keep up with the rate', async () => {
    const origin = await serve((_request, response) => void setTimeout(() => response.end('fine'), 50));
    const { code, stdout } = await probe('--rate', '400', '-d', '500ms', origin);
    expect(code).toBe(4);
    expect(stdout).toMatch(/INVALID: achieved .* % of the offered 400 requests\/s/);
    expect(stdout.replace(/\s+/g, ' ')).toContain('backlog still rising at the end');
  });

  test('something that is not an HTTP server', async () => {
    const refuse = (socket: Socket) => void socket.on('error', () => socket.destroy()).end('go away\r\n\r\n');
    const server = createTcpServer(refuse).listen(0, '127.0.0.1');
    await once(server, 'listening');
    closers.push(() => server.close());
    const { code, stdout } = await probe(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    expect(code).toBe(4);
    expect(stdout).toContain('INVALID');
    expect(stdout).toContain('no request completed');
  });
});

describe.concurrent('a probe that has nothing to show', () => {
  test('of a closed port: one line', async () => {
    const server = createTcpServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    const { code, stdout, stderr } = await probe(`http://127.0.0.1:${port}`);
    expect(code).toBe(1);
    expect(stdout).toBe('');
    expect(stderr.match(/session-bench: .*/g)).toEqual([
      expect.stringMatching(
        /SERVICE_UNREACHABLE: expected a server.*ECONNREFUSED.*Start it, or correct the URL\.$/,
      ),
    ]);
  });
});

describe.concurrent('Ctrl-C', () => {
  test('in the measured load: the figures so far, exit code 130, nothing left', async () => {
    let replies = 0;
    const origin = await serve((_request, response) => {
      replies += 1;
      response.end('fine');
    });
    const args = ['probe', '--warmup', '100ms', '-d', '60s', '--rate', '500', '--json', origin];
    const { child, finished } = startBench(args, tmp.path);
    await until('the load', () => replies > 400, 60_000);
    const below = descendants(child.pid as number);
    child.kill('SIGINT');
    const { code, stdout } = await finished;
    expect(code).toBe(130);
    expect(below.length).toBeGreaterThan(0);
    const cells = summaryIn(stdout) as Required<Row>;
    expect(cells).toMatchObject({ status: 'interrupted', valid: false });
    expect(cells.invalid_reason).toMatch(/^stopped after .* s of 60 s$/);
    expect(cells.ok).toBeGreaterThan(200);
    expect(cells.duration_s).toBeLessThan(30);
    await until('its processes to end', () => !below.some(isAlive), 5_000);
  });

  test('in the warm-up: no figures', async () => {
    let replies = 0;
    const origin = await serve((_request, response) => {
      replies += 1;
      response.end('fine');
    });
    const { child, finished } = startBench(['probe', '--warmup', '60s', '--json', origin], tmp.path);
    await until('the load', () => replies > 0, 60_000);
    child.kill('SIGINT');
    const { code, stdout, stderr } = await finished;
    expect({ code, stdout }).toEqual({ code: 130, stdout: '' });
    expect(stderr).not.toContain('expected');
  });
});
