import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { checkPackages } from '../environment/comparator-packages.ts';
import { PROJECT_ROOT } from '../environment/programs.ts';
import type { Draw } from './chart.ts';

/** The folder of what draws, with a package.json and a lock file of its own; relative to the project. */
export const PLOTS_FOLDER = 'bench/report/plots';

/**
 * Loads what draws charts. Its packages are not those of the project: who measures does not need them.
 * @throws BenchError PACKAGES_MISSING, with the command that installs them.
 */
export async function loadPlotter(root: string = PROJECT_ROOT): Promise<Draw> {
  checkPackages(PLOTS_FOLDER, root, 'PACKAGES_MISSING');
  const { draw } = (await import(pathToFileURL(join(root, PLOTS_FOLDER, 'draw.ts')).href)) as { draw: Draw };
  return draw;
}
