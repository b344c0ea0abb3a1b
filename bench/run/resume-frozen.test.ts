import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Config, parseConfig } from '../config/config.ts';
import { PROJECT_ROOT } from '../environment/programs.ts';
import { readUnfinished } from './resume.ts';

/**
 * Runs of commit 07d888b, and the configuration that its `--resume` went on with: see the README beside them.
 */
const FOLDER = join(PROJECT_ROOT, 'bench/compare/fixtures/07d888b');
const recorded = JSON.parse(readFileSync(join(FOLDER, 'configurations.json'), 'utf8')) as Record<
  string,
  Config
>;

/**
 * What has been added since, with what was true without it. `urls` stands for `redisUrl` and `postgresUrl`, which no record
 * holds, and `skipUnavailable` for `leaveOutMissing`; nothing else was renamed.
 */
const ADDED = {
  wide: false,
  urls: {},
  equalLoad: false,
  tls: false,
  target: [],
  contract: [],
  cpuFrom: [],
  insecure: false,
};
const LIBRARY = { lib: 'jsonwebtoken', cache: 'off' };
const ADDED_OPTIONS: Readonly<Record<string, object>> = {
  redis: { pipelining: 'auto' },
  jwt: LIBRARY,
  'jwt-blacklist': { ...LIBRARY, check: 'lookup' },
};

test.each(Object.keys(recorded))('--resume %s goes on with the configuration of 07d888b', (name) => {
  const { unfinished, options } = readUnfinished(join(FOLDER, name), {});
  expect(unfinished.origin.git_sha).toMatch(/^07d888b/);
  const config = JSON.parse(JSON.stringify(parseConfig(options, {}))) as Config;
  const before = recorded[name] as Config;
  const stores = before.stores.map(({ store, options }) => {
    return { store, options: { ...options, ...ADDED_OPTIONS[store] } };
  });
  const { resume, preset, skipUnavailable, ...rest } = config;
  const { leaveOutMissing, ...old } = before as Config & { leaveOutMissing: boolean };
  expect(rest).toEqual({ ...old, ...ADDED, stores });
  expect(skipUnavailable).toBe(leaveOutMissing);
  expect([resume, preset]).toEqual([join(FOLDER, name), options['preset']]);
});

test('every run is among them', () => {
  const runs = readdirSync(FOLDER).filter((name) => name.endsWith('.csv') && !name.startsWith('gate-'));
  expect(Object.keys(recorded).sort()).toEqual(runs.sort());
  expect(runs.length).toBeGreaterThanOrEqual(7);
});
