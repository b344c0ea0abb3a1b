import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { contractSchema } from '../config/contract.ts';
import { PROJECT_ROOT } from '../environment/programs.ts';
import { checksOf } from './catalogue.ts';
import type { Cell } from './check.ts';
import { COMPARATORS, contractPath, differencesOf, knownCells } from './comparators-fixture.ts';

const cell = (id: string, observed: Cell['observed']) => ({ id, observed, evidence: 'seen' }) as Cell;

describe.each(COMPARATORS)('the committed matrix of %s', (name) => {
  const known = knownCells(name);

  test('has every check in order, under its title', () => {
    expect(known.map(({ id, title }) => [id, title])).toEqual(
      checksOf(undefined).map(({ id, title }) => [id, title]),
    );
  });

  test('says of each ✗ whose choice it is, why, and where that stands, and of each – why', () => {
    for (const { id, sign, whose, why, source } of known) {
      expect(['✓', '✗', '–'], id).toContain(sign);
      if (sign !== '✓') expect(why, id).not.toBe('');
      expect(whose !== '', id).toBe(sign === '✗');
      expect(/^https:\/\//.test(source), id).toBe(sign === '✗');
    }
    expect(known.filter(({ sign }) => sign === '✓').length).toBeGreaterThan(10);
  });

  test('belongs to a contract that is valid', () => {
    const contract = JSON.parse(readFileSync(contractPath(name), 'utf8'));
    expect(contractSchema.safeParse(contract).error?.issues).toBeUndefined();
    expect(contract.name).toBe(name);
  });
});

test('docs/conformance.md shows every check that is ✗ in one of them', () => {
  const docs = readFileSync(join(PROJECT_ROOT, 'docs/conformance.md'), 'utf8');
  const section = /## Sites of other libraries\n([\s\S]*?)\n## /.exec(docs)?.[1] ?? '';
  const shown = section
    .split('\n')
    .filter((line) => /^\| \d/.test(line))
    .map((line) => line.split('|').map((part) => part.trim()));
  const columns = COMPARATORS.map((name) => knownCells(name));
  const expected = checksOf(undefined).flatMap(({ id }, row) => {
    const signs = columns.map((cells) => cells[row]?.sign);
    return signs.includes('✗') ? [[id, ...signs]] : [];
  });
  expect(shown.map(([, id, , ...signs]) => [id, ...signs.slice(0, COMPARATORS.length)])).toEqual(expected);
});

test('a difference is seen in both directions, as an error, and as a check that was not run', () => {
  const known = ['✓', '✗', '–', '✓', '✗'].map((sign, index) => ({
    ...{ id: String(index), title: '', sign, whose: '', why: '', source: '' },
  }));
  const seen = [cell('0', 'fail'), cell('1', 'pass'), cell('2', 'n/a'), cell('3', 'error')];
  expect(differencesOf(seen, known)).toEqual([
    '0: ✓ is known, ✗ seen: seen',
    '1: ✗ is known, ✓ seen: seen',
    '3: ✓ is known, error seen: seen',
    '4: not looked at',
  ]);
});
