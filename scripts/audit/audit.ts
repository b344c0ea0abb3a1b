/**
 * Recomputes the published tables of the README and of docs/ from the rows in results/, with nothing of
 * the product, and prints each published figure beside its recomputation. Exit 1 when one differs, or when a mark in a
 * document has no recomputation. Usage: pnpm exec tsx scripts/audit/audit.ts [--all]
 */

import { check, type Figure } from './check.ts';
import { COMPARATOR_TABLES } from './comparators.ts';
import { DENY_SET_TABLES } from './deny-set.ts';
import { namesIn, readDocument } from './documents.ts';
import { FAILOVER_TABLES } from './failovers.ts';
import { PROOF_TABLES } from './proof.ts';
import { REFERENCE_TABLES } from './reference.ts';
import { REVOCATION_TABLES } from './revocation.ts';
import { SCALE_TABLES } from './scale.ts';
import { SEARCH_TABLES } from './searches.ts';
import { STUDY_TABLES } from './studies.ts';
import { TWIN_TABLES } from './twins.ts';

export const TABLES = [
  ...REFERENCE_TABLES,
  ...COMPARATOR_TABLES,
  ...PROOF_TABLES,
  ...TWIN_TABLES,
  ...SEARCH_TABLES,
  ...FAILOVER_TABLES,
  ...DENY_SET_TABLES,
  ...REVOCATION_TABLES,
  ...SCALE_TABLES,
  ...STUDY_TABLES,
];
export const DOCUMENTS = [...new Set(TABLES.map(({ document }) => document))];

/** Marks that nothing recomputes. */
export function unknownMarks(): string[] {
  const known = new Set(TABLES.map(({ document, name }) => `${document} ${name}`));
  return DOCUMENTS.flatMap((document) =>
    namesIn(readDocument(document))
      .map((name) => `${document} ${name}`)
      .filter((mark) => !known.has(mark)),
  );
}

function print(figures: readonly Figure[], isAll: boolean): void {
  for (const { where, published, recomputed, isSame } of figures) {
    if (!isSame || isAll)
      console.log(
        `${isSame ? 'same     ' : 'DIFFERENT'} ${where}: ${published || '-'} | ${recomputed || '-'}`,
      );
  }
}

if (process.argv[1] === import.meta.filename) {
  // As in `| head -1`. Not by the product's own function: this program shares nothing with it.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
  const figures = TABLES.flatMap((table) => check(table));
  print(figures, process.argv.includes('--all'));
  const different = figures.filter(({ isSame }) => !isSame).length;
  for (const mark of unknownMarks()) console.log(`NOT RECOMPUTED ${mark}`);
  console.log(`${figures.length} published figures, ${different} of them different`);
  if (different > 0 || unknownMarks().length > 0) process.exitCode = 1;
}
