import { execFile } from 'node:child_process';
import {
  access,
  chmod,
  copyFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const SCRIPT = join(import.meta.dirname, 'setup.sh');
/** What the script may call on any system. No apt-get, brew, sudo, docker, redis-server among them. */
const TOOLS = [
  'basename',
  'cat',
  'dirname',
  'env',
  'grep',
  'id',
  'ls',
  'mktemp',
  'node',
  'npm',
  'pnpm',
  'readlink',
  'rm',
  'sed',
  'sh',
  'tail',
];

interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

/** A project of no packages in a folder with a space in its name, on a machine that has only TOOLS. */
let machine: string;
let project: string;

beforeEach(async () => {
  machine = await mkdtemp(join(tmpdir(), 'setup-test-'));
  project = join(machine, 'the project');
  await mkdir(join(machine, 'bin'));
  await mkdir(join(project, 'scripts'), { recursive: true });
  await copyFile(SCRIPT, join(project, 'scripts/setup.sh'));
  for (const backend of ['mariadb', 'redis']) {
    const definition = `stores/${backend}/service.ts`;
    await mkdir(join(project, 'stores', backend), { recursive: true });
    await copyFile(join(SCRIPT, '../..', definition), join(project, definition));
  }
  const { packageManager } = JSON.parse(await readFile(join(SCRIPT, '../../package.json'), 'utf8'));
  await writeFile(
    join(project, 'package.json'),
    JSON.stringify({ name: 'p', private: true, packageManager }),
  );
  await writeFile(join(project, 'pnpm-workspace.yaml'), 'pmOnFail: ignore\n');
  await writeFile(join(project, 'pnpm-lock.yaml'), "lockfileVersion: '9.0'\nimporters:\n  .: {}\n");
  for (const tool of TOOLS) await symlink(await which(tool), join(machine, 'bin', tool));
});
afterEach(() => rm(machine, { recursive: true, force: true }));

describe('setup.sh', () => {
  it('shows its steps and changes nothing with --dry-run', async () => {
    const before = await everything();
    const { code, stdout } = await setup('--dry-run');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^node +\d+\.\d+\.\d+$/m);
    expect(stdout).toMatch(/^pnpm +\d+\.\d+\.\d+$/m);
    expect(stdout).toMatch(/^packages +would run: pnpm install --frozen-lockfile$/m);
    expect(stdout).toMatch(/^missing +mariadb-server-core mariadb-client-core redis-server/m);
    expect(await everything()).toEqual(before);
  });

  it('would put the pinned pnpm in the place of another, or of none', async () => {
    await rm(join(machine, 'bin/pnpm'));
    expect((await setup('--dry-run')).stdout).toMatch(
      /^pnpm +would run: npm install -g pnpm@[\d.]+ \(found: none\)$/m,
    );
    await program('pnpm', 'echo 9.0.0');
    expect((await setup('--dry-run')).stdout).toMatch(/pnpm@[\d.]+ \(found: 9\.0\.0\)$/m);
  });

  it('installs once, and finds nothing to do the second time', async () => {
    const first = await setup();
    expect(first).toMatchObject({ code: 0, stderr: '' });
    expect(first.stdout).toMatch(/^packages +installing from pnpm-lock\.yaml$/m);
    const after = await everything();
    const second = await setup();
    expect(second).toMatchObject({ code: 0, stderr: '' });
    expect(second.stdout).toMatch(/^packages +up to date$/m);
    expect(await everything()).toEqual(after);
  });

  it('installs again when the lock file has changed', async () => {
    await setup();
    await writeFile(join(project, 'pnpm-lock.yaml'), "lockfileVersion: '9.0'\n\nimporters:\n  .: {}\n");
    expect((await setup()).stdout).toMatch(/^packages +installing/m);
  });

  it('says what to install, and succeeds, where Redis cannot be installed', async () => {
    const { code, stdout } = await setup();
    expect(code).toBe(0);
    expect(stdout).toMatch(/^missing +mariadb.* redis-server/m);
    expect(stdout).toMatch(/^remedy +install mariadb.* redis-server.* package manager/m);
    expect(stdout).toMatch(/^left out +mariadb, and all that needs one \(or give it by --mariadb-url\)/m);
    expect(stdout).toMatch(/^left out +redis, and all that needs one \(or give it by --redis-url\)/m);
    expect(stdout).toMatch(/^ready +pnpm bench$/m);
  });

  it('would use apt-get as root, and only then', async () => {
    await program('apt-get', 'echo ran >"$0.ran"');
    await program('id', 'echo 0');
    expect((await setup('--dry-run')).stdout).toMatch(
      /^services +would run: apt-get install --no-install-recommends mariadb-server-core mariadb-client-core redis-server.* \(none started, none enabled\)$/m,
    );
    await program('id', 'echo 1000');
    expect((await setup()).stdout).toMatch(
      /^remedy +as root: apt-get install --no-install-recommends mariadb.* redis/m,
    );
    await program('sudo', 'exit 1');
    expect((await setup()).stdout).toMatch(/^remedy +sudo -v && sh scripts\/setup\.sh /m);
    await expect(access(join(machine, 'bin/apt-get.ran'))).rejects.toThrow('ENOENT');
  });

  it('suggests Docker where an engine is available', async () => {
    await program('docker', 'exit 0');
    const { stdout } = await setup();
    for (const backend of ['mariadb', 'redis'])
      expect(stdout).toMatch(new RegExp(`^${backend} +Docker answers: --services docker`, 'm'));
  });

  it('names the brew command, and does not run it', async () => {
    await program('brew', 'echo ran >"$0.ran"');
    expect((await setup()).stdout).toMatch(/^remedy +brew install mariadb redis/m);
    await expect(access(join(machine, 'bin/brew.ran'))).rejects.toThrow('ENOENT');
  });

  it('reports the services that are there, and the command of the README', async () => {
    for (const service of ['mariadbd', 'redis-server', 'haproxy', 'nginx', 'openssl'])
      await program(service, 'exit 0');
    // The program of the second package is not there yet.
    expect((await setup()).stdout).toMatch(/^missing +mariadb-server-core mariadb-client-core$/m);
    await program('my_print_defaults', 'exit 0');
    const { stdout } = await setup();
    expect(stdout).toMatch(/^mariadb .*mariadbd$/m);
    expect(stdout).toMatch(/^redis .*redis-server$/m);
    expect(stdout).not.toMatch(/^missing/m);
    expect(stdout).toMatch(/^ready +pnpm bench --store redis --servers 3$/m);
  });

  it('refuses an unknown flag in one line, before anything else', async () => {
    const { code, stdout, stderr } = await setup('--dryrun');
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^setup: unknown argument '--dryrun': expected [^\n]+\n$/);
  });

  it('refuses a Node that is too old, and says what to do', async () => {
    await rm(join(machine, 'bin/node'));
    await program('node', 'case $1 in -p) echo 18.19.0 ;; *) exit 1 ;; esac');
    const { code, stderr } = await setup();
    expect(code).toBe(1);
    expect(stderr).toMatch(/^setup: Node 18\.19\.0 will not do.*install Node 22 or 24[^\n]*\n$/);
  });

  it('shows the last words of pnpm when the packages cannot be installed', async () => {
    await writeFile(join(project, 'pnpm-lock.yaml'), 'this: is not a lock file\n');
    const { code, stderr } = await setup();
    expect(code).toBe(1);
    expect(stderr).toMatch(/setup: pnpm install failed[^\n]*\n$/);
  });
});

/** Runs the script from another folder, with the machine's own PATH. */
function setup(...args: string[]): Promise<Ended> {
  const env = { PATH: join(machine, 'bin'), HOME: machine };
  const sh = join(machine, 'bin/sh');
  return new Promise((resolve) => {
    execFile(sh, [join(project, 'scripts/setup.sh'), ...args], { env, cwd: '/' }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

async function program(name: string, body: string): Promise<void> {
  const path = join(machine, 'bin', name);
  await rm(path, { force: true });
  await writeFile(path, `#!${join(machine, 'bin/sh')}\n${body}\n`);
  await chmod(path, 0o755);
}

/** Every path of the project, so that a file that came or went shows. */
async function everything(): Promise<string[]> {
  return (await readdir(project, { recursive: true })).sort();
}

async function which(name: string): Promise<string> {
  for (const directory of (process.env['PATH'] ?? '').split(delimiter)) {
    const path = join(directory, name);
    if (
      await access(path).then(
        () => true,
        () => false,
      )
    )
      return path;
  }
  throw new Error(`expected ${name} on PATH`);
}
