import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort } from '../../stores/free-port.ts';
import { openGuard } from '../environment/processes/guard.ts';
import { startProcess } from '../environment/processes/process.ts';
import { PROJECT_ROOT } from '../environment/programs.ts';
import {
  commandLineOf,
  descendants,
  faultsOf,
  isAlive,
  rowsIn,
  scratch,
  startBench,
  until,
} from './cli-fixture.ts';

/**
 * What ARCHITECTURE.md promises of a new backend: one folder and two lines. A copy of this project gets a backend whose
 * service has a name and a program that nothing else here knows, and all that backends can do is done with it.
 */
const directory = scratch();
const project = join(directory.path, 'project');
const out = (name: string) => join(directory.path, name);

const run = (args: string[], env = {}, entry?: string) =>
  startBench(args, directory.path, env, entry, project);
const SMALL = ['--balancer', 'none', '-w', '300ms', '--sessions', '200', '-c', '8'];

beforeAll(() => {
  const listed = execFileSync('git', ['ls-files', '-coz', '--exclude-standard'], {
    cwd: PROJECT_ROOT,
    encoding: 'utf8',
  });
  const files = listed
    .split('\0')
    .filter((path) => path !== '' && !/\.test\.ts$|^results\/|^docs\//.test(path));
  for (const path of files) {
    mkdirSync(dirname(join(project, path)), { recursive: true });
    cpSync(join(PROJECT_ROOT, path), join(project, path));
  }
  symlinkSync(join(PROJECT_ROOT, 'node_modules'), join(project, 'node_modules'));

  // The folder …
  cpSync(join(project, 'stores/fixtures/shelf'), join(project, 'stores/shelf'), { recursive: true });
  for (const name of ['backend', 'client', 'server', 'service', 'store']) {
    const path = join(project, 'stores/shelf', `${name}.ts`);
    writeFileSync(path, readFileSync(path, 'utf8').replaceAll("'../../", "'../"));
  }
  // … and the two lines.
  const registry = join(project, 'stores/registry.ts');
  const lines = readFileSync(registry, 'utf8')
    .replace('import type', "import { shelf } from './shelf/backend.ts';\nimport type")
    .replace('\n  none,\n', '\n  none,\n  shelf,\n');
  writeFileSync(registry, lines);
  const before = readFileSync(join(PROJECT_ROOT, 'stores/registry.ts'), 'utf8').split('\n');
  expect(lines.split('\n').filter((line) => !before.includes(line))).toHaveLength(2);
});
afterAll(directory.remove);

describe('a backend of one folder and two lines', () => {
  test('stands in list, doctor and help', async () => {
    const [list, doctor, help] = await Promise.all(
      [['list'], ['doctor'], ['run', '--help']].map((args) => run(args).finished),
    );
    expect(list?.stdout).toMatch(/^ {2}shelf +on a shelf.*\n +service: shelf; state=store, /m);
    expect(doctor?.stdout).toMatch(/^ {2}\+ shelf +local +1\.2 \(.*\/stores\/shelf\/shelfd\)$/m);
    expect(help?.stdout).toMatch(/--shelf-url <url> +an external Shelf$/m);
  });

  test('is measured beside others, and leaves nothing', async () => {
    const args = ['--store', 'none,shelf', '-d', '400ms', '-o', out('run.csv'), ...SMALL];
    const running = run(args);
    const finished = await running.finished;
    const rows = rowsIn(out('run.csv'));
    expect(faultsOf(finished, rows)).toEqual([]);
    const shelf = rows.find((row) => row['store'] === 'shelf' && row['operation'] === 'all');
    expect(shelf).toMatchObject({ status: 'ok', store_version: '1.2', check_failed: '0' });
    expect(Number(shelf?.['store_commands_per_req'])).toBeCloseTo(1, 1);
    expect(Number(shelf?.['cpu_us_per_req_store'])).toBeGreaterThan(0);
    expect(directory.leftovers()).toEqual([]);
  });

  test('by its URL: another scheme is refused, the password is nowhere, and its keys are purged', async () => {
    const wrong = await run(['--shelf-url', 'http://:hunter2@127.0.0.1:1', '--store', 'shelf']).finished;
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toMatch(/shelf:\/\/.* in --shelf-url/);
    expect(wrong.stderr).not.toContain('hunter2');

    const guard = await openGuard();
    const port = await freePort('127.0.0.1');
    const server = await startProcess({
      name: 'shelfd',
      command: join(project, 'stores/shelf/shelfd'),
      args: ['--port', String(port), '--mark', 'm'],
      env: { SHELF_PASSWORD: 'hunter2' },
      ready: { tcp: { host: '127.0.0.1', port } },
      timeoutMs: 10_000,
      guard,
      failure: { code: 'SERVICE_DIED', remedy: '' },
    });
    try {
      const url = `shelf://:hunter2@127.0.0.1:${port}`;
      const args = ['--store', 'shelf', '--use-env-urls', '-d', '400ms', '-o', out('url.csv'), ...SMALL];
      const finished = await run(args, { SHELF_URL: url }).finished;
      expect(faultsOf(finished, rowsIn(out('url.csv')))).toEqual([]);
      for (const text of [finished.stdout, finished.stderr, readFileSync(out('url.env.json'), 'utf8')])
        expect(text).not.toContain('hunter2');
      const reply = await fetch(`http://127.0.0.1:${port}/`, {
        method: 'POST',
        headers: { authorization: 'hunter2' },
        body: JSON.stringify({ op: 'dump' }),
      });
      expect(await reply.json()).toBe('');
    } finally {
      await server.stop();
      await guard.close();
    }
  });

  test('kill -9 of its service is the error of the run, and nothing is left', async () => {
    const running = run(['--store', 'shelf', '-d', '20s', '-o', out('killed.csv'), ...SMALL]);
    const shelves = () => descendants(running.child.pid as number).filter(isShelf);
    const isServer = (pid: number) => commandLineOf(pid).includes('/server-');
    const servers = () => descendants(running.child.pid as number).filter(isServer);
    // Before it starts one, the run asks the program for its version.
    await until('shelf and server', () => shelves().length === 1 && servers().length > 0, 60_000);
    await sleep(1_500);
    const pids = descendants(running.child.pid as number);
    for (const pid of shelves()) process.kill(pid, 'SIGKILL');
    const { code, stderr } = await running.finished;
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/SERVICE_DIED.*shelf/);
    expect(pids.filter(isAlive)).toEqual([]);
    expect(directory.leftovers()).toEqual([]);
  });

  test('is held to the checks of behaviour, also with its service dumped, killed and frozen', async () => {
    const checks = '1,2,14,15,16,17,18,19,20,21,22,23,24,37,38,47,48,49';
    const place = ['--balancer', 'node', '--affinity', 'round-robin', '--only', checks];
    const args = ['--store', 'shelf', ...place, '--tries', '9', '--json'];
    const { code, stdout, stderr } = await run(args, {}, 'bench/conformance/cli.ts').finished;
    const cells = JSON.parse(stdout) as { id: string; surprise: boolean; evidence: string }[];
    expect(cells.filter(({ surprise }) => surprise)).toEqual([]);
    expect(cells.length, stderr).toBeGreaterThan(17);
    expect(code).toBe(0);
    expect(directory.leftovers()).toEqual([]);
  });
});

function isShelf(pid: number): boolean {
  return commandLineOf(pid).includes('stores/shelf/shelfd');
}

test('a library whose packages are not installed, as in this copy, is refused in one line before the start', async () => {
  const { code, stderr } = await run(['--store', 'shelf,express-session', '-o', out('bare.csv'), ...SMALL])
    .finished;
  expect(code).toBe(1);
  expect(stderr.trimEnd()).toMatch(
    /^session-bench: SERVER_FAILED: expected the packages of servers\/comparators, got no .*express 5[^\n]*\. Run pnpm -C servers\/comparators install --frozen-lockfile\.$/,
  );
  expect(existsSync(out('bare.csv'))).toBe(false);
  expect(directory.leftovers()).toEqual([]);
});
