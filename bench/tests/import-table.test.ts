import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, test } from 'vitest';
import { PROJECT_ROOT } from '../environment/programs.ts';

/**
 * Allowed imports: the first rule whose `module` is a prefix of a file's path applies.
 * Paths are those of this project, bare names are packages; modules of Node are always allowed.
 * Tests and their fixtures may import anything.
 */
const TABLE: readonly { module: string; may: readonly string[] }[] = [
  {
    module: 'stores/',
    may: [
      ...['stores/', 'ioredis', 'mariadb', 'mongodb', 'mysql2', 'pg', 'fast-jwt', 'jose'],
      'jsonwebtoken',
      'rate-limiter-flexible',
    ],
  },
  { module: 'servers/protocol.ts', may: [] },
  { module: 'servers/frozen.ts', may: [] },
  {
    module: 'servers/balancers/',
    may: ['servers/balancers/', 'servers/node-flags.ts', 'servers/protocol.ts'],
  },
  {
    // Packages of its own: servers/comparators/package.json.
    module: 'servers/comparators/',
    may: [
      'servers/comparators/',
      'servers/accounts.ts',
      'servers/config.ts',
      'servers/derived-key.ts',
      'servers/protocol.ts',
      'stores/postgres/setup.ts',
      '@fastify/cookie',
      '@fastify/jwt',
      '@fastify/secure-session',
      '@fastify/session',
      'better-auth',
      'better-auth/adapters/memory',
      'better-auth/node',
      'connect-pg-simple',
      'connect-redis',
      'express',
      'express-session',
      'fastify',
      'iron-session',
      'pg',
      'redis',
    ],
  },
  { module: 'servers/', may: ['servers/', 'stores/', 'fastify', 'undici'] },
  { module: 'bench/errors.ts', may: [] },
  { module: 'bench/run/plan.ts', may: ['bench/config/', 'bench/stats/', 'servers/protocol.ts', 'stores/'] },
  { module: 'bench/config/values.ts', may: ['bench/errors.ts', 'fastest-levenshtein'] },
  {
    module: 'bench/config/',
    may: [
      'bench/config/',
      'bench/errors.ts',
      'bench/results/threshold.ts',
      'bench/export/parse.ts',
      'servers/protocol.ts',
      'stores/',
      'commander',
      'zod',
    ],
  },
  { module: 'bench/stats/', may: ['bench/stats/', 'hdr-histogram-js'] },
  {
    module: 'bench/compare/',
    may: [
      'bench/compare/',
      'bench/stats/',
      'bench/results/blocks.ts',
      'bench/results/gate-plan.ts',
      'bench/results/row.ts',
      'bench/results/text.ts',
      'bench/errors.ts',
      'stores/',
      'cli-table3',
    ],
  },
  {
    module: 'bench/ranking/',
    may: ['bench/ranking/', 'bench/config/', 'bench/results/', 'bench/stats/', 'stores/'],
  },
  { module: 'bench/export/parse.ts', may: ['bench/config/values.ts'] },
  {
    module: 'bench/export/',
    may: [
      'bench/export/',
      'bench/compare/',
      'bench/results/',
      'bench/stats/levels.ts',
      'bench/errors.ts',
      'bench/config/values.ts',
    ],
  },
  {
    module: 'bench/cost/',
    may: [
      'bench/cost/',
      'bench/results/',
      'bench/stats/',
      'bench/config/file.ts',
      'bench/config/values.ts',
      'stores/',
      'zod',
    ],
  },
  // Packages of its own: bench/report/plots/package.json.
  { module: 'bench/report/plots/', may: ['bench/report/chart.ts', '@observablehq/plot', 'linkedom'] },
  {
    module: 'bench/report/',
    may: [
      'bench/report/',
      'bench/cost/',
      'bench/ranking/',
      'bench/results/',
      'bench/run/report.ts',
      'bench/stats/',
      'bench/errors.ts',
      'bench/environment/comparator-packages.ts',
      'bench/environment/programs.ts',
      'stores/registry.ts',
      'stores/traits.ts',
    ],
  },
  { module: 'bench/find-max/search.ts', may: [] },
  { module: 'bench/calibrate/', may: ['bench/', 'zod', 'cli-table3'] },
  { module: 'bench/gate/', may: ['bench/', 'servers/config.ts', 'servers/frozen.ts', 'stores/'] },
  {
    module: 'bench/load/',
    may: [
      'bench/load/',
      'bench/stats/',
      'bench/config/words.ts',
      'bench/config/wire.ts',
      'bench/config/contract.ts',
      'servers/protocol.ts',
      'autocannon',
    ],
  },
  { module: 'bench/results/column.ts', may: [] },
  { module: 'bench/results/lifetime-columns.ts', may: ['bench/results/column.ts'] },
  {
    module: 'bench/results/row.ts',
    may: ['bench/results/column.ts', 'bench/results/lifetime-columns.ts'],
  },
  {
    module: 'bench/results/',
    may: [
      'bench/results/',
      'bench/errors.ts',
      'bench/stats/',
      'bench/run/plan.ts',
      'bench/load/job.ts',
      'servers/frozen.ts',
      'stores/',
      'cli-table3',
      'csv-parse/sync',
      'csv-stringify/sync',
    ],
  },
  {
    module: 'bench/environment/',
    may: [
      'bench/environment/',
      'bench/errors.ts',
      'bench/config/',
      'bench/run/plan.ts',
      'bench/load/job.ts',
      'bench/load/ticker.ts',
      'bench/results/row.ts',
      'stores/',
      'servers/',
      'esbuild',
      'testcontainers',
    ],
  },
  {
    module: 'bench/micro/',
    may: ['bench/', 'stores/', 'tinybench', 'commander', 'cli-table3', 'fast-jwt', 'jose', 'jsonwebtoken'],
  },
  {
    module: 'bench/conformance/',
    may: ['bench/', 'stores/', 'servers/', 'commander', 'zod', 'cli-table3'],
  },
  { module: 'bench/study/', may: ['bench/', 'zod'] },
  // Packages of its own: bench/workers/locust/package.json.
  { module: 'bench/workers/locust/', may: ['bench/workers/locust-messages.ts', 'msgpackr', 'zeromq'] },
  { module: 'bench/', may: ['bench/', 'stores/', 'commander'] },
  // It recomputes what is published, so it shares nothing with what measured it.
  { module: 'scripts/audit/', may: ['scripts/audit/'] },
  // Packages of its own: scripts/page-check/package.json.
  { module: 'scripts/page-check/', may: ['playwright-core'] },
  // Packages of its own: scripts/manifests/package.json.
  { module: 'scripts/manifests/', may: ['yaml'] },
  // It measures a store, without the harness.
  { module: 'scripts/redis-failover.ts', may: ['bench/commands/closed-pipe.ts', 'stores/'] },
  {
    module: 'scripts/',
    // Fixtures start services for what is measured beside the product.
    may: [
      'scripts/',
      'bench/',
      'servers/',
      'stores/free-port.ts',
      'stores/options.ts',
      'stores/registry.ts',
      'stores/traits.ts',
      'stores/jwt/sid.ts',
      'stores/jwt-blacklist/sid-set.ts',
      'stores/redis/fixture.ts',
      'stores/memcached/',
      'stores/postgres/fixture.ts',
      'esbuild',
    ],
  },
]; // prettier-ignore

/** Packages that only one place may use. */
const ONLY_IN: Readonly<Record<string, string>> = {
  '@observablehq/plot': 'bench/report/plots/',
  '@fastify/jwt': 'servers/comparators/',
  '@fastify/secure-session': 'servers/comparators/',
  '@fastify/session': 'servers/comparators/',
  autocannon: 'bench/load/',
  'better-auth': 'servers/comparators/',
  'connect-pg-simple': 'servers/comparators/',
  'connect-redis': 'servers/comparators/',
  express: 'servers/comparators/',
  'express-session': 'servers/comparators/',
  'fast-jwt': 'stores/ bench/micro/',
  fastify: 'servers/',
  ioredis: 'stores/',
  'iron-session': 'servers/comparators/',
  jose: 'stores/ bench/micro/',
  jsonwebtoken: 'stores/ bench/micro/',
  linkedom: 'bench/report/plots/',
  mariadb: 'stores/',
  mongodb: 'stores/',
  msgpackr: 'bench/workers/locust/',
  mysql2: 'stores/',
  pg: 'stores/ servers/comparators/',
  'playwright-core': 'scripts/page-check/',
  'rate-limiter-flexible': 'stores/',
  redis: 'servers/comparators/',
  testcontainers: 'bench/environment/',
  yaml: 'scripts/manifests/',
  undici: 'servers/',
  zeromq: 'bench/workers/locust/',
};

interface Import {
  from: string;
  to: string;
}

const ROOMS = ['bench', 'servers', 'stores', 'scripts'];
const isTest = (path: string) =>
  /\.test\.ts$|[-/]fixture\.ts$|\/fixtures\/|^stores\/suite\/|-suite\.ts$|test-server\.ts$/.test(path);
const files = ROOMS.flatMap((room) =>
  readdirSync(join(PROJECT_ROOT, room), { recursive: true, encoding: 'utf8' })
    .map((name) => join(room, name))
    .filter((path) => path.endsWith('.ts') && !path.includes('/node_modules/') && !isTest(path)),
); // prettier-ignore
const imports = files.flatMap(importsOf);

function importsOf(from: string): Import[] {
  const text = readFileSync(join(PROJECT_ROOT, from), 'utf8');
  const found = [...text.matchAll(/(?:\bfrom\s+|^import\s+|\bimport\(\s*)'([^'\n]+)'/gm)].map(
    (match) => match[1] as string,
  );
  return found
    .filter((name) => !name.startsWith('node:'))
    .map((name) => ({
      from,
      to: name.startsWith('.') ? relative(PROJECT_ROOT, join(PROJECT_ROOT, dirname(from), name)) : name,
    }));
}

const begins = (path: string, prefix: string) =>
  path === prefix || (prefix.endsWith('/') && path.startsWith(prefix));

/** Groups of files that import one another, sorted (strongly connected components; Tarjan, SIAM J. Comput. 1972). */
function circlesOf(edges: readonly Import[]): string[][] {
  const next = new Map<string, Import[]>();
  for (const edge of edges) next.set(edge.from, [...(next.get(edge.from) ?? []), edge]);
  const [order, low] = [new Map<string, number>(), new Map<string, number>()];
  const [stack, circles]: [string[], string[][]] = [[], []];
  function visit(name: string): number {
    const own = order.size;
    order.set(name, own);
    low.set(name, own);
    stack.push(name);
    for (const { to } of next.get(name) ?? []) {
      const seen = order.get(to);
      if (seen === undefined) low.set(name, Math.min(low.get(name) ?? own, visit(to)));
      else if (stack.includes(to)) low.set(name, Math.min(low.get(name) ?? own, seen));
    }
    if (low.get(name) !== own) return low.get(name) ?? own;
    const circle = stack.splice(stack.indexOf(name));
    if (circle.length > 1) circles.push(circle.sort());
    return own;
  }
  for (const { from } of edges) if (!order.has(from)) visit(from);
  return circles;
}

describe('the import table', () => {
  test('saw the modules', () => {
    expect(files.length).toBeGreaterThan(60);
    expect(imports.length).toBeGreaterThan(200);
    for (const { module } of TABLE)
      expect(
        files.some((path) => path.startsWith(module)),
        module,
      ).toBe(true);
  });

  test('holds', () => {
    const broken = imports.filter(({ from, to }) => {
      const rule = TABLE.find(({ module }) => from.startsWith(module));
      return !rule?.may.some((prefix) => begins(to, prefix));
    });
    expect(broken.map(({ from, to }) => `${from} imports ${to}`)).toEqual([]);
  });

  test.each(Object.entries(ONLY_IN))('%s is imported only in %s', (name, places) => {
    const elsewhere = imports.filter(
      ({ from, to }) => to === name && !places.split(' ').some((place) => from.startsWith(place)),
    );
    expect(elsewhere).toEqual([]);
  });

  test('stores import nothing of the harness, their tests and fixtures included', () => {
    const all = readdirSync(join(PROJECT_ROOT, 'stores'), { recursive: true, encoding: 'utf8' });
    const found = all
      .filter((name) => name.endsWith('.ts'))
      .flatMap((name) => importsOf(join('stores', name)))
      .filter(({ to }) => to.startsWith('bench/'));
    expect(found).toEqual([]);
  });

  test('a backend imports no other, but for what jwt-blacklist and libraries build on', () => {
    const folderOf = (path: string) => /^stores\/([^/]+)\//.exec(path)?.[1];
    const across = imports.filter(({ from, to }) => {
      const [own, other] = [folderOf(from), folderOf(to)];
      return (
        own !== undefined &&
        other !== undefined &&
        own !== other &&
        // What backends share, of which none is a backend.
        other !== 'logins' &&
        own !== 'jwt-blacklist' &&
        own !== 'comparators'
      );
    });
    expect(across).toEqual([]);
    expect(new Set(files.map(folderOf).filter(Boolean)).size).toBeGreaterThanOrEqual(6);
  });

  test('what all backends share imports none of them but where they are listed', () => {
    const shared = imports.filter(
      ({ from, to }) => /^stores\/[^/]+\.ts$/.test(from) && /^stores\/[^/]+\//.test(to),
    );
    expect([...new Set(shared.map(({ from }) => from))]).toEqual(['stores/registry.ts']);
  });

  test('has no circle', () => {
    expect(circlesOf(imports)).toEqual([]);
    const planted = [
      { from: 'a', to: 'b' },
      { from: 'b', to: 'c' },
      { from: 'c', to: 'a' },
      { from: 'c', to: 'd' },
    ];
    expect(circlesOf(planted)).toEqual([['a', 'b', 'c']]);
  });

  test('bench/ holds folders, and no more than the entry, the errors and the progress line', () => {
    const loose = files.filter((path) => /^bench\/[^/]+$/.test(path));
    expect(loose).toEqual(['bench/cli.ts', 'bench/errors.ts', 'bench/progress.ts']);
  });

  test('no file is longer than 300 lines', () => {
    const long = files.filter(
      (path) => readFileSync(join(PROJECT_ROOT, path), 'utf8').split('\n').length > 300,
    );
    expect(long).toEqual([]);
  });
});
