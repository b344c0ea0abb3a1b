/** Checks 39, 40, 46, 47 and 50: what is too large, hostile, stolen or malformed. */

import type { Check } from '../check.ts';
import { BODY_CHECKS } from './bodies.ts';
import { DUMP_CHECKS } from './dump.ts';
import { HOSTILE_CHECKS } from './hostile-ids.ts';
import { SIZE_CHECKS } from './sizes.ts';

export const INPUT_CHECKS: readonly Check[] = [
  ...SIZE_CHECKS,
  ...HOSTILE_CHECKS,
  ...DUMP_CHECKS,
  ...BODY_CHECKS,
];
