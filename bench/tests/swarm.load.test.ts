import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PROJECT_ROOT } from '../environment/programs.ts';
import { commandLineOf, faultsOf, isAlive, rowsIn, scratch, until } from './cli-fixture.ts';

/**
 * docker/stack.yml for real, on two engines (docker/two-engines.sh). Needs root, dockerd, and an engine that has or can
 * pull node:22-slim, redis:7.0 and haproxy:2.6: run with SESSION_BENCH_SWARM=1.
 */

const given = process.env['TESTCONTAINERS_HUB_IMAGE_NAME_PREFIX'];
const PREFIX = given === undefined ? '' : `${given}/`;
const SERVER = 'session-bench-test/server:1';
const IMAGES = [SERVER, `${PREFIX}redis:7.0`, `${PREFIX}haproxy:2.6`];
const SITES = ['http://192.168.77.11:8080', 'http://192.168.77.12:8080'] as const;

const directory = scratch();
const secrets = join(directory.path, 'site');
const contract = join(secrets, 'contract.json');

/** Runs a program to its end. @throws Error with its output, unless it succeeds. */
async function run(command: string, args: readonly string[], env: Record<string, string> = {}) {
  const finished = await finish(command, args, env);
  const { code, signal, stdout, stderr } = finished;
  if (code !== 0) throw new Error(`${command} ${args.join(' ')}: ${code ?? signal}: ${stdout}${stderr}`);
  return finished;
}

async function finish(command: string, args: readonly string[], env: Record<string, string> = {}) {
  const child = spawn(command, [...args], {
    cwd: PROJECT_ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, TMPDIR: directory.path, ...env },
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  return { code, signal, stdout: stdout.trim(), stderr };
}

const tsx = (...args: string[]) => run(process.execPath, ['--import', 'tsx', ...args]);

interface Engines {
  child: ChildProcess;
  nodes: [string, string];
  /** The directory of all that they write. */
  home: string;
  lanPid: string;
}

/** Resolves once both engines reply. They end with the standard input of the script. */
async function startEngines(): Promise<Engines> {
  const say = 'echo "$NODE_1 $NODE_2 $LAN_PID"; exec cat';
  const child = spawn('docker/two-engines.sh', ['sh', '-c', say], {
    cwd: PROJECT_ROOT,
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, TMPDIR: directory.path },
  });
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`two-engines.sh ended with ${code}`);
  });
  const [line] = (await Promise.race([once(child.stdout, 'data'), ended])) as [Buffer];
  const [first = '', second = '', lanPid = ''] = line.toString().trim().split(' ');
  return { child, nodes: [first, second], home: dirname(first.replace('unix://', '')), lanPid };
}

/** What is still there of engines that have ended: files, mounts, control groups, processes. */
function leftoversOf({ home }: Engines): string[] {
  const name = basename(home);
  const mounts = readFileSync('/proc/mounts', 'utf8').split('\n');
  // Groups of others come and go meanwhile, which it says on standard error.
  const groups = spawnSync('find', ['/sys/fs/cgroup', '-name', name], { encoding: 'utf8' }).stdout.split(
    '\n',
  );
  const pids = readdirSync('/proc').map(Number).filter(Number.isInteger);
  return [
    ...[home].filter(existsSync),
    ...mounts.filter((line) => line.includes(name)),
    ...groups.filter((line) => line !== ''),
    ...pids.filter((pid) => isAlive(pid) && commandLineOf(pid).includes(home)).map(String),
  ];
}

let engines: Engines;
const docker = (node: 0 | 1, ...args: string[]) => run('docker', ['-H', engines.nodes[node], ...args]);
/** Arguments of nsenter that run Node on the network of the engines. */
const nodeOnLan = (...args: string[]) => [`--net=/proc/${engines.lanPid}/ns/net`, process.execPath, ...args];
const onLan = (...args: string[]) => run('nsenter', nodeOnLan(...args));

beforeAll(async () => {
  const base = `${PREFIX}node:22-slim`;
  const servers = SITES.flatMap((url) => ['--server', url]);
  await Promise.all([
    startEngines().then((started) => {
      engines = started;
    }),
    tsx('scripts/image.ts', '--tag', SERVER, '--base', base),
    tsx('scripts/site-secrets.ts', secrets, ...servers),
  ]);
  const pull = 'for image; do docker image inspect "$image" >/dev/null 2>&1 || docker pull -q "$image"; done';
  await run('bash', ['-c', pull, 'pull', ...IMAGES.slice(1)]);
  const images = join(directory.path, 'images.tar');
  await run('docker', ['save', '-o', images, ...IMAGES]);
  await Promise.all([docker(0, 'load', '-i', images), docker(1, 'load', '-i', images)]);
  await docker(0, 'swarm', 'init', '--advertise-addr', '192.168.77.11');
  const { stdout: token } = await docker(0, 'swarm', 'join-token', '-q', 'worker');
  await docker(1, 'swarm', 'join', '--token', token, '192.168.77.11:2377');
  await docker(0, 'node', 'update', '--label-add', 'store=yes', 'node1');
  await docker(0, 'secret', 'create', 'session-bench-server', join(secrets, 'server.json'));
  const deploy = ['stack', 'deploy', '--resolve-image', 'never', '-c', 'docker/stack.yml', 'site'];
  const settings = { BENCH_IMAGES: PREFIX, BENCH_SERVER_IMAGE: SERVER };
  await run('docker', ['-H', engines.nodes[0], ...deploy], settings);
});

afterAll(async () => {
  engines?.child.kill('SIGKILL');
  if (engines !== undefined) await until('nothing is left', () => leftoversOf(engines).length === 0, 15_000);
  await finish('docker', ['rmi', SERVER]);
  directory.remove();
});

/** Asks each node again and again, until it has heard from the servers of both; prints who replied. */
const ASK = `
  const seen = {};
  const limit = Date.now() + 45_000;
  for (const site of ${JSON.stringify(SITES)})
    for (seen[site] = new Set(); seen[site].size < 2 && Date.now() < limit; ) {
      const reply = await fetch(site + '/healthz', { signal: AbortSignal.timeout(2_000) }).catch(() => undefined);
      if (reply?.ok) seen[site].add(reply.headers.get('x-served-by'));
      else await new Promise((resolve) => setTimeout(resolve, 200));
    }
  console.log(JSON.stringify(Object.values(seen).map((names) => [...names].sort())));`;

test('both nodes serve the site, each by the servers of both', async () => {
  const { stdout } = await onLan('--input-type=module', '-e', ASK);
  const served = (JSON.parse(stdout) as string[][]).map((names) => names.map((name) => name.split('-')[0]));
  expect(served).toEqual([
    ['node1', 'node2'],
    ['node1', 'node2'],
  ]);
});

test('conformance sees what is expected of sessions in a store: a logout at one node ends the session at both', async () => {
  const only = '1,3,12,14,15,16,21,24,54';
  const args = ['--target', SITES[0], '--contract', contract, '--only', only, '--json', '--seed', '1'];
  const { stdout } = await onLan('--import', 'tsx', 'bench/conformance/cli.ts', ...args);
  const cells = JSON.parse(stdout) as { id: string; observed: string; surprise: boolean }[];
  expect(cells.length).toBe(only.split(',').length);
  expect(cells.filter(({ surprise, observed }) => surprise || observed === 'error')).toEqual([]);
  expect(cells.find(({ id }) => id === '14')).toMatchObject({ observed: 'pass' });
});

test('a run loads both nodes by turns, and every reply is right', async () => {
  const out = join(directory.path, 'swarm.csv');
  const targets = SITES.flatMap((url, index) => ['--target', `node${index + 1}=${url}`]);
  const args = [...targets, '--contract', contract, '-c', '8', '-d', '500ms', '-w', '300ms', '-o', out];
  const finished = await finish('nsenter', nodeOnLan('--import', 'tsx', 'bench/cli.ts', 'run', ...args));
  const rows = rowsIn(out);
  expect(faultsOf(finished, rows)).toEqual([]);
  // Which is first, the seed decides.
  expect(rows.map(({ store, status }) => [store, status]).sort()).toEqual([
    ['node1', 'ok'],
    ['node2', 'ok'],
  ]);
  for (const row of rows) expect(Number(row['ok'])).toBeGreaterThan(20);
});

test('no secret is in the file, in a container or in a service, and the servers can write nothing', async () => {
  const secret = JSON.parse(readFileSync(join(secrets, 'server.json'), 'utf8')) as Record<string, string>;
  expect(Object.keys(secret)).toEqual(['secret', 'password', 'adminPassword']);
  const shown = [readFileSync(join(PROJECT_ROOT, 'docker/stack.yml'), 'utf8')];
  for (const node of [0, 1] as const) {
    const { stdout: ids } = await docker(node, 'ps', '-q', '--no-trunc');
    shown.push((await docker(node, 'inspect', ...ids.split('\n'))).stdout);
  }
  const { stdout: services } = await docker(0, 'service', 'ls', '-q');
  shown.push((await docker(0, 'service', 'inspect', ...services.split('\n'))).stdout);
  // The file, two nodes and the services: each shows the configuration.
  expect(shown.filter((text) => text.includes('/run/secrets/server'))).toHaveLength(4);
  for (const text of shown) for (const value of Object.values(secret)) expect(text).not.toContain(value);

  const { stdout: id } = await docker(1, 'ps', '-q', '--filter', 'name=site_server');
  const write =
    'try { require("fs").writeFileSync("/app/x", ""); } catch (error) { console.log(error.code, process.getuid()); }';
  const { stdout } = await docker(1, 'exec', id, 'node', '-e', write);
  expect(stdout).toBe('EROFS 65534');
});

test('when the input of the engines ends, nothing of them is left', async () => {
  expect(leftoversOf(engines).length).toBeGreaterThan(3);
  engines.child.stdin?.end();
  const [code] = await once(engines.child, 'exit');
  expect(code).toBe(0);
  expect(leftoversOf(engines)).toEqual([]);
});

test.each(['SIGTERM', 'SIGKILL'] as const)('nor after %s to their script', async (signal) => {
  const others = await startEngines();
  try {
    expect(leftoversOf(others).length).toBeGreaterThan(1);
  } finally {
    others.child.kill(signal);
  }
  await once(others.child, 'exit');
  await until('nothing is left', () => leftoversOf(others).length === 0, 15_000);
});
