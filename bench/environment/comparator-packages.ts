import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BenchError } from '../errors.ts';
import { PROJECT_ROOT } from './programs.ts';

/** The folder of the libraries, with a package.json and a lock file of its own; relative to the project. */
export const COMPARATORS_FOLDER = 'servers/comparators';

/**
 * Checks that a folder has the packages that its package.json names, which the project itself does not install.
 * @param folder relative to the project. @throws BenchError with the command that installs them.
 */
export function checkPackages(
  folder: string,
  root: string = PROJECT_ROOT,
  code: 'SERVER_FAILED' | 'PACKAGES_MISSING' = 'SERVER_FAILED',
): void {
  const path = join(root, folder);
  const lacking = Object.entries(dependenciesOf(path)).filter(([name, version]) => {
    const installed = join(path, 'node_modules', name, 'package.json');
    return !existsSync(installed) || jsonIn(installed)['version'] !== version;
  });
  if (lacking.length === 0) return;
  throw new BenchError({
    code,
    expected: `the packages of ${folder}`,
    got: `no ${lacking.map(([name, version]) => `${name} ${version}`).join(', ')}`,
    remedy: `Run pnpm -C ${folder} install --frozen-lockfile.`,
  });
}

/** Packages of the libraries with their versions, as in the column `library_versions`: `express@5.3.0 pg@8.23.1`. */
export function versionsText(packages: readonly string[]): string {
  const versions = dependenciesOf(join(PROJECT_ROOT, COMPARATORS_FOLDER));
  return packages.map((name) => `${name}@${versions[name] ?? 'unknown'}`).join(' ');
}

const dependenciesOf = (path: string) =>
  jsonIn(join(path, 'package.json'))['dependencies'] as Readonly<Record<string, string>>;

const jsonIn = (path: string) => JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
