import { execFile, execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { COMPARATORS_FOLDER } from '../environment/comparator-packages.ts';
import { PROJECT_ROOT } from '../environment/programs.ts';
import { git } from '../gate/repository-fixture.ts';
import { type Finished, faultsOf, rowsIn, scratch, startBench } from './cli-fixture.ts';

/** Stores of the user's, in a repository of their own, with real services and load. */
const directory = scratch();
const shop = join(directory.path, 'my shop+a:b');
const packages = join(PROJECT_ROOT, COMPARATORS_FOLDER, 'node_modules');
const inShop = (name: string) => join(shop, name);
const SMALL = ['--balancer', 'none', '-d', '400ms', '-w', '300ms', '--sessions', '200', '-c', '8'];

const page = readFileSync(join(PROJECT_ROOT, 'docs/bring-your-own.md'), 'utf8');
/** The example of the page, as it stands there. */
const [, EXAMPLE = ''] = /```js\n\/\/ mine\.mjs\n([\s\S]*?)```/.exec(page) ?? [];
const OPENED = (store: string, options = '') => `
  import { createClient } from 'redis';
  import { RedisStore } from '${store}';
  export default async (_session, { serviceUrl, namespace }) => {
    const client = createClient({ url: serviceUrl, disableOfflineQueue: true${options} });
    LISTENER
    await client.connect();
    return new Kind({ client, prefix: namespace + ':' });
  };`;
const LISTENS = "client.on('error', () => undefined);";
const FILES = {
  'mine.mjs': EXAMPLE,
  // Takes an outage for a session that is not there.
  'liar.mjs': `${OPENED('connect-redis').replace('LISTENER', LISTENS)}
    class Kind extends RedisStore {
      get(id, done) { return super.get(id, (error, found) => done(null, error ? null : found)); }
    }`,
  // Nobody listens to the errors of its client.
  'crash.mjs': OPENED('connect-redis', ', socket: { reconnectStrategy: false }')
    .replace('LISTENER', '')
    .replace('Kind', 'RedisStore'),
  'copy.mjs': OPENED('./connect-redis.mjs').replace('LISTENER', LISTENS).replace('Kind', 'RedisStore'),
  // As older stores are: it takes express-session, and returns the class.
  'older.cjs': `module.exports = ({ MemoryStore }) => class extends MemoryStore { constructor(options) { super(); } };`,
  'own.ts': `
    import type { StoreDefinition } from 'session-bench/stores/store.ts';
    import { memory } from 'session-bench/stores/memory/backend.ts';
    export default { ...memory, summary: 'ours, by another name' } satisfies StoreDefinition;`,
  'number.mjs': 'export default 5;',
  'thrown.mjs': "throw new Error('no luck today');\nexport default {};",
  'forgets.mjs': `import session from 'express-session';
    export default class extends session.MemoryStore { get(_id, done) { done(null, null); } };`,
  'refuses.mjs': `import session from 'express-session';
    export default class extends session.MemoryStore { set(_id, _session, done) { done(Error('the cellar is full')); } };`,
};
const COPY = 'connect-redis.mjs';

// Without the network where they are installed already.
beforeAll(async () => {
  const options = { cwd: dirname(packages), env: { ...process.env, CI: 'true' } };
  await promisify(execFile)('pnpm', ['install', '--frozen-lockfile', '--prefer-offline'], options);
  mkdirSync(shop);
  symlinkSync(packages, inShop('node_modules'), 'dir');
  for (const [name, text] of Object.entries(FILES)) writeFileSync(inShop(name), text);
  cpSync(join(packages, 'connect-redis/dist/connect-redis.js'), inShop(COPY));
  writeFileSync(inShop('.gitignore'), 'node_modules\n');
  git(shop, 'init', '--quiet', '--initial-branch=main');
  git(shop, 'add', '.');
  git(shop, 'commit', '--quiet', '-m', 'one');
});
afterAll(directory.remove);

const start = (args: string[], entry?: string) => startBench(args, directory.path, {}, entry).finished;
const conformance = (name: string, only: string, more: string[] = []): Promise<Finished> => {
  const place = ['--balancer', 'node', '--affinity', 'round-robin', '--servers', '2', '--tries', '9'];
  const args = ['--store', `express:${inShop(name)}`, '--only', only, ...place, ...more];
  return start(args, 'bench/conformance/cli.ts');
};

test('the example of the page, an older Store and a definition are measured beside ours, and named', async () => {
  const out = join(directory.path, 'run.csv');
  const stores = `none,redis,express:${inShop('mine.mjs')},express:${inShop('older.cjs')},${inShop('own.ts')}:write=lww`;
  const finished = await start(['--store', stores, '--service', 'redis', '-o', out, ...SMALL]);
  const rows = rowsIn(out);
  expect(faultsOf(finished, rows)).toEqual([]);
  const cell = (store: string, column: string) => rows.find((row) => row['store'] === store)?.[column] ?? '';
  for (const row of rows) expect([row['store'], row['status']]).toEqual([row['store'], 'ok']);
  expect(cell('mine.mjs', 'variant')).toBe('durability=second;service=redis');
  expect(cell('own.ts', 'variant')).toMatch(/service=redis;write=lww$/);
  expect(cell('mine.mjs', 'library_versions')).toMatch(
    /^mine\.mjs@[\da-f]{12} express@5\.[\d.]+ express-session@1\.[\d.]+ connect-redis@9\.0\.0 redis@5\.[\d.]+$/,
  );
  expect(cell('own.ts', 'library_versions')).toMatch(/^own\.ts@[\da-f]{12}$/);
  // Its client is its own. That of ours is ours.
  expect(cell('mine.mjs', 'store_commands_per_req')).toBe('');
  expect(Number(cell('mine.mjs', 'cpu_us_per_req_store'))).toBeGreaterThan(0);
  expect(cell('redis', 'store_commands_per_req')).toBe('1');
  expect(cell('older.cjs', 'server_bytes_per_session')).toBe('');
  expect(cell('own.ts', 'server_bytes_per_session')).not.toBe('');
  const [ours = '', theirs = ''] = finished.stdout.split('what people run');
  for (const name of ['mine.mjs', 'older.cjs', 'own.ts']) expect(theirs).toContain(name);
  expect(ours).not.toContain('mine.mjs');
  expect(finished.stdout).not.toMatch(/^ {2}mine\.mjs: (?:no|sessions|parallel)/m);
  expect(directory.leftovers()).toEqual([]);
});

test.concurrent('what it cannot do is found, and no error; older Stores are as they are in each server', async () => {
  const { code, stdout } = await conformance('older.cjs', '1,14,54');
  expect([code, stdout]).toEqual([0, expect.stringContaining('3 properties, 1 column: as found')]);
  expect(stdout).toMatch(/^1 .* ✓ *$/m);
  expect(stdout).toMatch(/^54 .* ✗ *$/m);
});

test.concurrent('an outage that is answered as a logout is told', async () => {
  const { code, stdout } = await conformance('liar.mjs', '14,48', ['--service', 'redis']);
  expect([code, stdout]).toEqual([1, expect.stringContaining('2 properties, 1 column: 1 unexpected')]);
  expect(stdout.replace(/\s+/g, ' ')).toMatch(
    /48 liar\.mjs.*an outage was answered as a logout: \w+ at .*401/,
  );
});

test.concurrent('a server that ends by itself is told', async () => {
  const { code, stdout } = await conformance('crash.mjs', '14,49c', ['--service', 'redis']);
  expect([code, stdout]).toEqual([1, expect.stringContaining('2 properties, 1 column: 1 unexpected')]);
  expect(stdout.replace(/\s+/g, ' ')).toMatch(/49c crash\.mjs.*server s\d ended by itself with exit code 1/);
});

test.concurrent.each([
  ['number.mjs', 2, 'USAGE: expected a Store of express-session as the default export of'],
  ['thrown.mjs', 2, 'got no luck today. Mend the module.'],
  ['forgets.mjs', 1, 'SERVER_FAILED: expected a login with'],
  ['refuses.mjs', 1, 'refuses the session, after the output "the cellar is full". Mend the module'],
])('%s ends the command before the load, with one line', async (name, exit, words) => {
  const { code, stdout, stderr } = await start(['--store', `express:${inShop(name)}`, ...SMALL]);
  expect([code, stdout]).toEqual([exit, '']);
  const said = stderr.split('\n').filter((line) => line.startsWith('session-bench: '));
  expect(said).toEqual([expect.stringContaining(words)]);
});

const EXTRA = 'await this.client.get(key);';

test('one more GET in a copy of connect-redis is found against a commit of its own repository', async () => {
  const text = readFileSync(inShop(COPY), 'utf8');
  expect(text).toContain(`let data = ${EXTRA}`);
  writeFileSync(inShop(COPY), text.replace(`let data = ${EXTRA}`, `${EXTRA} let data = ${EXTRA}`));
  const arm = ['--store', `express:${inShop('copy.mjs')}`, '--service', 'redis'];
  const worse = await start(['gate', '--counters', '--base', 'main', ...arm]);
  expect([worse.code, worse.stderr]).toEqual([3, expect.stringMatching(/MORE: copy\.mjs .*bytes written/)]);
  expect(git(shop, 'worktree', 'list').split('\n')).toHaveLength(1);
  expect(directory.leftovers()).toEqual([]);
}, 400_000);

test('the packed project runs where it is not checked out, on the packages of the folder', async () => {
  const elsewhere = join(directory.path, 'else where');
  const installed = join(elsewhere, 'node_modules');
  mkdirSync(installed, { recursive: true });
  execFileSync('pnpm', ['pack', '--pack-destination', elsewhere], { cwd: PROJECT_ROOT, stdio: 'ignore' });
  const [packed = ''] = readdirSync(elsewhere).filter((name) => name.endsWith('.tgz'));
  execFileSync('tar', ['-xzf', packed, '-C', 'node_modules'], { cwd: elsewhere });
  execFileSync('mv', ['package', 'session-bench'], { cwd: installed });
  const { dependencies } = JSON.parse(readFileSync(join(PROJECT_ROOT, 'package.json'), 'utf8'));
  const link = (from: string, name: string) => symlinkSync(join(from, name), join(installed, name), 'dir');
  for (const name of Object.keys(dependencies)) link(join(PROJECT_ROOT, 'node_modules'), name);
  for (const name of ['express', 'express-session', 'connect-redis', 'redis']) link(packages, name);
  cpSync(inShop('mine.mjs'), join(elsewhere, 'mine.mjs'));

  const bin = join(installed, 'session-bench/bin/session-bench.mjs');
  const env = { PATH: process.env['PATH'], HOME: process.env['HOME'], TMPDIR: directory.path };
  const here = { cwd: elsewhere, env };
  const store = ['--store', 'express:./mine.mjs', '--service', 'redis'];
  const checks = ['conformance', ...store, '--only', '1,14', '--balancer', 'node', '--affinity', 'sticky'];
  const checked = await promisify(execFile)(process.execPath, [bin, ...checks], here);
  expect(checked.stdout).toContain('2 properties, 1 column: as found');
  const planned = await promisify(execFile)(process.execPath, [bin, ...store, '--dry-run'], here);
  expect(planned.stdout).toContain('1. block 1, mine.mjs');
});
