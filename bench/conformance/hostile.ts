import { randomBytes } from 'node:crypto';
import type { Forgery } from './forge.ts';

/** Values that have broken servers in other places; never well-formed ids of a site. */

/** Names that every JavaScript object has: a look-up finds something. */
export const PROTOTYPE_NAMES: readonly string[] = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'valueOf',
  'hasOwnProperty',
  '__defineGetter__',
];

const TEXTS: Readonly<Record<string, readonly string[]>> = {
  nothing: ['', ' ', '\t', '""', '0', '-1', 'null', 'undefined', 'true', 'NaN'],
  NUL: ['\0', 'a\0b', '%00', 'a%00', '\\0', '\\x00', '\\u0000'],
  CRLF: [
    'a\r\nX-Forged: 1',
    'a\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n',
    'a\nb',
    'a\rb',
    '%0d%0aX-Forged:1',
  ],
  SQL: ["' OR '1'='1", "' OR 1=1 -- ", '1; DROP TABLE sessions', "'); SELECT 1 -- ", "\\'; --", '$1', '%'],
  glob: ['*', '?', '[a-z]*', '**', '{a,b}', '.*', '^.*$', '(a+)+$'],
  'store commands': ['KEYS *', '*1\r\n$7\r\nFLUSHDB\r\n', 'EVAL', ':', '::', '{user}', 'redis.call()'],
  path: ['../../../../etc/passwd', '..', '.', '/', '//', '..%2f..%2fetc', '%2e%2e%2f', 'file:///x'],
  JSON: ['{}', '[]', '{"id":1}', '{"$ne":null}', '{"$gt":""}', '[object Object]', '"a"'],
  percent: ['%', '%%', '%f', '%ff%fe', '%c0%ae', '%u0041', '%ed%a0%80', '%F0%9F%98%80'],
  unicode: ['ä', '\u202e', '\ufeff', 'ｓｅｓｓｉｏｎ', '😀', '\u0000\uffff', 'a\u0301', '\u2028'],
  template: ['#{7*7}', '{{7*7}}', '<%= 7 %>', '$(id)', '`id`', '|id', '<script>1</script>', '&a=b'],
  control: ['\x01', '\x1b[31m', '\x7f', 'a\x08b', '\x0b', '\x85'],
  cookie: [';', 'a;b', 'a=b', '=', '==', 'a,b', 'a; Path=/', '$Version=1', '%3B'],
  long: ['a'.repeat(255), 'a'.repeat(4_000), '%41'.repeat(500), '='.repeat(3_000), '.'.repeat(3_000)],
  'prototype name': PROTOTYPE_NAMES,
};

/** The values, and well-shaped ids that were never issued. @param like a genuine token, for its length. */
export function hostileValues(like: string): Forgery[] {
  const fixed = Object.entries(TEXTS).flatMap(([how, values]) => values.map((token) => ({ how, token })));
  const shaped = Array.from({ length: 20 }, () => ({
    how: 'a random id of the right length',
    token: randomBytes(like.length).toString('base64url').slice(0, like.length),
  }));
  const filled = ['A', '0', '_'].map((letter) => ({ how: 'one letter', token: letter.repeat(like.length) }));
  return [...fixed, ...shaped, ...filled];
}

/** One megabyte: too long for any head. */
export const HUGE = 'a'.repeat(1_048_576);
