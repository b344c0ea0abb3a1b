import { expect, test } from 'vitest';
import { READ_BUFFER } from './connection.ts';
import { createKnownReplies, isAgain } from './known-reply.ts';

const HEAD = 'HTTP/1.1 200 OK\r\nDate: Sat, 28 Nov 2026 04:33:17 GMT\r\nContent-Length: 7\r\n\r\n';
const REPLY = `${HEAD}{"a":1}`;

/** Puts a reply where connections put it, before the rest of an earlier one. */
function receive(text: string): number {
  READ_BUFFER.fill('x', 0, 8192);
  return READ_BUFFER.write(text, 'latin1');
}

function remember(text: string) {
  const known = createKnownReplies().remember(receive(text), undefined);
  if (known === undefined) throw new Error('expected a reply that is remembered');
  return known;
}

test('the same bytes at another time are the same reply', () => {
  const known = remember(REPLY);
  expect(isAgain(known, receive(REPLY))).toBe(true);
  expect(
    isAgain(known, receive(REPLY.replace('Sat, 28 Nov 2026 04:33:17', 'Mon, 01 Feb 2027 00:00:09'))),
  ).toBe(true);
});

test.each([0, 1, 2, 3])('with %i more bytes any changed bit outside the date is noticed', (more) => {
  const text = REPLY + 'y'.repeat(more);
  const known = remember(text);
  const date = [text.indexOf('Sat'), text.indexOf(' GMT') + 4] as const;
  for (let at = 0; at < text.length; at += 1) {
    for (let bit = 0; bit < 8; bit += 1) {
      const count = receive(text);
      READ_BUFFER[at] = (READ_BUFFER[at] as number) ^ (1 << bit);
      const isInDate = at >= date[0] && at < date[1];
      if (!isInDate) expect(isAgain(known, count), `byte ${at}, bit ${bit}`).toBe(false);
    }
  }
});

test('the date cannot end the line or the head', () => {
  const known = remember(REPLY);
  for (const other of ['\r', '\n', ':', '\0']) {
    const text = REPLY.replace('28 Nov', `2${other} Nov`);
    expect(text.length).toBe(REPLY.length);
    if (other !== ':') expect(isAgain(known, receive(text)), JSON.stringify(other)).toBe(false);
    expect(isAgain(known, receive(REPLY.replace('Nov', `N${other}v`)))).toBe(false);
  }
});

test('what looks like a date in the body is compared as it is', () => {
  const text = (day: string) => `HTTP/1.1 200 OK\r\ncontent-length: 13\r\n\r\n\r\ndate: ${day}\r\n`;
  const known = remember(text('1 a'));
  expect(isAgain(known, receive(text('1 a')))).toBe(true);
  expect(isAgain(known, receive(text('2 a')))).toBe(false);
});

test('another length is another reply', () => {
  const known = remember(REPLY);
  for (const text of [REPLY.slice(0, -1), `${REPLY} `]) expect(isAgain(known, receive(text))).toBe(false);
});

test('long replies, and those beyond a number, are not remembered', () => {
  const replies = createKnownReplies();
  expect(replies.remember(receive('a'.repeat(5000)), undefined)).toBeUndefined();
  const first = replies.remember(receive(REPLY), undefined);
  for (let index = 1; index < 16_384; index += 1) replies.remember(REPLY.length, undefined);
  expect(replies.remember(REPLY.length, undefined)).toBeUndefined();
  expect(replies.remember(REPLY.length, first)).toBeDefined();
});
