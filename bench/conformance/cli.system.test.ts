import { writeFileSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { createResources } from '../environment/processes/resources.ts';
import { descendants, type Finished, isAlive, scratch, startBench, until } from '../tests/cli-fixture.ts';
import { openRig } from './rig.ts';
import { openSite } from './site.ts';
import { subjectOf } from './subject.ts';

/** The command as a real process. */
const directory = scratch();
afterAll(directory.remove);

const start = (args: readonly string[]) => startBench(args, directory.path, {}, 'bench/conformance/cli.ts');
const conformance = (args: readonly string[]): Promise<Finished> => start(args).finished;
const cellsIn = (stdout: string) => JSON.parse(stdout) as Record<string, unknown>[];

describe('pnpm conformance', () => {
  test.each([
    [['--stor', 'redis'], 'Did you mean --store?'],
    [['--store', 'redis', '--only', '77'], 'from 1 to 58'],
    [['--markdown', '/no/such/dir/x.md'], 'a directory that does not exist'],
    [['memory'], 'flags only'],
  ])('%j: exit 2, one line, nothing started', async (args, word) => {
    const { code, stdout, stderr } = await conformance(args);
    expect(stderr).toContain(word);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect([code, stdout]).toEqual([2, '']);
    expect(directory.leftovers()).toEqual([]);
  });

  test('prints cells as JSON, and exits with 0 when all is as expected', async () => {
    const args = ['--store', 'memory,jwt', '--only', '7,14', '--balancer', 'node', '--json', '--seed', '1'];
    const { code, stdout, stderr } = await conformance(args);
    expect(stderr).toContain('seed 1');
    const cells = cellsIn(stdout);
    expect(cells).toHaveLength(2 * 2 * 2);
    for (const cell of cells) {
      expect(Object.keys(cell)).toEqual(
        expect.arrayContaining(['id', 'title', 'source', 'backend', 'expected', 'observed', 'evidence']),
      );
    }
    const logout = cells
      .filter(({ id }) => id === '14')
      .map((cell) => [cell['backend'], cell['affinity'], cell['observed']]);
    expect(logout).toEqual([
      ['memory', 'sticky', 'pass'],
      ['memory', 'round-robin', 'fail'],
      ['jwt:lib=fast-jwt', 'sticky', 'fail'],
      ['jwt:lib=fast-jwt', 'round-robin', 'fail'],
    ]);
    expect(code).toBe(0);
    expect(directory.leftovers()).toEqual([]);
  });

  test('tokens in a header: what is about cookies does not apply, and a script reads them', async () => {
    const args = [
      '--store',
      'redis,jwt-blacklist:refresh=rotating',
      '--transport',
      'bearer',
      '--affinity',
      'sticky',
    ];
    const only = ['--only', '7,12,13,14,36,37,46,58', '--balancer', 'node', '--json', '--seed', '1'];
    const { code, stdout, stderr } = await conformance([...args, ...only]);
    const observed = (name: string) =>
      cellsIn(stdout)
        .filter(({ backend }) => String(backend).startsWith(name) && String(backend).endsWith(' (bearer)'))
        .map(({ id, observed: seen }) => `${id} ${seen}`);
    const common = ['7 n/a', '12 pass', '13 pass', '14 pass'];
    expect(observed('redis')).toEqual([...common, '36 n/a', '37 n/a', '46 pass', '58 fail']);
    expect(observed('jwt-blacklist')).toEqual([...common, '36 pass', '37 n/a', '46 pass', '58 fail']);
    expect(code, stderr).toBe(0);
  });

  test('Ctrl-C ends it with 130 and leaves nothing', async () => {
    const running = start(['--store', 'memory', '--balancer', 'node']);
    await until('servers', () => descendants(running.child.pid as number).length >= 5, 60_000);
    const pids = descendants(running.child.pid as number);
    running.child.kill('SIGINT');
    expect((await running.finished).code).toBe(130);
    await until('an end of all processes', () => pids.filter(isAlive).length === 0, 10_000);
    expect(directory.leftovers()).toEqual([]);
  });

  test('checks an external site as its contract describes it', async () => {
    await using resources = createResources();
    const signal = new AbortController().signal;
    const rig = await openRig({ balancer: 'node', tier: 'auto', signal }, resources);
    const place = { servers: 2, affinity: 'round-robin', balancer: 'node', durability: 'second' } as const;
    const subject = subjectOf({ store: 'jwt', options: {} }, place);
    const site = await openSite({ subject, rig, seed: 1, tries: 9 });
    resources.add('site', site.close);
    const { servers, ...rest } = site.contract;
    const contract = `${directory.path}/contract.json`;
    writeFileSync(contract, JSON.stringify({ ...rest, name: 'theirs', servers: [] }));
    const args = ['--target', site.target, '--contract', contract, '--only', '7,14,18', '--json'];
    const { code, stdout, stderr } = await conformance(args);
    expect(stderr).not.toContain(site.password);
    expect(cellsIn(stdout).map((cell) => [cell['id'], cell['expected'], cell['observed']])).toEqual([
      ['7', 'pass', 'pass'],
      ['14', 'fail', 'fail'],
      ['18', 'n/a', 'n/a'],
    ]);
    expect(code).toBe(0);
    expect(servers).toHaveLength(2);
  });
});
