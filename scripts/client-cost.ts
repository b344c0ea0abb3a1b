/**
 * What the product's read costs beside the least that can be done with the same service, and what other client
 * libraries would cost: CPU µs per request of the server process, in turns of 100 ms, on one service.
 * Usage: pnpm exec tsx scripts/client-cost.ts [--service redis] [--libraries ioredis] [--modules FOLDER] [--blocks 8]
 * [--rounds 40] [--connections 32] [--rows FILE]. Libraries: ioredis, ioredis+fastify (the same read behind the
 * framework), node-redis, valkey-glide; with --service postgres pg and postgres.js; with --service memcached own (the
 * client in stores/memcached) and memcache-client. Those that this project does not use come from FOLDER, made by
 * `npm install --prefix FOLDER redis @valkey/valkey-glide postgres memcache-client`.
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { buildServer, bundle, PROJECT_ROOT } from '../bench/environment/programs.ts';
import { SERVER_CONFIG_ENV } from '../servers/config.ts';
import { SERVER_FLAGS } from '../servers/node-flags.ts';
import { startMemcachedFixture } from '../stores/memcached/fixture.ts';
import { startPostgresFixture } from '../stores/postgres/fixture.ts';
import { startRedisFixture } from '../stores/redis/fixture.ts';
import { writeRows } from './rows.ts';
import { type Arm, armOf, loginCookie, measureInTurns, printCosts } from './turns.ts';

const { values } = parseArgs({
  options: {
    service: { type: 'string', default: 'redis' },
    libraries: { type: 'string' },
    modules: { type: 'string', default: PROJECT_ROOT },
    blocks: { type: 'string', default: '8' },
    rounds: { type: 'string', default: '40' },
    connections: { type: 'string', default: '32' },
    rows: { type: 'string' },
  },
});
const { service, modules } = values;
const OWN = ['ioredis', 'ioredis+fastify', 'pg', 'own'];
const FIRST: Readonly<Record<string, string>> = { redis: 'ioredis', postgres: 'pg', memcached: 'own' };
const libraries = (values.libraries ?? FIRST[service] ?? '').split(',');
const connections = Number(values.connections);
const SECRETS = { secret: 'c2VjcmV0', password: 'right', adminPassword: 'root' };

const fixture = await startService();
try {
  const { bare = '' } = await bundle(PROJECT_ROOT, { bare: 'scripts/client-cost-server.ts' });
  const program = await buildServer(PROJECT_ROOT);
  const names = [...libraries, `session-bench, ${service}`];
  const options = { blocks: Number(values.blocks), rounds: Number(values.rounds), sliceMs: 100, connections };
  const blocks = await measureInTurns(names, start, options);
  printCosts(names, blocks);
  const rows = blocks.flatMap((block, index) =>
    [...block].map(([name, cpu]) => [index + 1, name, cpu] as const),
  );
  writeRows(values.rows, ['block', 'server', 'cpu_us_per_request'], rows);

  async function start(name: string): Promise<Arm> {
    const isBare = libraries.includes(name);
    const config = { id: 's1', store: service, serviceUrl: fixture.url, ...SECRETS };
    const folder = OWN.includes(name) ? PROJECT_ROOT : modules;
    const args = isBare ? [bare, name, fixture.url, folder] : [program];
    const child = spawn(process.execPath, [...SERVER_FLAGS, ...args], {
      env: isBare ? {} : { [SERVER_CONFIG_ENV]: JSON.stringify(config), NODE_ENV: 'production' },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    const [ready] = (await once(child, 'message')) as [{ port: number; cookie?: string }];
    const cookie = ready.cookie ?? (await loginCookie(ready.port, SECRETS.password));
    return armOf(name, child, ready.port, cookie, connections);
  }
} finally {
  await fixture.stop();
}

function startService() {
  if (service === 'redis') return startRedisFixture('second');
  return service === 'memcached' ? startMemcachedFixture() : startPostgresFixture();
}
