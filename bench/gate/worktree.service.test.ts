import { spawn } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Guard, openGuard } from '../environment/processes/guard.ts';
import { PROJECT_ROOT } from '../environment/programs.ts';
import { openBaselineServer } from './baseline-server.ts';
import { git, makeRepository as makeRepositoryAt } from './repository-fixture.ts';
import { openBaseline } from './worktree.ts';

/** Real git on small repositories; the last describe takes this project's own servers. */
const SIGNAL = new AbortController().signal;
let guard: Guard;
let home = '';
let repository = '';
let said: string[] = [];
beforeAll(async () => {
  guard = await openGuard();
});
afterAll(() => guard.close());
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'sb-gate-'));
  said = [];
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

function makeRepository(prefix?: string): string {
  repository = join(home, 'repository');
  return makeRepositoryAt(repository, prefix);
}

const open = (ref: string, head: string) =>
  openBaseline({ ref, guard, signal: SIGNAL, say: (line) => said.push(line), head });
const worktrees = () => git(repository, 'worktree', 'list').split('\n').length;
const leftovers = () => readdirSync(tmpdir()).filter((name) => name.startsWith('session-bench-baseline-'));

describe('openBaseline', () => {
  test('checks the commit out beside the work tree, with its packages, and removes both', async () => {
    const head = makeRepository();
    writeFileSync(join(head, '.git', 'info', 'exclude'), 'node_modules\n');
    writeFileSync(join(head, 'servers', 'main.ts'), '// changed\n');
    const before = leftovers();
    const baseline = await open('one', head);
    expect(baseline.gitSha).toBe(git(head, 'rev-parse', 'one'));
    expect(readFileSync(join(baseline.root, 'servers', 'main.ts'), 'utf8')).toBe('// one\n');
    expect(lstatSync(join(baseline.root, 'node_modules')).isSymbolicLink()).toBe(true);
    expect(existsSync(join(baseline.root, 'node_modules', 'fastify'))).toBe(true);
    expect(said).toEqual(['head is the work tree, including uncommitted changes']);
    await baseline.close();
    await baseline.close();
    expect([existsSync(baseline.root), worktrees(), leftovers()]).toEqual([false, 1, before]);
    expect(existsSync(join(head, 'node_modules', 'fastify'))).toBe(true);
    expect(readFileSync(join(head, 'servers', 'main.ts'), 'utf8')).toBe('// changed\n');
    expect(git(head, 'status', '--porcelain')).toBe('M servers/main.ts');
    expect(git(head, 'symbolic-ref', 'HEAD')).toBe('refs/heads/main');
  });

  test('takes the commit of head itself, and says that only noise is left', async () => {
    const head = makeRepository();
    writeFileSync(join(head, '.git', 'info', 'exclude'), 'node_modules\n');
    const baseline = await open('main', head);
    expect(said).toEqual(['base and head are the same commit: any difference is noise']);
    await baseline.close();
  });

  test('finds the project in a folder of its repository', async () => {
    const head = makeRepository('tools/bench');
    const baseline = await open('one', head);
    expect(baseline.root).toMatch(/tree\/tools\/bench\/?$/);
    expect(existsSync(join(baseline.root, 'servers', 'main.ts'))).toBe(true);
    await baseline.close();
  });

  test('runs no hooks, and is not led astray by the variables of one', async () => {
    const head = makeRepository();
    const hook = join(head, '.git', 'hooks', 'post-checkout');
    writeFileSync(hook, `#!/bin/sh\ntouch ${join(home, 'hooked')}\n`, { mode: 0o755 });
    // What git itself calls the variables of one repository, but for configuration.
    const names = git(head, 'rev-parse', '--local-env-vars').split('\n');
    const misleading = names.filter((name) => !name.startsWith('GIT_CONFIG'));
    expect(misleading.length).toBeGreaterThan(10);
    for (const name of [...misleading, 'GIT_QUARANTINE_PATH', 'GIT_NAMESPACE'])
      process.env[name] = '/nowhere';
    try {
      await (await open('one', head)).close();
    } finally {
      for (const name of Object.keys(process.env))
        if (process.env[name] === '/nowhere') delete process.env[name];
    }
    expect(existsSync(join(home, 'hooked'))).toBe(false);
  });

  test.each([
    ['mian', 'got none of that name here. Correct --base'],
    ['--upload-pack=x', 'got none of that name here'],
    ['one:servers', 'got none of that name here'],
  ])('refuses %s', async (ref, words) => {
    const head = makeRepository();
    await expect(open(ref, head)).rejects.toThrow(words);
    expect(worktrees()).toBe(1);
  });

  test('says how to have what a clone lacks', async () => {
    makeRepository();
    git(repository, 'branch', 'feature');
    const clone = join(home, 'clone');
    git(home, 'clone', '--quiet', `file://${repository}`, clone);
    await expect(open('feature', clone)).rejects.toThrow('Did you mean origin/feature?');
    const shallow = join(home, 'shallow');
    git(home, 'clone', '--quiet', '--depth=1', `file://${repository}`, shallow);
    await expect(open('one', shallow)).rejects.toThrow(/a shallow clone without it\. .*fetch-depth: 0/);
  });

  test('refuses a folder that is not a checkout, and a commit without servers', async () => {
    const plain = join(home, 'plain');
    mkdirSync(plain);
    await expect(open('one', plain)).rejects.toThrow(
      /^CONFLICT: expected a git checkout.*not a git repository/,
    );
    const head = makeRepository();
    git(head, 'rm', '-r', '--quiet', 'servers');
    git(head, 'commit', '--quiet', '-m', 'none');
    git(head, 'tag', 'none');
    await expect(open('none', head)).rejects.toThrow('expected servers/main.ts at none for the baseline');
    expect(worktrees()).toBe(1);
  });

  test('after kill -9 the directory goes at once, and its entry at the next start; others stay listed', async () => {
    const head = makeRepository();
    const lost = join(home, 'lost');
    git(head, 'worktree', 'add', '--quiet', '--detach', lost, 'one');
    rmSync(lost, { recursive: true });
    const path = await killedHarness(head);
    expect(worktrees()).toBe(3);
    await untilGone(path);
    await (await open('one', head)).close();
    expect(worktrees()).toBe(2);
    expect(git(head, 'worktree', 'list')).toContain(lost);
  });
});

/** A harness that opens a baseline and is killed; returns where that was. */
async function killedHarness(head: string): Promise<string> {
  const code = `
    const { openGuard } = await import(${JSON.stringify(join(PROJECT_ROOT, 'bench/environment/processes/guard.ts'))});
    const { openBaseline } = await import(${JSON.stringify(join(PROJECT_ROOT, 'bench/gate/worktree.ts'))});
    const guard = await openGuard();
    const { root } = await openBaseline({
      ref: 'one', guard, signal: new AbortController().signal, say: () => {}, head: ${JSON.stringify(head)},
    });
    console.log(root);
    setInterval(() => {}, 1000);
  `;
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', code], {
    cwd: PROJECT_ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const root = await new Promise<string>((resolve) =>
    createInterface({ input: child.stdout }).once('line', resolve),
  );
  child.kill('SIGKILL');
  return root;
}

async function untilGone(path: string): Promise<void> {
  const deadline = Date.now() + 5_000;
  while (existsSync(path)) {
    if (Date.now() > deadline) throw new Error(`still there: ${path}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe('openBaselineServer', () => {
  test('builds and tries a server from the sources of the other root', async () => {
    const program = await openBaselineServer(PROJECT_ROOT, [], { guard, signal: SIGNAL });
    expect(program).toMatch(/server-[A-Z0-9]+\.mjs$/);
  });

  test.each([
    [
      'import "./missing.ts";',
      /^SERVER_FAILED: expected its server to be built, at the baseline, got .*missing/,
    ],
    [
      'console.error("boom"); process.exit(3);',
      /^SERVER_FAILED: expected server s1 of the baseline ready.*boom.*name another --base/,
    ],
    [
      'process.on("message", () => process.send({ type: "stats" })); process.send({ type: "ready", port: 1 });',
      /its server to report its round trips, at the baseline/,
    ],
  ])('says of %s that it is the baseline’s', async (source, words) => {
    const root = join(home, 'base');
    mkdirSync(join(root, 'servers'), { recursive: true });
    mkdirSync(join(root, 'node_modules'));
    writeFileSync(join(root, 'servers', 'main.ts'), source);
    await expect(openBaselineServer(root, [], { guard, signal: SIGNAL })).rejects.toThrow(words);
  });
});

describe('a baseline that does not say which options are in force', () => {
  const SILENT = `process.on('message', () => process.send({ type: 'stats', roundTrips: 0 }));
    process.on('disconnect', () => process.exit());
    process.send({ type: 'ready', port: 1 });`;
  const REGISTRY = `export const STORES = [
    { name: 'none', options: {} },
    { name: 'redis', options: { read: { values: ['get'] } } },
    { name: 'jwt', options: { alg: { values: ['HS256', 'ES256'] } } },
  ];`;
  const HINT = / Name a later --base, or (write|leave) .*\.$/;
  const tryBase = (store: string, options: Record<string, string>, registry = REGISTRY) => {
    const root = join(home, 'base');
    for (const folder of ['servers', 'stores', 'node_modules'])
      mkdirSync(join(root, folder), { recursive: true });
    writeFileSync(join(root, 'servers', 'main.ts'), SILENT);
    writeFileSync(join(root, 'stores', 'registry.ts'), registry);
    return openBaselineServer(
      root,
      [
        { store: 'none', options: {} },
        { store, options },
      ],
      { guard, signal: SIGNAL },
    );
  };

  test('runs what it has, and what the absence of an option means', async () => {
    await expect(tryBase('jwt', { alg: 'ES256', lib: 'jsonwebtoken', cache: 'off' })).resolves.toMatch(
      /\.mjs$/,
    );
  });

  test.each<[string, Record<string, string>, string]>([
    [
      'jwt',
      { alg: 'HS256', lib: 'fast-jwt' },
      'has jwt:lib=fast-jwt, got no option lib: it runs lib=jsonwebtoken',
    ],
    [
      'jwt',
      { lib: 'jsonwebtoken', cache: '1000' },
      'has jwt:cache=1000, got no option cache: it runs cache=off',
    ],
    ['jwt', { alg: 'EdDSA', lib: 'jsonwebtoken' }, 'has jwt:alg=EdDSA, got HS256, ES256'],
    ['redis', { read: 'getex' }, 'has redis:read=getex, got get'],
    ['postgres', {}, 'has store postgres, got only none, redis, jwt'],
  ])('%s %o is refused with the remedy', async (store, options, words) => {
    const error = await tryBase(store, options).catch((reason: unknown) => reason);
    expect(String(error)).toContain(`CONFLICT: expected a baseline that ${words}.`);
    expect(String(error)).toMatch(HINT);
  });

  test('whose backends cannot be read is refused, too', async () => {
    await expect(tryBase('redis', {}, 'throw new Error("boom");')).rejects.toThrow(
      /^SERVER_FAILED: expected the backends in stores\/registry.ts of the baseline to be read, got .*boom/,
    );
  });
});

describe('with another lock file', () => {
  test('installs the packages of the baseline, there', async () => {
    const head = makeRepository();
    writeFileSync(join(head, 'package.json'), '{"name":"x","version":"1.0.0","private":true}\n');
    writeFileSync(
      join(head, 'pnpm-lock.yaml'),
      "lockfileVersion: '9.0'\n\nsettings:\n  autoInstallPeers: true\n  excludeLinksFromLockfile: false\n\nimporters:\n\n  .: {}\n",
    );
    git(head, 'add', 'package.json', 'pnpm-lock.yaml', 'servers');
    git(head, 'commit', '--quiet', '-m', 'packages');
    git(head, 'tag', 'packages');
    writeFileSync(join(head, 'pnpm-lock.yaml'), 'other\n');
    const baseline = await open('packages', head);
    expect(said).toContain('the baseline has other packages: installing them');
    expect(existsSync(join(baseline.root, 'node_modules', 'fastify'))).toBe(false);
    await baseline.close();

    writeFileSync(join(head, 'package.json'), '{"name":"x","dependencies":{"fastify":"5.12.8"}}\n');
    git(head, 'commit', '--quiet', '-m', 'out of date', 'package.json');
    await expect(open('main', head)).rejects.toThrow(
      /the packages of its lock file to be installed for the baseline.*frozen/is,
    );
    expect(worktrees()).toBe(1);
  });
});
