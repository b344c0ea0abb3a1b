import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { checkPackages } from '../environment/comparator-packages.ts';
import { PROJECT_ROOT } from '../environment/programs.ts';

/** docker/kubernetes against the schemas of Kubernetes. Needs kubectl: run with SESSION_BENCH_KUBERNETES=1. */

const FOLDER = 'scripts/manifests';

function run(command: string, args: readonly string[], input = '') {
  const options = { cwd: PROJECT_ROOT, encoding: 'utf8', input, timeout: 120_000 } as const;
  const { status, stdout, stderr, error } = spawnSync(command, [...args], options);
  if (error !== undefined) throw error;
  return { status, stdout, stderr };
}

const check = (manifests: string) =>
  run(process.execPath, ['--import', 'tsx', `${FOLDER}/check.ts`], manifests);

let rendered = '';

beforeAll(() => {
  try {
    checkPackages(FOLDER);
  } catch {
    const installed = run('pnpm', ['-C', FOLDER, 'install', '--frozen-lockfile', '--prefer-offline']);
    if (installed.status !== 0) throw new Error(installed.stdout + installed.stderr);
  }
  const { status, stdout, stderr } = run('kubectl', ['kustomize', 'docker/kubernetes']);
  if (status !== 0) throw new Error(stderr);
  rendered = stdout;
});

test('what kustomize renders is accepted, object by object', () => {
  const { status, stdout, stderr } = check(rendered);
  expect(stderr).toBe('');
  const kinds = stdout.trim().split('\n');
  expect(kinds.filter((line) => !line.endsWith(': ok'))).toEqual([]);
  expect(kinds.map((line) => line.split(' ')[0]).sort()).toEqual([
    'ConfigMap',
    'Deployment',
    'Deployment',
    'Namespace',
    'PodDisruptionBudget',
    'Service',
    'Service',
    'Service',
    'StatefulSet',
  ]);
  expect(status).toBe(0);
});

test('each planted error is refused: a field, a type, a value, a missing field, a kind', () => {
  const planted: readonly [RegExp, string, RegExp][] = [
    [
      /readOnlyRootFilesystem:/,
      'readOnlyRootFileSystem:',
      /Deployment .*readOnlyRootFileSystem is not a field/,
    ],
    [/replicas: 3/, 'replicas: "3"', /Deployment server: .*replicas must be integer/],
    [/type: ClusterIP/, 'type: Cluster', /Service site: .*spec\/type/],
    [/containerPort: 6379/, 'hostPort: 6379', /StatefulSet redis: .*containerPort/],
    [
      /kind: PodDisruptionBudget/,
      'kind: DisruptionBudget',
      /Kubernetes has no DisruptionBudget in policy\/v1/,
    ],
  ];
  let broken = rendered;
  for (const [from, to] of planted) {
    expect(broken).toMatch(from);
    broken = broken.replace(from, to);
  }
  const { status, stdout } = check(broken);
  expect(status).toBe(1);
  for (const [, , words] of planted) expect(stdout).toMatch(words);
});

test('no secret is rendered, and the balancer gets the file that the swarm gets', () => {
  expect(rendered).not.toMatch(/kind: Secret$/m);
  const shown = readFileSync(join(PROJECT_ROOT, 'docker/kubernetes/haproxy.cfg'), 'utf8').split('\n');
  for (const line of shown) expect(rendered).toContain(line);
  expect(readFileSync(join(PROJECT_ROOT, 'docker/stack.yml'), 'utf8')).toContain('./kubernetes/haproxy.cfg');
});
