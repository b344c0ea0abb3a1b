import { expect, test } from 'vitest';
import { columnsOf } from './screen.ts';

test.each([
  ['a terminal', { isTTY: true, columns: 120 }, {}, 120],
  [
    'a terminal whose size changed since a shell exported it',
    { isTTY: true, columns: 120 },
    { COLUMNS: '80' },
    120,
  ],
  ['a narrow one', { isTTY: true, columns: 20 }, {}, 40],
  ['a terminal without a size', { isTTY: true, columns: 0 }, {}, 80],
  ['the same with COLUMNS', { isTTY: true, columns: 0 }, { COLUMNS: '100' }, 100],
  ['a pipe', {}, {}, undefined],
  ['a pipe with COLUMNS', {}, { COLUMNS: '80' }, 80],
  ['a pipe with nonsense in COLUMNS', {}, { COLUMNS: 'wide' }, undefined],
  ['a pipe with 0 in COLUMNS', {}, { COLUMNS: '0' }, undefined],
])('%s', (_, stream, env, columns) => expect(columnsOf(stream, env)).toBe(columns));
