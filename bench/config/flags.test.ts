import { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { CONFIGURATION_COLUMNS } from '../compare/cells.ts';
import type { ColumnName } from '../results/row.ts';
import { recordableOptions } from '../run/resume.ts';
import { parseConfig } from './config.ts';
import { flagsFromFile } from './file.ts';
import { addFlags, type FlagTable, flagsOf, givenFlags, keyOf, longName, parseFlags, whole } from './flag.ts';
import { RUN_TABLE } from './flags.ts';

/** A table with one more flag than that of `run`, added in this one place. */
const ADDED = flagsOf('run').value('--nodes <count>', 'how many nodes', '3', whole(1, 9));
const TABLE: FlagTable = { ...RUN_TABLE, nodes: ADDED };

describe('a flag that is added to the table, and nowhere else', () => {
  test('is in help, with its default', () => {
    const help = addFlags(new Command(), TABLE).helpInformation();
    expect(help).toMatch(/--nodes <count> +how many nodes \(default: 3\)/);
  });

  test('is taken from the command line, from a file, and from its default; a wrong value is one line', () => {
    const command = addFlags(new Command(), TABLE);
    command.parse(['--nodes', '5'], { from: 'user' });
    expect(parseFlags(TABLE, givenFlags(command))).toMatchObject({ nodes: 5 });
    expect(flagsFromFile({ nodes: 4 }, 'x.json', TABLE)).toEqual({ nodes: '4' });
    expect(() => flagsFromFile({ nodse: 4 }, 'x.json', TABLE)).toThrow('Did you mean nodes?');
    expect(parseFlags(TABLE, {})).toMatchObject({ nodes: 3 });
    expect(() => parseFlags(TABLE, { nodes: '0' })).toThrow('from 1 to 9 for --nodes, got "0"');
  });

  test('is recorded for --resume', () => {
    const config = parseConfig({ seed: '1', store: 'none' }, {});
    expect(recordableOptions({ nodes: '5' }, config, TABLE)).toMatchObject({ nodes: '5', seed: '1' });
  });
});

test('nothing is recorded that holds a file or a URL, which may hold a password', () => {
  const recorded = Object.values(RUN_TABLE).filter(({ scope }) => scope === 'run');
  expect(recorded.map(longName)).toEqual(expect.arrayContaining(['store', 'servers', 'seed', 'services']));
  expect(recorded.filter(({ spelling }) => /<(file|url|format=file)>/.test(spelling))).toEqual([]);
});

test('no two flags share a name, and help fits on 100 columns', () => {
  const keys = Object.values(RUN_TABLE).map(keyOf);
  expect(new Set(keys).size).toBe(keys.length);
  const command = addFlags(new Command(), RUN_TABLE).configureHelp({ helpWidth: 100 });
  expect(
    command
      .helpInformation()
      .split('\n')
      .filter((line) => line.length > 100),
  ).toEqual([]);
});

/** The column by which `compare` keeps rows of different values of a flag apart. */
const COLUMN_OF: Readonly<Record<string, ColumnName>> = {
  store: 'store',
  servers: 'servers',
  balancer: 'balancer',
  affinity: 'affinity',
  scenario: 'scenario',
  payload: 'payload_bytes',
  connections: 'connections',
  sessions: 'sessions_live',
  keys: 'key_distribution',
  pool: 'pool_size',
  transport: 'transport',
  'store-distance': 'store_distance_ms',
  inner: 'inner_servers',
  durability: 'variant',
  service: 'variant',
  engine: 'engine',
  rate: 'target_rps',
  arrivals: 'load_model',
  pin: 'pinning',
  awake: 'generator_mode',
  'equal-load': 'pass',
  touch: 'touch_s',
  expiring: 'expiring_sessions',
  churn: 'churned_sessions',
  tls: 'edge_tls',
  fault: 'fault',
};
/** Why rows of different values of a flag may be compared. */
const COMPARABLE: Readonly<Record<string, string>> = {
  duration: 'a longer load is more precise, and estimates the same',
  warmup: 'a warm-up that was too short makes the block invalid',
  repeat: 'more blocks are more precise',
  within: 'more time replaces more blocks',
  slice: 'the length of a slice changes the scatter',
  seed: 'another seed is another sample of the same load',
  preset: 'it stands for other flags',
  services: 'the same program, wherever it comes from; the record beside the CSV says where',
};

test('a flag that changes the measurement has a column by which compare pairs, or a reason why not', () => {
  const flags = Object.values(RUN_TABLE).filter(({ scope }) => scope === 'run');
  const known = Object.keys({ ...COLUMN_OF, ...COMPARABLE });
  expect(flags.map(longName).sort()).toEqual(known.sort());
  const columns = Object.values(COLUMN_OF);
  expect(columns.filter((column) => !CONFIGURATION_COLUMNS.includes(column))).toEqual([]);
});
