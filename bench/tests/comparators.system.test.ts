import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { COMPARATORS_FOLDER } from '../environment/comparator-packages.ts';
import { PROJECT_ROOT } from '../environment/programs.ts';
import { bench, faultsOf, rowsIn, scratch } from './cli-fixture.ts';

/** Libraries as arms of a run, beside our backends: real servers, services and load. */

const directory = scratch();
const out = (name: string) => join(directory.path, `${name}.csv`);
const SMALL = ['--balancer', 'none', '-d', '400ms', '-w', '300ms', '--sessions', '200', '-c', '8'];

// Without the network where they are installed already.
beforeAll(async () => {
  const options = { cwd: join(PROJECT_ROOT, COMPARATORS_FOLDER), env: { ...process.env, CI: 'true' } };
  await promisify(execFile)('pnpm', ['install', '--frozen-lockfile', '--prefer-offline'], options);
});
afterAll(directory.remove);

async function measure(name: string, stores: string, scenario: string, more: string[] = []) {
  const args = ['--store', stores, '--scenario', scenario, '-o', out(name), ...SMALL, ...more];
  const finished = await bench(args, directory.path);
  const rows = rowsIn(out(name));
  expect(faultsOf(finished, rows)).toEqual([]);
  for (const row of rows)
    expect([row['store'], row['status'], row['check_failed']]).toEqual([row['store'], 'ok', '0']);
  expect(directory.leftovers()).toEqual([]);
  const whole = rows.filter(({ operation }) => operation === 'all' || scenario !== 'mixed');
  const cell = (arm: string, column: string) => {
    const [store, option = ''] = arm.split(':');
    const found = whole.find((row) => row['store'] === store && row['variant']?.includes(option));
    return found?.[column] ?? '';
  };
  return { finished, cell };
}

/** Commands to the service that one request costs, as the libraries' documentation has them. */
const TRIPS: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  read: {
    // GET and EXPIRE; without touch GET alone.
    'express-session:touch=on': 2,
    'express-session:touch=off': 1,
    // GET, and the whole session by SET where it is rolling.
    'fastify-session:rolling=on': 2,
    'fastify-session:rolling=off': 1,
    redis: 1,
  },
  // All load first, then save.
  update: { 'express-session:touch=on': 2, 'fastify-session:rolling=off': 2, redis: 2 },
};

describe.each(['read', 'update'])('scenario %s', (scenario) => {
  test('libraries in Redis cost the commands that they are known for, and their store is accounted', async () => {
    const arms = Object.keys(TRIPS[scenario] ?? {});
    const { finished, cell } = await measure(`redis-${scenario}`, ['none', ...arms].join(','), scenario);
    for (const [arm, trips] of Object.entries(TRIPS[scenario] ?? {})) {
      expect([arm, Number(cell(arm, 'store_commands_per_req'))]).toEqual([arm, expect.closeTo(trips, 1)]);
      expect(Number(cell(arm, 'cpu_us_per_req_store'))).toBeGreaterThan(0);
      expect(cell(arm, 'pool_size')).toBe('1');
    }
    expect(cell('express-session', 'library_versions')).toMatch(
      /^express@[\d.]+ express-session@[\d.]+ connect-redis@[\d.]+ redis@[\d.]+$/,
    );
    expect(cell('redis', 'library_versions')).toBe('');
    expect(finished.stdout).toContain('what people run: libraries at their defaults');
    expect(finished.stdout).toMatch(/Libraries, each on a server of its own/);
  });
});

test('libraries in Postgres ask for a session by one query, and for its lifetime by another', async () => {
  const arms = 'postgres,express-session:store=postgres,express-session:store=postgres+touch=off,better-auth';
  const { cell } = await measure('postgres-read', arms, 'read', ['--pool', '3']);
  expect(Number(cell('express-session:touch=on', 'store_commands_per_req'))).toBeCloseTo(2, 1);
  expect(Number(cell('express-session:touch=off', 'store_commands_per_req'))).toBeCloseTo(1, 1);
  expect(Number(cell('better-auth', 'store_commands_per_req'))).toBeGreaterThanOrEqual(0.95);
  expect(cell('better-auth', 'pool_size')).toBe('3');
});

const STATELESS = 'fastify-secure-session,iron-session,fastify-jwt';

test('every library serves reads, updates, logins and logouts in one mix', async () => {
  const { cell } = await measure('mixed', 'none,comparators', 'mixed');
  for (const store of STATELESS.split(',')) expect(cell(store, 'store_commands_per_req')).toBe('');
});

test('a logout that is sent once for each session works on each framework', async () => {
  await measure('logout', 'express-session,fastify-session,iron-session', 'logout');
});

test('a logged-out cookie that holds its session is accepted until it expires, one in a store is not', async () => {
  const { cell } = await measure(
    'revocation',
    'fastify-session,fastify-secure-session,fastify-jwt',
    'revocation',
  );
  expect(Number(cell('fastify-session', 'stale_accepts'))).toBe(0);
  expect(Number(cell('fastify-jwt', 'stale_accepts'))).toBeGreaterThan(0);
  expect(Number(cell('fastify-secure-session', 'stale_accepts'))).toBeGreaterThan(0);
});

test('data that does not fit a cookie is unsupported, not a failure', async () => {
  const args = ['--store', STATELESS, '--payload', '8192', '-o', out('large'), ...SMALL];
  const { code } = await bench(args, directory.path);
  const rows = rowsIn(out('large'));
  expect(rows.map(({ store, status }) => [store, status]).sort()).toEqual(
    STATELESS.split(',')
      .sort()
      .map((store) => [store, 'unsupported']),
  );
  expect(code).toBe(0);
});

test('gate takes no library', async () => {
  const { code, stderr } = await bench(['gate', '--store', 'express-session'], directory.path);
  expect(code).toBe(2);
  expect(stderr.trimEnd()).toMatch(
    /USAGE: expected backends of two commits for gate, got express-session\. Leave/,
  );
});
