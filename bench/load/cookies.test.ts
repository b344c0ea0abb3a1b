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
])('of %j a client keeps %j', (line, pair) => {
  expect(keptPairs([line])).toEqual(pair === undefined ? [] : [pair]);
  expect(setsCookie(['other=1', line], 'sid')).toBe(pair !== undefined);
  expect(setsCookie([line], 'si')).toBe(false);
});
