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
