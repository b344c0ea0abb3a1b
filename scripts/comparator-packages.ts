import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECT_ROOT } from '../bench/environment/programs.ts';
import { BenchError } from '../bench/errors.ts';

/**
 * Checks that a folder has the packages that its package.json names, which the project itself does not install.
 * @param folder relative to the project. @throws BenchError SERVER_FAILED, with the command that installs them.
 */
export function checkPackages(folder: string, root: string = PROJECT_ROOT): void {
  const path = join(root, folder);
  const { dependencies } = jsonIn(join(path, 'package.json')) as { dependencies: Record<string, string> };
  const lacking = Object.entries(dependencies).filter(([name, version]) => {
    const installed = join(path, 'node_modules', name, 'package.json');
    return !existsSync(installed) || jsonIn(installed)['version'] !== version;
  });
  if (lacking.length === 0) return;
  throw new BenchError({
    code: 'SERVER_FAILED',
    expected: `the packages of ${folder}`,
    got: `no ${lacking.map(([name, version]) => `${name} ${version}`).join(', ')}`,
    remedy: `Run pnpm -C ${folder} install --frozen-lockfile.`,
  });
}

const jsonIn = (path: string) => JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
