import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { parseServerConfig, SERVER_CONFIG_ENV, type ServerConfig } from '../../servers/config.ts';
import {
  bench,
  descendants,
  type Finished,
  type Running,
  scratch,
  startBench,
  until,
  untilLoaded,
} from './cli-fixture.ts';

/**
 * The harness as seen by an attacker on the network or on the same machine: real runs, observed from outside. They run side
 * by side, for no figure is read.
 */
const directory = scratch();
afterAll(directory.remove);

const SERVERS = 2;
/** So few sessions that the load, by its writes, is not taken for begun while the sessions of the arms are made. */
const LOAD = ['--servers', String(SERVERS), '--sessions', '20', '-c', '4', '-w', '100ms'];
const BACKENDS = 'redis,memcached,postgres,mariadb,jwt-blacklist';
const ARMS = BACKENDS.split(',').length;
/** Servers, balancer and service of each arm. */
const LISTENERS_OF_BACKENDS = ARMS * (SERVERS + 2);

describe.concurrent('nothing listens to the network', () => {
  test('a server listens on the loopback by default', () => {
    const needed = { id: 's1', store: 'none', secret: 's', password: 'p', adminPassword: 'a' };
    expect(parseServerConfig(JSON.stringify(needed)).host).toBe('127.0.0.1');
  });

  test.each([
    ['haproxy', BACKENDS, LISTENERS_OF_BACKENDS],
    ['nginx', 'none', SERVERS + 1],
    ['node', 'none', SERVERS + 1],
  ])('of a run behind %s', async (balancer, store, atLeast) => {
    const args = ['--store', store, '--balancer', balancer, '-o', `${directory.path}/${balancer}.csv`];
    const running = startBench([...args, ...LOAD, '-d', '60s'], directory.path);
    const listeners = () => listenersBelow(running);
    await until('everything to listen', () => listeners().length >= atLeast, 60_000);
    const open = listeners().filter((address) => !isLoopback(address));
    running.child.kill('SIGINT');
    await running.finished;
    expect(open).toEqual([]);
  });
});

describe.concurrent('the secrets of a run', () => {
  test('are random, and stand in no output, file or argument, whether it ends well or badly', async () => {
    const [well, badly] = await Promise.all([
      watchedRun('well', ['-d', '500ms']),
      watchedRun('badly', ['-d', '60s'], killOneService),
    ]);
    expect(badly.finished.stderr).toContain('SERVICE_DIED');
    for (const { secrets, texts } of [well, badly]) {
      // Signing secret, two passwords, and the passwords of a Redis, a Memcached, a Postgres and a MariaDB at least.
      expect(secrets.length).toBeGreaterThanOrEqual(7);
      expect(secrets.filter((secret) => secret.length < 16)).toEqual([]);
      for (const [name, text] of texts) {
        // By its number, so that a failing test does not print it.
        const shown = secrets.flatMap((secret, n) => (text.includes(secret) ? [`secret ${n}`] : []));
        expect([name, shown]).toEqual([name, []]);
      }
    }
    const texts = new Map(well.texts);
    for (const name of ['csv', 'env.json', 'histograms.jsonl']) expect(texts.get(name), name).not.toBe('');
    expect(well.secrets.filter((secret) => badly.secrets.includes(secret))).toHaveLength(0);
  });

  test.each([
    ['redis', 'redis://me:hunter2-redis@127.0.0.1:1', 'hunter2-redis', 'SERVICE_UNREACHABLE'],
    ['postgres', 'postgres://me:hunter2-postgres@127.0.0.1:1/db', 'hunter2-postgres', 'SERVICE_UNREACHABLE'],
    ['mariadb', 'mariadb://me:hunter2-mariadb@127.0.0.1:1/db', 'hunter2-mariadb', 'SERVICE_UNREACHABLE'],
    ['mariadb', 'mysql://127.0.0.1:1/db?user=me&password=hunter2-mysql', 'hunter2-mysql', 'USAGE'],
    ['postgres', 'postgres://127.0.0.1:1/db?user=me&password=hunter2-query', 'hunter2-query', 'USAGE'],
  ])('of a %s that somebody else runs are redacted: %#', async (store, url, password, code) => {
    const out = `${directory.path}/foreign-${password.replace('hunter2-', '')}.csv`;
    const args = ['--store', store, `--${store}-url`, url, '-o', out, ...LOAD, '-d', '300ms', '--verbose'];
    const finished = await bench(args, directory.path);
    expect(finished.stderr).toContain(code);
    for (const [name, text] of textsOf(finished, out))
      expect([name, text.includes(password)]).toEqual([name, false]);
  });
});

interface Watched {
  finished: Finished;
  secrets: readonly string[];
  /** Everything that people and files get to see, and every process's arguments, by name. */
  texts: readonly (readonly [name: string, text: string])[];
}

/** Runs all backends with a service, reads their secrets where only their owner can, and all that is open to others. */
async function watchedRun(
  name: string,
  args: readonly string[],
  meanwhile: (running: Running) => Promise<void> = async () => undefined,
): Promise<Watched> {
  const out = `${directory.path}/${name}.csv`;
  const all = ['--store', BACKENDS, '--balancer', 'haproxy', '-o', out, ...LOAD, ...args];
  const running = startBench(all, directory.path);
  const configs = () => below(running).flatMap((pid) => configOf(pid) ?? []);
  await until('all servers', () => configs().length === ARMS * SERVERS, 60_000);
  const secrets = new Set(configs().flatMap(secretsOf));
  await until('everything to listen', () => listenersBelow(running).length >= LISTENERS_OF_BACKENDS, 60_000);
  const commands = below(running).map((pid) => readProc(`/proc/${pid}/cmdline`));
  await meanwhile(running);
  const finished = await running.finished;
  return {
    finished,
    secrets: [...secrets],
    texts: [...textsOf(finished, out), ['arguments', commands.join('\n')] as const],
  };
}

async function killOneService(running: Running): Promise<void> {
  // Where most is said of a failure.
  await untilLoaded(running);
  const [pid] = below(running).filter((one) => readProc(`/proc/${one}/comm`).trim() === 'redis-server');
  process.kill(pid as number, 'SIGKILL');
}

function textsOf({ stdout, stderr }: Finished, out: string): [name: string, text: string][] {
  const files = ['csv', 'env.json', 'histograms.jsonl'].map((ending): [string, string] => {
    const path = out.replace(/csv$/, ending);
    return [ending, existsSync(path) ? readFileSync(path, 'utf8') : ''];
  });
  return [['stdout', stdout], ['stderr', stderr], ...files];
}

const below = (running: Running): number[] => descendants(running.child.pid as number);

/** The configuration of a server process; `undefined` for other processes. Only its owner can read its environment. */
function configOf(pid: number): ServerConfig | undefined {
  const prefix = `${SERVER_CONFIG_ENV}=`;
  const line = readProc(`/proc/${pid}/environ`)
    .split('\0')
    .find((entry) => entry.startsWith(prefix));
  return line === undefined ? undefined : (JSON.parse(line.slice(prefix.length)) as ServerConfig);
}

function secretsOf({ secret, password, adminPassword, serviceUrl }: ServerConfig): string[] {
  const ofService = serviceUrl === undefined ? '' : decodeURIComponent(new URL(serviceUrl).password);
  return [secret, password, adminPassword, ofService].filter((text) => text !== '');
}

/** Addresses, as the kernel writes them, of the TCP sockets on which processes of this run listen. */
function listenersBelow(running: Running): string[] {
  const own = new Set(below(running).flatMap(socketsOf));
  return ['tcp', 'tcp6'].flatMap((table) =>
    readFileSync(`/proc/net/${table}`, 'utf8')
      .split('\n')
      .slice(1)
      .map((line) => line.trim().split(/\s+/))
      .filter(([, , , state, , , , , , inode]) => state === LISTENING && own.has(inode ?? ''))
      .map(([, address = '']) => address),
  );
}

/** TCP_LISTEN of the kernel. */
const LISTENING = '0A';

/** 127.0.0.0/8, also as mapped IPv6, and ::1: in /proc/net each group of four bytes is in the machine's order. */
function isLoopback(address: string): boolean {
  return /^(?:0{16}FFFF0000)?[\dA-F]{6}7F:|^0{24}01000000:/.test(address);
}

/** Inodes of a process's sockets. */
function socketsOf(pid: number): string[] {
  return readGone([], () =>
    readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      const target = readGone('', () => readlinkSync(`/proc/${pid}/fd/${fd}`));
      return /^socket:\[(\d+)\]$/.exec(target)?.[1] ?? [];
    }),
  );
}

function readProc(path: string): string {
  return readGone('', () => readFileSync(path, 'utf8'));
}

/** What is read of a process that has ended meanwhile is nothing. */
function readGone<T>(nothing: T, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return nothing;
    throw error;
  }
}
