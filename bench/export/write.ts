import { existsSync, statSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { quoted, usage } from '../config/values.ts';
import { writing } from '../errors.ts';
import type { Entry } from './entries.ts';
import { formatted } from './formats.ts';
import type { Export } from './parse.ts';

/**
 * Checks the paths of reports before anything is started; otherwise an unwritable one would fail only after the run.
 * @throws BenchError USAGE for the first such file.
 */
export function checkReportPaths(asked: {
  markdown?: string | undefined;
  page?: string;
  exports?: readonly Export[];
}): void {
  const reports = (asked.exports ?? []).map(({ path }) => ({ path, flag: '--export' }));
  if (asked.markdown !== undefined) reports.push({ path: asked.markdown, flag: '--markdown' });
  if (asked.page !== undefined) reports.push({ path: asked.page, flag: '--out' });
  for (const { path, flag } of reports) {
    const got = path.toLowerCase().endsWith('.csv')
      ? `${quoted(path)}, which is a name of result rows`
      : !existsSync(dirname(resolve(path)))
        ? `${quoted(path)} in a directory that does not exist`
        : statSync(path, { throwIfNoEntry: false })?.isDirectory()
          ? `${quoted(path)}, which is a folder`
          : undefined;
    if (got !== undefined) throw usage(`a file for the report in ${flag}`, got, 'Name another file.');
  }
}

/** Writes the files of `--export`, each replacing an older one. @throws BenchError OUTPUT_UNWRITABLE */
export function writeExports(exports: readonly Export[], entries: readonly Entry[]): void {
  for (const { format, path } of exports) writeReport(path, formatted(format, entries), '--export');
}

/** Writes a report, replacing an older one. @throws BenchError OUTPUT_UNWRITABLE */
export function writeReport(path: string, text: string, flag: string): void {
  writing(`to write ${path}`, `Name a writable file with ${flag}.`, () => writeFileSync(path, text));
}
