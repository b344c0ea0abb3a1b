import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { expiryText } from './commands.ts';
import { type Reply, ReplyError, readReplies } from './replies.ts';

const VALUE = 'gr\u00fc\u00dfe \ud83e\udd8a VA 3\r\nEN\r\n\0 end';
const STREAM = Buffer.concat([
  Buffer.from(`VA ${Buffer.byteLength(VALUE)} c17\r\n${VALUE}\r\n`),
  Buffer.from(
    'EN\r\nSTORED\r\nVA 0\r\n\r\nSERVER_ERROR out of memory storing object\r\nSTAT pid 7\r\nkey=a%3Ab exp=-1\nEND\r\n',
  ),
]);
const REPLIES: Reply[] = [
  { code: 'VA', rest: `${Buffer.byteLength(VALUE)} c17`, value: VALUE },
  { code: 'EN', rest: '', value: undefined },
  { code: 'STORED', rest: '', value: undefined },
  { code: 'VA', rest: '0', value: '' },
  { code: 'SERVER_ERROR', rest: 'out of memory storing object', value: undefined },
  { code: 'STAT', rest: 'pid 7', value: undefined },
  { code: 'key=a%3Ab', rest: 'exp=-1', value: undefined },
  { code: 'END', rest: '', value: undefined },
];

function repliesOf(chunks: readonly Buffer[]): Reply[] {
  const replies: Reply[] = [];
  const read = readReplies((reply) => replies.push(reply));
  for (const chunk of chunks) read(chunk);
  return replies;
}

describe('replies', () => {
  test('cut in two at each byte, they are the same', () => {
    for (let at = 0; at <= STREAM.length; at += 1)
      expect(repliesOf([STREAM.subarray(0, at), STREAM.subarray(at)]), `cut at ${at}`).toEqual(REPLIES);
  });

  test('cut anywhere, also into single bytes', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(STREAM.length), { maxLength: 40 }), (places) => {
        const cuts = [0, ...places.sort((a, b) => a - b), STREAM.length];
        const chunks = cuts.slice(1).map((end, index) => STREAM.subarray(cuts[index], end));
        expect(repliesOf(chunks)).toEqual(REPLIES);
      }),
    );
    expect(repliesOf([...STREAM].map((byte) => Buffer.of(byte)))).toEqual(REPLIES);
  });

  test('a large value is joined once, however many chunks it comes in', () => {
    const large = 'x'.repeat(1_000_000);
    const bytes = Buffer.from(`VA ${large.length}\r\n${large}\r\nEN\r\n`);
    const chunks = Array.from({ length: 1000 }, (_, at) => bytes.subarray(at * 1001, (at + 1) * 1001));
    const [value, next] = repliesOf(chunks);
    expect(value?.value === large).toBe(true);
    expect(next?.code).toBe('EN');
  });

  test.each([
    ['a size that is none', 'VA x\r\n'],
    ['a negative size', 'VA -1\r\n'],
    ['a size beyond any value', 'VA 99999999999\r\n'],
    ['a value that is longer than it says', 'VA 1\r\nabc\r\n'],
    ['a line without an end', 'x'.repeat(9000)],
  ])('%s is an error', (_, text) => {
    expect(() => repliesOf([Buffer.from(text)])).toThrow(ReplyError);
  });

  test('an error shows a word of the protocol, and nothing of a session', () => {
    expect(new ReplyError('HTTP/1.1 400 Bad Request').message).toContain('"HTTP/1.1"');
    expect(new ReplyError('secret data').message).not.toContain('secret');
    expect(new ReplyError('SECRET-data').message).not.toContain('SECRET');
  });
});

describe('expiry', () => {
  test('is in whole seconds, never early, and a date beyond thirty days', () => {
    expect(expiryText(1)).toBe('2');
    expect(expiryText(1000)).toBe('2');
    expect(expiryText(1001)).toBe('3');
    // None of these may be read as "for ever" or "at once".
    for (const ms of [0, -1, -10_000]) expect(expiryText(ms)).toBe('2');
    const days = (count: number) => Number(expiryText(count * 86_400_000));
    expect(days(29)).toBe(29 * 86_400 + 1);
    expect(days(31)).toBeGreaterThan(Date.now() / 1000 + 31 * 86_400);
    expect(days(31)).toBeLessThan(Date.now() / 1000 + 31 * 86_400 + 5);
    // The last second that is read as one, with the one that is added.
    expect(Number(expiryText((30 * 86_400 - 1) * 1000))).toBe(30 * 86_400);
    expect(days(30)).toBeGreaterThan(1e9);
  });
});
