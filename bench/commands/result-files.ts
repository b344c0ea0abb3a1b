import { existsSync, realpathSync, statSync } from 'node:fs';
import { usage } from '../config/values.ts';

/**
 * Checks that the result files of a command are files, each named once.
 * @param example the remedy for a file that is not there. @param once the remedy for one that is named twice.
 * @throws BenchError USAGE for the first that is not.
 */
export function checkFiles(files: readonly string[], example: string, once: string): void {
  const known = new Set<string>();
  for (const file of files) {
    if (!existsSync(file)) throw usage('a result file', `"${file}", which does not exist`, example);
    if (!statSync(file).isFile()) throw usage('a result file', `"${file}", which is not a file`, example);
    const path = realpathSync(file);
    if (known.has(path)) throw usage('different files', `"${file}" twice`, once);
    known.add(path);
  }
}

/** A report must not replace a result file, whatever its name. @throws BenchError USAGE */
export function checkNotResultFile(path: string, files: readonly string[]): void {
  if (!existsSync(path) || files.every((file) => realpathSync(file) !== realpathSync(path))) return;
  throw usage('another file for the report', `"${path}", which is read`, 'Name a new one.');
}
