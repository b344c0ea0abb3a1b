import type { RawOptions } from '../config/values.ts';
import { isTerminal } from '../progress.ts';

/** Whether output is coloured: on a terminal, unless `--no-color` or NO_COLOR forbids it. */
export function usesColor(given: RawOptions): boolean {
  return isTerminal(process.stdout) && given['color'] !== false && !process.env['NO_COLOR'];
}
