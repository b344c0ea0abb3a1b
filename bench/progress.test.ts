import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { createProgress, isTerminal } from './progress.ts';

test.each([
  [{ isTTY: true }, { TERM: 'xterm' }, true],
  [{ isTTY: true }, {}, true],
  [{ isTTY: true }, { TERM: 'dumb' }, false],
  [{}, { TERM: 'xterm' }, false],
])('%j with %j is a terminal: %s', (stream, env, is) => expect(isTerminal(stream, env)).toBe(is));

test('beside a terminal progress is plain lines', () => {
  const stream = new PassThrough();
  const progress = createProgress(stream as unknown as NodeJS.WriteStream, 1);
  progress.begin('block', 1, 2);
  progress.step('loading');
  progress.say('a word');
  progress.end('done');
  progress.close();
  expect(String(stream.read())).toBe('a word\n[1/2] block: done\n');
});
