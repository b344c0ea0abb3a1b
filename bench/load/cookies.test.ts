import { expect, test } from 'vitest';
import { keptPairs, setsCookie } from './cookies.ts';

test.each<[line: string, pair: string | undefined]>([
  ['sid=abc; Path=/; HttpOnly', 'sid=abc'],
  ['sid=YWJj==; Path=/', 'sid=YWJj=='],
  ['sid="a b"', 'sid="a b"'],
  [' sid=a ; Path=/', 'sid=a'],
  ['sid=; Max-Age=0', undefined],
  ['sid= ; Max-Age=0', undefined],
  ['sid=""; Max-Age=0', undefined],
  ['sid=deleted; expires=Thu, 01-Jan-1970 00:00:01 GMT; Max-Age=0; path=/', undefined],
  ['sid=deleted; Expires=Thu, 01 Jan 1970 00:00:00 GMT', undefined],
  ['sid=abc; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT', 'sid=abc'],
  ['sid=abc; Expires=Fri, 31 Dec 9999 23:59:59 GMT', 'sid=abc'],
  ['sid=abc; Expires=soon', 'sid=abc'],
])('of %j a client keeps %j', (line, pair) => {
  expect(keptPairs([line])).toEqual(pair === undefined ? [] : [pair]);
  expect(setsCookie(['other=1', line], 'sid')).toBe(pair !== undefined);
  expect(setsCookie([line], 'si')).toBe(false);
});

test('of several lines with one name the last counts', () => {
  expect(keptPairs(['sid=old', 'a=1', 'sid=new; Path=/'])).toEqual(['a=1', 'sid=new']);
  expect(setsCookie(['sid=abc', 'sid=; Max-Age=0'], 'sid')).toBe(false);
  expect(setsCookie(['sid=; Max-Age=0', 'sid=abc'], 'sid')).toBe(true);
});
