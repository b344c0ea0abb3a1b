import { expect, test } from 'vitest';
import { createPace, patiently } from './pace.ts';

const reply = (status: number, retryAfter?: string) => ({
  status,
  body: '',
  headers: retryAfter === undefined ? {} : { 'retry-after': retryAfter },
});

test('a reply other than 429 is returned at once', async () => {
  expect(await patiently(async () => reply(503))).toMatchObject({ status: 503 });
});

test.each(['0', new Date().toUTCString()])('429 with Retry-After %s is sent again', async (after) => {
  const replies = [reply(429, after), reply(429, after), reply(200)];
  expect(await patiently(async () => replies.shift() ?? reply(500))).toMatchObject({ status: 200 });
});

test.each([undefined, 'soon', '86400', '-5', '1.5', ''])(
  '429 with Retry-After %s is an error of the experiment',
  async (after) => {
    let sent = 0;
    const send = async () => {
      sent += 1;
      return reply(429, after);
    };
    await expect(patiently(send)).rejects.toThrow(/429 with.*requestsPerSecond/);
    expect(sent).toBe(1);
  },
);

test('a site that goes on refusing is not asked for ever', async () => {
  let sent = 0;
  const send = async () => {
    sent += 1;
    return reply(429, '0');
  };
  await expect(patiently(send)).rejects.toThrow('429 with Retry-After: 0');
  expect(sent).toBe(3);
});

test('turns are as far apart as asked for, and without a rate at once', async () => {
  const paced = createPace(100);
  const started = performance.now();
  await Promise.all(Array.from({ length: 6 }, () => paced.turn()));
  expect(performance.now() - started).toBeGreaterThan(45);
  const free = createPace(undefined);
  for (let turn = 0; turn < 1000; turn += 1) await free.turn();
});

test('the account of a check: its requests, and the time in which any of them waited', async () => {
  const pace = createPace(20);
  pace.during(new AbortController().signal);
  const startedMs = performance.now();
  await Promise.all([pace.turn(), pace.turn(), pace.turn(), pace.pause(30)]);
  const { requests, waitedMs } = pace.account();
  expect(requests).toBe(3);
  // Three turns of 50 ms and a pause, side by side: not their sum.
  expect(waitedMs).toBeGreaterThan(90);
  expect(waitedMs).toBeLessThanOrEqual(performance.now() - startedMs);
  pace.during(new AbortController().signal);
  expect(pace.account()).toEqual({ requests: 0, waitedMs: 0 });
});

test('waits that a site asks for are accounted while they last, and have a limit in all', async () => {
  const pace = createPace(undefined);
  const over = new AbortController();
  pace.during(over.signal);
  const waits = Array.from({ length: 15 }, () => pace.pause(60_000));
  await expect(pace.pause(1)).rejects.toThrow(/more than 15 minutes in one check.*requestsPerSecond/);
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(pace.account().waitedMs).toBeGreaterThan(10);
  over.abort(new Error('over'));
  expect((await Promise.allSettled(waits)).every(({ status }) => status === 'rejected')).toBe(true);
});

test('a check that is over sends nothing more, also what waits for its turn', async () => {
  const pace = createPace(1);
  const over = new AbortController();
  pace.during(over.signal);
  await pace.turn();
  const waiting = pace.turn();
  over.abort(new Error('the check is over'));
  await expect(waiting).rejects.toThrow();
  await expect(pace.turn()).rejects.toThrow('the check is over');
  pace.during(new AbortController().signal);
  await expect(createPace(undefined).turn()).resolves.toBeUndefined();
});
