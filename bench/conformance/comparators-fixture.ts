import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECT_ROOT } from '../environment/programs.ts';
import type { Cell } from './check.ts';

/** For tests: the sites of servers/comparators, and what is known of each. */

export const COMPARATORS = ['express-session', 'fastify-session', 'better-auth'] as const;
export type ComparatorName = (typeof COMPARATORS)[number];

export const COMPARATORS_FOLDER = join(PROJECT_ROOT, 'servers/comparators');
export const contractPath = (name: ComparatorName) => join(COMPARATORS_FOLDER, `${name}.json`);

/** One row of a committed matrix. */
export interface KnownCell {
  id: string;
  title: string;
  sign: string;
  /** Whose choice a ✗ is. */
  whose: string;
  why: string;
  source: string;
}

/** The rows of a committed matrix, in their order. */
export function knownCells(name: ComparatorName): KnownCell[] {
  const text = readFileSync(join(COMPARATORS_FOLDER, `${name}.matrix.md`), 'utf8');
  return text.split('\n').flatMap((line) => {
    const [, id = '', title = '', sign = '', whose = '', why = '', source = ''] = line
      .split('|')
      .map((part) => part.trim());
    return /^\d+[a-z]?$/.test(id)
      ? [{ id, title: title.replaceAll('\\_', '_'), sign, whose, why, source }]
      : [];
  });
}

const SIGNS: Readonly<Record<Cell['observed'], string>> = {
  pass: '✓',
  fail: '✗',
  'n/a': '–',
  error: 'error',
};

/** Each cell that is not as committed, in either direction, with what was seen. */
export function differencesOf(cells: readonly Cell[], known: readonly KnownCell[]): string[] {
  const signs = new Map(known.map(({ id, sign }) => [id, sign]));
  const unlike = cells.filter(({ id, observed }) => SIGNS[observed] !== signs.get(id));
  const unseen = known.filter(({ id }) => !cells.some((cell) => cell.id === id));
  return [
    ...unlike.map(
      ({ id, observed, evidence }) =>
        `${id}: ${signs.get(id)} is known, ${SIGNS[observed]} seen: ${evidence}`,
    ),
    ...unseen.map(({ id }) => `${id}: not looked at`),
  ];
}
