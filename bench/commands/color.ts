import type { RawOptions } from '../config/values.ts';

/** Whether output is coloured: on a terminal, unless `--no-color` or NO_COLOR forbids it. */
export function usesColor(given: RawOptions): boolean {
  return process.stdout.isTTY === true && given['color'] !== false && !process.env['NO_COLOR'];
}
