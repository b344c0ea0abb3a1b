/**
 * The least that a server with a session in a store can do: cookie, SHA-256, one read, reply. Arguments: the client
 * library, the URL of the service, the folder whose node_modules has the library. Sends `{ port, cookie }` when ready.
 */

import { createHash, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { payloadFor, SESSION_COOKIE } from '../servers/protocol.ts';
import { add, get } from '../stores/memcached/commands.ts';
import { openLink } from '../stores/memcached/link.ts';

const [library = '', url = '', folder = ''] = process.argv.slice(2);
const load = createRequire(join(folder, 'package.json'));
const token = randomBytes(32).toString('base64url');
const hashOf = (text: string) => createHash('sha256').update(text).digest('base64url');
const key = `bare:${library}:${hashOf(token)}`;
const value = JSON.stringify({ user: 'u0000001', data: payloadFor('u0000001', 0, 256) });

const read = await open();
const HEADERS = { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' };

/** What is stored for the session in a Cookie header. */
function bodyFor(cookie = ''): Promise<string | null> {
  const presented = /__Host-id=([^;]+)/.exec(cookie)?.[1] ?? '';
  return read(`bare:${library}:${hashOf(presented)}`);
}

interface Request {
  headers: { cookie?: string };
}

interface Reply {
  code(status: number): Reply;
  headers(values: Record<string, string>): Reply;
  send(body: string): Reply;
}

/** With `+fastify` the route is one of the framework, which then sends the stored text as it is. */
async function listenBehindFastify(): Promise<void> {
  const { fastify } = load('fastify');
  const app = fastify();
  app.get('/session', async (request: Request, reply: Reply) => {
    const body = await bodyFor(request.headers.cookie);
    return reply
      .code(body === null ? 401 : 200)
      .headers(HEADERS)
      .send(body ?? '');
  });
  await app.listen({ port: 0, host: '127.0.0.1' });
  app.server.keepAliveTimeout = 0;
  announce((app.server.address() as AddressInfo).port);
}

function listen(): void {
  const server = createServer((request, response) => {
    bodyFor(request.headers.cookie).then(
      (body) => {
        response.writeHead(body === null ? 401 : 200, {
          'content-type': HEADERS['content-type'],
          'cache-control': HEADERS['cache-control'],
          'content-length': Buffer.byteLength(body ?? ''),
        });
        response.end(body ?? '');
      },
      (error: unknown) => {
        console.error(error);
        process.exit(1);
      },
    );
  });
  // It waits for its turn longer than Node keeps an idle connection.
  server.keepAliveTimeout = 0;
  server.listen(0, '127.0.0.1', () => announce((server.address() as AddressInfo).port));
}

function announce(port: number): void {
  process.send?.({ port, cookie: `${SESSION_COOKIE}=${token}` });
}

process.on('disconnect', () => process.exit());
if (library.endsWith('+fastify')) await listenBehindFastify();
else listen();

/** Opens the client and stores the session; returns its read. */
async function open(): Promise<(key: string) => Promise<string | null>> {
  if (library === 'ioredis' || library === 'ioredis+fastify') {
    const { Redis } = load('ioredis');
    const client = new Redis(url);
    await client.set(key, value);
    return (one) => client.get(one);
  }
  if (library === 'node-redis') {
    const client = await load('redis').createClient({ url }).connect();
    await client.set(key, value);
    return (one) => client.get(one);
  }
  if (library === 'valkey-glide') {
    const { hostname: host, port } = new URL(url);
    const { GlideClient } = load('@valkey/valkey-glide');
    const client = await GlideClient.createClient({ addresses: [{ host, port: Number(port) }] });
    await client.set(key, value);
    return (one) => client.get(one);
  }
  if (library === 'own') {
    const link = await openLink(url, { connectMs: 2_000, commandMs: 300, silenceMs: 2_000 });
    await add(link, key, value, 3_600_000);
    return async (one) => (await get(link, one)) ?? null;
  }
  if (library === 'memcache-client') {
    const { MemcacheClient } = load('memcache-client');
    const server = { server: new URL(url).host, maxConnections: 1 };
    const client = new MemcacheClient({ server, cmdTimeout: 300 });
    await client.set(key, value, { lifetime: 3600 });
    return async (one) => (await client.get(one))?.value ?? null;
  }
  const table = 'create table if not exists bare (id text primary key, value text)';
  const insert = 'insert into bare values ($1, $2)';
  const select = 'select value from bare where id = $1';
  if (library === 'pg') {
    const pool = new (load('pg').Pool)({ connectionString: url, max: 4 });
    await pool.query(table);
    await pool.query(insert, [key, value]);
    return async (one) => {
      const result = await pool.query({ name: 'read', text: select, values: [one] });
      return result.rows[0]?.value ?? null;
    };
  }
  if (library === 'postgres.js') {
    const sql = load('postgres')(url, { max: 4, onnotice: () => undefined });
    await sql.unsafe(table);
    await sql.unsafe(insert, [key, value]);
    return async (one) => (await sql`select value from bare where id = ${one}`)[0]?.value ?? null;
  }
  throw new Error(`expected a library that the head of client-cost.ts names, got "${library}"`);
}
