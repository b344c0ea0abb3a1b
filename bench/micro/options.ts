import { duration, flagsOf, words } from '../config/flag.ts';
import { OUTPUT_FLAGS } from '../config/shared-flags.ts';
import { GROUP_NAMES } from './group.ts';

const { value } = flagsOf('run');
const MOST_SECONDS = 60;
const LEAST_SECONDS = 0.001;

/** The flags of `pnpm bench:micro`. */
export const MICRO_FLAGS = {
  only: value('--only <groups>', 'groups, separated by commas', GROUP_NAMES.join(','), words(GROUP_NAMES)),
  timeSeconds: value(
    '--time <duration>',
    'timed part of each operation, such as 500ms or 2s',
    '500ms',
    duration(LEAST_SECONDS, MOST_SECONDS),
  ),
  json: { ...OUTPUT_FLAGS.json, help: 'an array of {group, name, median_us, p99_us, rme_pct, samples}' },
};
