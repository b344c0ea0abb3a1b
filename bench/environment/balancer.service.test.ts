import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startUpstream } from '../../servers/balancers/fixtures/processes.ts';
import { nginx } from '../../servers/balancers/nginx.ts';
import { scratch } from '../tests/cli-fixture.ts';
import { chooseBalancer, startBalancer } from './balancer.ts';
import { type Guard, openGuard } from './processes/guard.ts';
import { PROJECT_ROOT, type Programs } from './programs.ts';

/** Balancers of other versions than those of this machine, as stubs that come first on the PATH. */
const PROGRAMS = { balancer: '/nowhere/relay.mjs' } as Programs;
let home = '';
let guard: Guard;
const path = process.env['PATH'];
beforeAll(async () => {
  guard = await openGuard();
});
afterAll(() => guard.close());
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'sb-balancer-'));
  process.env['PATH'] = `${home}${delimiter}${path}`;
});
afterEach(() => {
  process.env['PATH'] = path;
  rmSync(home, { recursive: true, force: true });
});

const stub = (name: string, script: string) =>
  writeFileSync(join(home, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
const prints = (text: string, stream = 2) => `echo '${text}' >&${stream}`;

const NGINX_1_14 = prints('nginx version: nginx/1.14.2');
const HAPROXY_1_8 = prints('HA-Proxy version 1.8.19-1+deb10u3 2020/08/01', 1);
const HAPROXY_2_0 = prints('HA-Proxy version 2.0.13-2ubuntu0.5 2022/03/02 - https://haproxy.org/', 1);

describe('a program that is too old', () => {
  test.each([
    ['haproxy', HAPROXY_1_8, '2.2', '1.8.19'],
    ['haproxy', HAPROXY_2_0, '2.2', '2.0.13'],
    ['nginx', NGINX_1_14, '1.15.3', '1.14.2'],
    // As versions, and not as texts.
    ['nginx', prints('nginx version: nginx/1.9.9'), '1.15.3', '1.9.9'],
    // Its own version comes first.
    ['nginx', `${prints('Tengine version: Tengine/2.3.3')}; ${NGINX_1_14}`, '1.15.3', '1.14.2'],
  ] as const)(
    '%s by name is refused before anything starts, with the version needed: %#',
    async (name, script, least, got) => {
      stub(name, script);
      await expect(chooseBalancer(name, PROGRAMS)).rejects.toMatchObject({
        code: 'BALANCER_FAILED',
        details: {
          expected: `${name} on this machine, ${least} or newer`,
          got: `${got} (${join(home, name)}), too old: ${least} or newer is needed`,
          remedy: expect.stringContaining('--balancer node'),
        },
      });
    },
  );

  test('auto takes the next one', async () => {
    stub('haproxy', HAPROXY_2_0);
    expect((await chooseBalancer('auto', PROGRAMS))?.balancer.name).toBe('nginx');
    stub('nginx', NGINX_1_14);
    expect(await chooseBalancer('auto', PROGRAMS)).toMatchObject({
      balancer: { name: 'node' },
      binary: PROGRAMS.balancer,
    });
  });
});

test.each([
  ['fails', 'echo lib.so not found >&2; exit 127', /could not be run/],
  ['prints no version', prints('hello'), /expected a version/],
])('a program that %s is refused by name, and passed over by auto', async (_, script, why) => {
  stub('haproxy', script);
  stub('nginx', script);
  await expect(chooseBalancer('haproxy', PROGRAMS)).rejects.toMatchObject({
    code: 'BALANCER_FAILED',
    details: { got: expect.stringMatching(why) },
  });
  expect((await chooseBalancer('auto', PROGRAMS))?.balancer.name).toBe('node');
});

test.each([
  ['haproxy', prints('HAProxy version 2.2.9-2+deb11u6 2023/11/20 - https://haproxy.org/', 1), '2.2.9'],
  ['haproxy', prints('HAProxy version 3.0-dev1-aaaa 2024/01/06 - https://haproxy.org/', 1), '3.0'],
  ['nginx', prints('nginx version: openresty/1.19.3.1'), '1.19.3'],
  ['nginx', prints('nginx version: nginx/1.18.0 (Ubuntu)'), '1.18.0'],
] as const)('%s is used: %s', async (name, script, version) => {
  stub(name, script);
  expect(await chooseBalancer(name, PROGRAMS)).toMatchObject({ version, binary: join(home, name) });
});

test('doctor names the version that is needed, and what cannot be run', () => {
  const directory = scratch();
  try {
    stub('haproxy', HAPROXY_2_0);
    stub('nginx', 'exit 1');
    const { PATH = '', HOME = '' } = process.env;
    const text = execFileSync(process.execPath, ['--import', 'tsx', 'bench/cli.ts', 'doctor'], {
      cwd: PROJECT_ROOT,
      encoding: 'utf8',
      env: { PATH, HOME, TMPDIR: directory.path },
    });
    expect(text).toMatch(/^ {2}- haproxy {2}2\.0\.13 \(.*\), too old: 2\.2 or newer is needed$/m);
    expect(text).toMatch(
      /^ {2}- nginx {4}expected .*nginx -v to print its version, but it could not be run$/m,
    );
    expect(text).toMatch(/^ {2}\+ node {5}built in$/m);
  } finally {
    directory.remove();
  }
});

test('doctor on one processor, and without taskset', () => {
  const directory = scratch();
  try {
    const { PATH = '', HOME = '' } = process.env;
    const doctor = ['--import', 'tsx', 'bench/cli.ts', 'doctor'];
    const texts = [
      [PATH, 'taskset', '-c', '0', process.execPath, ...doctor],
      [home, process.execPath, ...doctor],
    ].map(([path = '', command = '', ...args]) => {
      const env = { PATH: path, HOME, TMPDIR: directory.path };
      return execFileSync(command, args, { cwd: PROJECT_ROOT, encoding: 'utf8', env });
    });
    for (const text of texts) expect(text).toContain('one processor, or no taskset: nothing can be pinned');
  } finally {
    directory.remove();
  }
});

test('nginx without -e serves requests', async () => {
  // The real one, as those before 1.19.5 are: an unknown option ends it.
  const real = nginx.find();
  const refuse =
    'for word; do [ "$word" = -e ] && { echo "nginx: invalid option: \\"e\\"" >&2; exit 1; }; done';
  stub(
    'nginx',
    `[ "$1" = -v ] && { ${prints('nginx version: nginx/1.18.0')}; exit; }\n${refuse}\nexec ${real} "$@"`,
  );
  const chosen = await chooseBalancer('nginx', PROGRAMS);
  if (chosen === undefined) throw new Error('expected nginx');
  const upstream = await startUpstream('s1');
  const directory = join(home, 'run');
  mkdirSync(directory);
  try {
    const upstreams = [upstream.upstream];
    const { signal } = new AbortController();
    const started = await startBalancer({ chosen, upstreams, affinity: 'sticky', directory, guard, signal });
    try {
      expect((await fetch(`http://127.0.0.1:${started.port}/`)).status).toBe(200);
    } finally {
      await started.stop();
    }
  } finally {
    await upstream.stop();
  }
});
