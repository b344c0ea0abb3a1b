import { chownSync, cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { findOnPath } from '../../stores/programs.ts';
import { type Guard, openGuard } from '../environment/processes/guard.ts';
import { git, makeRepository } from './repository-fixture.ts';
import { openBaseline } from './worktree.ts';

/** Checkouts as they are found: real git, whose refusal must lead to the remedy that helps. */
let guard: Guard;
let home = '';
let environment: NodeJS.ProcessEnv;
beforeAll(async () => {
  guard = await openGuard();
});
afterAll(() => guard.close());
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'sb-git-'));
  environment = { ...process.env };
  // Worktrees of the other tests are in the usual folder, where one of them counts.
  process.env['TMPDIR'] = home;
  // The configuration of who runs the tests may trust every directory.
  Object.assign(process.env, { GIT_CONFIG_GLOBAL: join(home, 'config'), GIT_CONFIG_NOSYSTEM: '1' });
  writeFileSync(join(home, 'config'), '');
});
afterEach(() => {
  for (const name of Object.keys(process.env)) if (!(name in environment)) delete process.env[name];
  Object.assign(process.env, environment);
  rmSync(home, { recursive: true, force: true });
});

const open = (ref: string, head: string) =>
  openBaseline({ ref, guard, signal: new AbortController().signal, say: () => undefined, head });

/** The error of a baseline that cannot be opened. */
const failureOf = (ref: string, head: string): Promise<string> =>
  open(ref, head).then(
    () => 'none',
    (error: unknown) => String(error),
  );

const repositoryAt = (name: string, prefix?: string) => makeRepository(join(home, name), prefix);

function chownAll(folder: string, uid: number): void {
  for (const name of ['', ...readdirSync(folder, { recursive: true, encoding: 'utf8' })])
    chownSync(join(folder, name), uid, uid);
}

describe('a checkout that another user owns', () => {
  const OTHER = 65_533;
  /** Only root may give files away; elsewhere git itself is asked to see it so, by the variable of its own tests. */
  function ownedByAnother(folder: string): void {
    if (process.getuid?.() === 0) chownAll(folder, OTHER);
    else process.env['GIT_TEST_ASSUME_DIFFERENT_OWNER'] = '1';
  }

  test.each([
    ['repository', (path: string) => path],
    ["it's a folder", (path: string) => `'${path.replace("'", "'\\''")}'`],
  ])('is trusted by safe.directory: %s', async (name, spelt) => {
    const head = repositoryAt(name);
    ownedByAnother(head);
    const error = await failureOf('one', head);
    expect(error).toMatch(/^BenchError: CONFLICT: expected a git checkout.*dubious ownership/);
    const remedy = `Run git config --global --add safe.directory ${spelt(head)} and try again.`;
    expect(error.endsWith(remedy)).toBe(true);
    expect(error).not.toContain('Clone');
    git(home, 'config', '--global', '--add', 'safe.directory', head);
    await (await open('one', head)).close();
  });

  test.each<[string, (head: string) => Record<string, string>]>([
    [
      'GIT_CONFIG_COUNT',
      (head) => ({
        GIT_CONFIG_COUNT: '1',
        GIT_CONFIG_KEY_0: 'safe.directory',
        GIT_CONFIG_VALUE_0: head,
      }),
    ],
    ['GIT_CONFIG_PARAMETERS', (head) => ({ GIT_CONFIG_PARAMETERS: `'safe.directory'='${head}'` })],
    [
      'GIT_CONFIG_GLOBAL',
      (head) => {
        writeFileSync(join(home, 'other'), `[safe]\n\tdirectory = ${head}\n`);
        return { GIT_CONFIG_GLOBAL: join(home, 'other') };
      },
    ],
    [
      'GIT_CONFIG_SYSTEM',
      (head) => {
        writeFileSync(join(home, 'system'), `[safe]\n\tdirectory = ${head}\n`);
        return { GIT_CONFIG_SYSTEM: join(home, 'system'), GIT_CONFIG_NOSYSTEM: '0' };
      },
    ],
  ])('is trusted by %s, which is kept', async (_, variables) => {
    const head = repositoryAt('repository');
    ownedByAnother(head);
    Object.assign(process.env, variables(head));
    await (await open('one', head)).close();
  });
});

test('variables of configuration do not bring hooks back', async () => {
  const head = repositoryAt('repository');
  const hooks = join(home, 'hooks');
  mkdirSync(hooks);
  writeFileSync(join(hooks, 'post-checkout'), `#!/bin/sh\ntouch ${join(home, 'hooked')}\n`, { mode: 0o755 });
  const key = { GIT_CONFIG_KEY_0: 'core.hooksPath', GIT_CONFIG_VALUE_0: hooks };
  Object.assign(process.env, { GIT_CONFIG_COUNT: '1', ...key });
  await (await open('one', head)).close();
  expect(readdirSync(home)).not.toContain('hooked');
});

describe('a checkout that cannot be compared says why, and what helps', () => {
  test.each<[string, () => string, RegExp]>([
    [
      'no commit yet',
      () => {
        const head = join(home, 'new');
        git(home, 'init', '--quiet', head);
        return head;
      },
      /expected a commit.*got a repository without commits\. Commit first/,
    ],
    [
      'no commit yet, but files in the index',
      () => {
        const head = join(home, 'new');
        git(home, 'init', '--quiet', head);
        writeFileSync(join(head, 'a'), '');
        git(head, 'add', 'a');
        return head;
      },
      /a repository without commits\. Commit first/,
    ],
    [
      'a bare repository',
      () => {
        git(home, 'clone', '--quiet', '--bare', repositoryAt('repository'), 'bare.git');
        return join(home, 'bare.git');
      },
      /got a bare repository\. Clone it/,
    ],
    [
      'files beside a repository that says it is bare',
      () => {
        const head = repositoryAt('repository');
        git(head, 'config', 'core.bare', 'true');
        return head;
      },
      /got a bare repository\. .*git config core\.bare false/,
    ],
    [
      'a bare repository where safe.bareRepository is explicit',
      () => {
        git(home, 'clone', '--quiet', '--bare', repositoryAt('repository'), 'bare.git');
        git(home, 'config', '--global', 'safe.bareRepository', 'explicit');
        return join(home, 'bare.git');
      },
      /bare repository.* Clone it, for a clone has a work tree/,
    ],
    [
      'an archive below a checkout of something else',
      () => {
        const head = join(repositoryAt('other'), 'vendor', 'bench');
        mkdirSync(join(head, 'servers'), { recursive: true });
        writeFileSync(join(head, 'servers', 'main.ts'), '');
        return head;
      },
      /checkout of this project.*tracks no file\. Clone the repository of this project/,
    ],
    [
      'a worktree whose repository is not here',
      () => {
        const head = join(home, 'alone');
        mkdirSync(head);
        writeFileSync(join(head, '.git'), 'gitdir: /nowhere/.git/worktrees/alone\n');
        return head;
      },
      /not a git repository: \/nowhere.* mount that too, or run git worktree repair/,
    ],
    [
      'a repository of a newer git',
      () => {
        const head = repositoryAt('repository');
        git(head, 'config', 'core.repositoryFormatVersion', '1');
        git(head, 'config', 'extensions.unheardOf', '1');
        return head;
      },
      /unknown repository extension.* Install a newer git/,
    ],
    [
      'a configuration that cannot be read',
      () => {
        const head = repositoryAt('repository');
        writeFileSync(join(head, '.git', 'config'), '[');
        return head;
      },
      /bad config.* Correct that file/,
    ],
    [
      'an index that cannot be read',
      () => {
        const head = repositoryAt('repository');
        writeFileSync(join(head, '.git', 'index'), 'x');
        return head;
      },
      /index file .*Run git status there, and mend/,
    ],
  ])('%s', async (_, make, words) => {
    const error = await failureOf('one', make());
    expect(error).toMatch(/^BenchError: (CONFLICT|USAGE): /);
    expect(error).toMatch(words);
  });

  test('a commit whose objects are missing', async () => {
    const head = repositoryAt('repository');
    const blob = git(head, 'rev-parse', 'one:servers/main.ts');
    rmSync(join(head, '.git', 'objects', blob.slice(0, 2), blob.slice(2)), { force: true });
    expect(await failureOf('one', head)).toMatch(/^BenchError: USAGE: .*a worktree of one.* Run git fsck/);
  });

  test('a partial clone whose server is gone', async () => {
    const source = repositoryAt('source');
    git(source, 'config', 'uploadpack.allowFilter', 'true');
    const head = join(home, 'partial');
    git(home, 'clone', '--quiet', '--filter=blob:none', `file://${source}`, head);
    rmSync(source, { recursive: true });
    expect(await failureOf('one', head)).toMatch(/partial clone are missing: go online/);
  });

  test('no git', async () => {
    const head = repositoryAt('repository');
    process.env['PATH'] = home;
    expect(await failureOf('one', head)).toMatch(
      /CONFLICT: expected git on the PATH.*no such program.*Install/,
    );
  });
});

describe('a commit that is not here', () => {
  test('in a repository without a remote', async () => {
    expect(await failureOf('mian', repositoryAt('repository'))).toMatch(
      /got none of that name here\. Correct --base: git branch and git tag/,
    );
  });

  test('in a clone of one branch: the remedy brings it', async () => {
    const source = repositoryAt('source');
    git(source, 'branch', 'feature', 'one');
    const head = join(home, 'single');
    git(home, 'clone', '--quiet', '--single-branch', '--no-tags', '--branch=main', `file://${source}`, head);
    expect(await failureOf('feature', head)).toMatch(
      /fetch it first: git fetch origin NAME, and --base FETCH_HEAD/,
    );
    git(head, 'fetch', '--quiet', 'origin', 'feature');
    await (await open('FETCH_HEAD', head)).close();
  });

  test('in a clone whose remote has another name, and in a shallow one that has it as a remote branch', async () => {
    const source = repositoryAt('source');
    git(source, 'branch', 'feature', 'one');
    const named = join(home, 'named');
    git(home, 'clone', '--quiet', '--origin=upstream', `file://${source}`, named);
    expect(await failureOf('feature', named)).toContain('Did you mean upstream/feature?');
    expect(await failureOf('nothing', named)).toContain('git fetch upstream NAME');
    const shallow = join(home, 'shallow');
    git(home, 'clone', '--quiet', '--depth=1', '--no-single-branch', `file://${source}`, shallow);
    expect(await failureOf('feature', shallow)).toContain('Did you mean origin/feature?');
  });

  test.each(['^main', '-n', '', 'main..one'])('%j names no commit', async (ref) => {
    expect(await failureOf(ref, repositoryAt('repository'))).toContain('none of that name here');
  });
});

describe('checkouts of other kinds work', () => {
  test('a worktree, also of a bare repository, and a worktree of a worktree', async () => {
    git(home, 'clone', '--quiet', '--bare', repositoryAt('repository'), 'bare.git');
    const head = join(home, 'head');
    git(join(home, 'bare.git'), 'worktree', 'add', '--quiet', '--detach', head, 'main');
    mkdirSync(join(head, 'node_modules'));
    git(home, 'config', '--global', 'safe.bareRepository', 'explicit');
    const baseline = await open('one', head);
    expect(baseline.gitSha).toBe(git(head, 'rev-parse', 'one'));
    await baseline.close();
    expect(git(head, 'worktree', 'list').split('\n').length).toBe(2);
  });

  test('a submodule', async () => {
    const outer = repositoryAt('outer');
    const source = repositoryAt('source');
    git(outer, '-c', 'protocol.file.allow=always', 'submodule', 'add', '--quiet', source, 'bench');
    const head = join(outer, 'bench');
    const baseline = await open('one', head);
    expect(baseline.gitSha).toBe(git(source, 'rev-parse', 'one'));
    await baseline.close();
    expect(git(head, 'status', '--porcelain')).toBe('');
    expect(git(head, 'worktree', 'list').split('\n').length).toBe(1);
  });

  test('an orphan branch without commits of its own', async () => {
    const head = repositoryAt('repository');
    git(head, 'checkout', '--quiet', '--orphan', 'new');
    await (await open('one', head)).close();
  });

  test('with a git before 2.30, whose rev-parse does not know --end-of-options', async () => {
    const head = repositoryAt('repository');
    const bin = join(home, 'bin');
    mkdirSync(bin);
    const real = findOnPath('git');
    const refusing = `#!/bin/sh\nfor word; do [ "$word" = --end-of-options ] && exit 128; done\nexec ${real} "$@"\n`;
    writeFileSync(join(bin, 'git'), refusing, { mode: 0o755 });
    process.env['PATH'] = `${bin}${delimiter}${process.env['PATH']}`;
    await (await open('one', head)).close();
  });

  test('a copy without its index entries refreshed', async () => {
    const head = join(home, 'copy');
    cpSync(repositoryAt('repository'), head, { recursive: true });
    await (await open('one', head)).close();
  });
});
