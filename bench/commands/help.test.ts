import { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { type Config, parseConfig } from '../config/config.ts';
import { addFlags, type FlagTable, keyOf, longName } from '../config/flag.ts';
import { SITE_FLAGS } from '../config/sites.ts';
import { COMMAND as CALIBRATE, configOf as configOfCalibrate } from './calibrate.ts';
import { configOf as configOfFindMax, COMMAND as FIND_MAX } from './find-max.ts';
import { configOf as configOfGate, COMMAND as GATE } from './gate.ts';
import { COMMAND as RUN } from './run.ts';

/** Each command with the configuration that it makes of no flags, and the flags whose default help describes in words. */
const COMMANDS: readonly { name: string; flags: FlagTable; config: Config; inWords: string[] }[] = [
  {
    name: 'run',
    flags: RUN.flags,
    // Without a store another preset applies, as the help of --preset says.
    config: parseConfig({ store: 'none' }, {}),
    inWords: ['stores', 'sliceSeconds', 'out', 'seed'],
  },
  { name: 'gate', flags: GATE.flags, config: configOfGate({}), inWords: ['sliceSeconds', 'out', 'seed'] },
  {
    name: 'calibrate',
    flags: CALIBRATE.flags,
    config: configOfCalibrate({}),
    inWords: ['stores', 'sliceSeconds', 'seed'],
  },
  { name: 'find-max', flags: FIND_MAX.flags, config: configOfFindMax({ store: 'none' }), inWords: ['seed'] },
];

describe.each(COMMANDS)('help of $name', ({ flags, config, inWords }) => {
  const options = addFlags(new Command(), flags).options;
  const shown = Object.entries(flags)
    .filter(([key]) => key in config)
    .map(([key, flag]) => {
      const option = options.find((one) => one.attributeName() === keyOf(flag) && !one.negate);
      return { key, flag, text: option?.defaultValueDescription, value: config[key as keyof Config] };
    });

  test('shows the defaults that apply', () => {
    const asText = shown.filter(({ key, text }) => text !== undefined && !inWords.includes(key));
    expect(asText.length).toBeGreaterThan(2);
    for (const { key, flag, text, value } of asText)
      expect(flag.parse(text, longName(flag)), key).toEqual(value);
  });

  test('describes a default in words only where it is not a fixed value', () => {
    const described = shown.filter(({ flag }) => flag.fallbackHelp && flag.fallbackHelp !== flag.fallback);
    expect(described.map(({ key }) => key)).toEqual(inWords);
  });

  test('names no flag that the command lacks', () => {
    const text = Object.values(flags).flatMap(({ help, fallbackHelp = '' }) => [help, fallbackHelp]);
    const named = text.join(' ').match(/--[a-z]+(-[a-z]+)*/g) ?? [];
    expect(named.filter((name) => !options.some(({ long }) => long === name))).toEqual([]);
  });
});

const OF_SITES = Object.keys(SITE_FLAGS);
test.each(['thresholds', 'wide', 'preset', ...OF_SITES])(
  'gate does not take %s, which would have no effect',
  (key) => {
    expect(Object.keys(RUN.flags)).toContain(key);
    expect(Object.keys(GATE.flags)).not.toContain(key);
  },
);
