import { writeFileSync } from 'node:fs';
import { BenchError, messageOf } from '../errors.ts';
import type { Entry } from './entries.ts';
import { formatted } from './formats.ts';
import type { Export } from './parse.ts';

/** Writes the files of `--export`, each replacing an older one. @throws BenchError OUTPUT_UNWRITABLE */
export function writeExports(exports: readonly Export[], entries: readonly Entry[]): void {
  for (const { format, path } of exports) writeReport(path, formatted(format, entries), '--export');
}

/** Writes a report, which can be made again and so replaces an older one. @throws BenchError OUTPUT_UNWRITABLE */
export function writeReport(path: string, text: string, flag: string): void {
  try {
    writeFileSync(path, text);
  } catch (error) {
    throw new BenchError({
      code: 'OUTPUT_UNWRITABLE',
      expected: `to write ${path}`,
      got: messageOf(error),
      remedy: `Name a file that can be written with ${flag}.`,
      cause: error,
    });
  }
}
