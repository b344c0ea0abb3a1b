import { expect, test } from 'vitest';
import type { LiveRequest } from '../load/live-request.ts';
import type { ProbeJob } from './job.ts';
import { createRequests, type Requests } from './requests.ts';

const JOB: ProbeJob = {
  origin: 'http://a.test:81',
  method: 'GET',
  path: '/a?b=c',
  headers: {},
  connections: 2,
  warmupSeconds: 0,
  durationSeconds: 1,
  load: { model: 'closed' },
  seed: 1,
};
const body = (text: string, more: object = {}) => ({
  base64: Buffer.from(text).toString('base64'),
  contentType: 'text/plain',
  goesWithGet: false,
  ...more,
});

/** What a connection sends next. */
const nextOf = ({ plans }: Requests, connection = 0): LiveRequest =>
  plans[connection]?.requests[0] as LiveRequest;
const textOf = (change: Partial<ProbeJob>, parts: string[] = []) =>
  nextOf(createRequests({ ...JOB, ...change }, parts))
    .bytes?.()
    .toString();

test.each<[string, Partial<ProbeJob>, string]>([
  ['a GET', {}, 'GET /a?b=c HTTP/1.1\r\nhost: a.test:81\r\n\r\n'],
  [
    'headers, and another host',
    { headers: { 'x-é': '☃', host: 'b.test' } },
    'GET /a?b=c HTTP/1.1\r\nhost: b.test\r\nx-é: ☃\r\n\r\n',
  ],
  [
    'a body, whose length is in bytes',
    { method: 'PUT', body: body('h€') },
    'PUT /a?b=c HTTP/1.1\r\nhost: a.test:81\r\ncontent-type: text/plain\r\ncontent-length: 4\r\n\r\nh€',
  ],
  [
    'a POST without a body',
    { method: 'POST' },
    'POST /a?b=c HTTP/1.1\r\nhost: a.test:81\r\ncontent-length: 0\r\n\r\n',
  ],
  ['a DELETE without a body', { method: 'DELETE' }, 'DELETE /a?b=c HTTP/1.1\r\nhost: a.test:81\r\n\r\n'],
  [
    'a GET that has no part in the body',
    { body: body('x') },
    'GET /a?b=c HTTP/1.1\r\nhost: a.test:81\r\n\r\n',
  ],
  [
    'a GET that has',
    { body: body('x', { goesWithGet: true }) },
    'GET /a?b=c HTTP/1.1\r\nhost: a.test:81\r\ncontent-type: text/plain\r\ncontent-length: 1\r\n\r\nx',
  ],
])('%s', (_name, change, expected) => {
  expect(textOf(change)).toBe(expected);
});

test('bytes that are no text go out as they are', () => {
  const bytes = Buffer.from([0, 255, 13, 10, 128]);
  const job = { ...JOB, method: 'POST', body: body('', { base64: bytes.toString('base64') }) };
  expect(nextOf(createRequests(job, [])).bytes?.().subarray(-5)).toEqual(bytes);
});

test('a list is sent in turn by whichever connection sends next, counted by line, and restarts', () => {
  const part = (from: number, count: number) =>
    Array.from({ length: count }, (_, index) => `/${from + index}`);
  const first = part(0, 10_000);
  first[1] = 'HEAD /head';
  const requests = createRequests({ ...JOB, method: 'PATCH' }, [
    first.join('\n'),
    part(10_000, 2).join('\n'),
  ]);
  const send = (connection: number) => {
    const line = nextOf(requests, connection).bytes?.().toString().split(' HTTP')[0];
    nextOf(requests, connection).check(line === 'PATCH /2' ? 500 : 302, '', () => []);
    return line;
  };
  const sent = Array.from({ length: 10_005 }, (_, index) => send(index % 2));
  expect(sent.slice(0, 3)).toEqual(['PATCH /0', 'HEAD /head', 'PATCH /2']);
  expect(sent.slice(9_998)).toEqual(
    ['/9998', '/9999', '/10000', '/10001', '/0']
      .map((path) => `PATCH ${path}`)
      .concat('HEAD /head', 'PATCH /2'),
  );
  const counts = requests.counts();
  expect(counts).toMatchObject({ listed: 10_002, sent: 10_002, failing: 1, counts: { length: 1_000 } });
  expect(counts?.counts.slice(0, 3)).toEqual([
    { index: 2, sent: 2, ok: 0 },
    { index: 0, sent: 2, ok: 2 },
    { index: 1, sent: 2, ok: 2 },
  ]);
  requests.restart();
  expect(requests.counts()).toMatchObject({ sent: 0, failing: 0 });
  expect(send(1)).toBe('PATCH /0');
});

test('the method of a connection is that of its last request, for the reply to HEAD has no body', () => {
  const requests = createRequests(JOB, ['HEAD /a\n/b']);
  const request = nextOf(requests);
  request.bytes?.();
  expect(request.method).toBe('HEAD');
  request.bytes?.();
  expect(request.method).toBe('GET');
});
