import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { EDGE_TLS } from '../environment/edge.ts';
import { bench, faultsOf, rowsIn, scratch, startBench, until } from './cli-fixture.ts';

/** Whole commands with `--tls`, as real processes. */
const directory = scratch();
afterAll(directory.remove);
const LOAD = ['-d', '400ms', '-w', '200ms', '--sessions', '100', '-c', '8', '--servers', '2'];
const at = (name: string) => join(directory.path, name);

/** The temporary directories of the certificates. */
const homes = () => directory.leftovers().filter((name) => name.startsWith('session-bench-tls-'));
/** Whether one is complete: while it is made it has other files too. */
const isMade = (home: string) => readdirSync(at(home)).sort().join() === 'ca.pem,edge.pem';

test.each([
  ['haproxy', 'read,revocation'],
  ['nginx', 'read,logout'],
])(
  '%s, %s: every reply over TLS is right, the rows say so, and nothing is left',
  async (balancer, scenarios) => {
    const out = at(`${balancer}.csv`);
    const what = ['--store', 'none,memory', '--scenario', scenarios, '--affinity', 'sticky'];
    const args = [...what, '--balancer', balancer, '--tls', '-o', out, ...LOAD];
    const running = startBench(args, directory.path);
    await until('certificates', () => homes().some(isMade), 60_000);
    const key = join(at(homes()[0] as string), 'edge.pem');
    const secret = readFileSync(key, 'utf8').split('-----BEGIN PRIVATE KEY-----')[1] as string;
    expect(statSync(key).mode & 0o777).toBe(0o600);
    const finished = await running.finished;
    const rows = rowsIn(out);
    expect(faultsOf(finished, rows)).toEqual([]);
    const served = rows.filter((row) => row['status'] === 'ok');
    expect(served.map((row) => row['scenario'])).toEqual(expect.arrayContaining(scenarios.split(',')));
    for (const row of served) {
      expect(row).toMatchObject({ edge_tls: EDGE_TLS, balancer, conn_errors: '0', check_failed: '0' });
      expect(Number(row['ok'])).toBeGreaterThan(0);
    }
    expect(finished.stdout).toContain(`${balancer} with TLS`);
    const files = readdirSync(directory.path).filter((name) => name.startsWith(balancer));
    const written = files.map((name) => readFileSync(at(name), 'utf8')).join('');
    for (const text of [written, finished.stdout, finished.stderr])
      expect(text).not.toContain(secret.trim().slice(0, 40));
    expect(JSON.parse(readFileSync(at(`${balancer}.env.json`), 'utf8')).options).toMatchObject({ tls: true });
    expect(directory.leftovers()).toEqual([]);
  },
);

test('without the flag the column is empty', async () => {
  const out = at('plain.csv');
  await bench(['--store', 'none', '--balancer', 'nginx', '-o', out, ...LOAD], directory.path);
  expect(rowsIn(out).map((row) => row['edge_tls'])).toEqual(['']);
});

test('find-max searches over TLS', async () => {
  const search = [
    'find-max',
    '--store',
    'none',
    '--slo',
    'p99<9s',
    '--balancer',
    'haproxy',
    '--tls',
    '--json',
  ];
  const { stdout, stderr } = await bench([...search, ...LOAD], directory.path);
  expect(stderr).not.toMatch(/FAILED|CONFLICT|USAGE/);
  expect(JSON.parse(stdout)).toMatchObject({ backend: 'none' });
  expect(JSON.parse(stdout).capacityPerSecond).toBeGreaterThan(0);
  expect(directory.leftovers()).toEqual([]);
});

test.each([
  [['--store', 'none', '--tls', '--balancer', 'none'], 'CONFLICT: expected a balancer that terminates TLS'],
  [
    ['--store', 'none', '--tls', '--balancer', 'node'],
    'Name --balancer haproxy or nginx, or leave --tls out',
  ],
  [['--store', 'none', '--tls', '--engine', 'autocannon'], 'Leave --engine out'],
  [['gate', '--tls'], 'got --balancer none'],
  [['calibrate', '--tls'], 'a known flag'],
])('%j is one line with exit code 2, and nothing is started', async (args, word) => {
  const { code, stdout, stderr } = await bench(args, directory.path);
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toContain(word);
  expect(stderr.trim().split('\n')).toHaveLength(1);
  expect(directory.leftovers()).toEqual([]);
});

test('without openssl a run says what is missing, before anything is measured', async () => {
  // HAProxy is found in /usr/sbin all the same.
  const env = { PATH: directory.path };
  const args = ['--store', 'none', '--tls', '--balancer', 'auto', '-o', at('none.csv'), ...LOAD];
  const { code, stderr } = await bench(args, directory.path, env);
  expect(code).toBe(1);
  expect(stderr).toMatch(/BALANCER_MISSING: expected openssl on this machine.*sh scripts\/setup\.sh/);
  expect(directory.leftovers()).toEqual([]);
});
