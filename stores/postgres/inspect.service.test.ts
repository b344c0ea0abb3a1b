import { connect, createServer } from 'node:net';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { postgresClient } from './client.ts';
import { type PostgresFixture, startPostgresFixture } from './fixture.ts';

let server: PostgresFixture;
beforeAll(async () => {
  server = await startPostgresFixture();
});
afterAll(() => server.stop());

/** The URL of the fixture with another user, password and database. */
function urlAs(user: string, password: string, database: string): string {
  const url = new URL(server.url);
  url.username = encodeURIComponent(user);
  url.password = encodeURIComponent(password);
  url.pathname = `/${encodeURIComponent(database)}`;
  return url.href;
}

const refusalOf = (url: string) =>
  postgresClient.inspect(url).then(
    () => undefined,
    (error: unknown) =>
      error as { kind: string; message: string; advice?: { expected: string; remedy: string } },
  );

test.each([
  ['my-role', 'p@ss:w/o?r#d%', 'db/with#odd%20name'],
  ['ROLE with "quotes"', "it's", 'DATABASE "x"'],
  ['rôle', 'pässwörd', 'ünïcode'],
])('role %j, password %j, database %j work in every part', async (role, password, database) => {
  const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;
  await server.query(`create role ${quoted(role)} login password '${password.replaceAll("'", "''")}'`);
  await server.query(`create database ${quoted(database)} owner ${quoted(role)}`);
  const url = urlAs(role, password, database);
  expect((await postgresClient.inspect(url, 5)).version).toMatch(/^\d+/);
  expect(await postgresClient.settle(url)).toEqual(['checkpoint: not permitted to this user']);
  expect(await postgresClient.dataBytes(url)).toBeGreaterThan(0);
});

test('a database that does not exist, with how to make it', async () => {
  const error = await refusalOf(`${server.url.replace(/\/[^/?]*(\?|$)/, '/missing$1')}`);
  expect(error).toMatchObject({ kind: 'refused', message: expect.stringContaining('"missing"') });
  expect(error?.advice).toMatchObject({
    expected: 'to have the database',
    remedy: expect.stringContaining('createdb'),
  });
});

test('a user without the language of functions', async () => {
  await server.query("create role fenced login password 'f'");
  await server.query('create database fenced owner fenced');
  const url = urlAs('fenced', 'f', 'fenced');
  expect(await refusalOf(url)).toBeUndefined();
  const client = new pg.Client({ connectionString: server.url.replace(/\/postgres$/, '/fenced') });
  await client.connect();
  await client.query('revoke usage on language plpgsql from public');
  await client.end();
  const error = await refusalOf(url);
  expect(error).toMatchObject({ kind: 'refused', message: expect.stringContaining('plpgsql') });
  expect(error?.advice?.expected).toBe('to let this user make schemas, tables and functions');
});

test('a limit on the connections of a role, and of a database', async () => {
  await server.query("create role few login password 'f' connection limit 3");
  await server.query('create database few owner few');
  const url = urlAs('few', 'f', 'few');
  expect((await postgresClient.inspect(url, 3)).version).toMatch(/^\d+/);
  await expect(postgresClient.inspect(url, 4)).rejects.toMatchObject({
    message: 'a limit of 3 for this role',
    advice: { expected: 'to take 4 connections' },
  });
  await server.query('alter role few connection limit -1');
  await server.query('alter database few connection limit 2');
  await expect(postgresClient.inspect(url, 3)).rejects.toMatchObject({
    message: 'a limit of 2 for this database',
  });
});

test('a user that may not create schemas, or only read', async () => {
  await server.query("create role guest login password 'g'");
  await server.query('create database shared');
  const url = urlAs('guest', 'g', 'shared');
  expect((await refusalOf(url))?.advice?.remedy).toContain('GRANT CREATE ON DATABASE');
  await server.query('grant create on database shared to guest');
  expect(await refusalOf(url)).toBeUndefined();
  await server.query('alter role guest set default_transaction_read_only = on');
  expect((await refusalOf(url))?.message).toBe('default_transaction_read_only on');
});

test('a replica', async () => {
  const replica = await startPostgresFixture();
  try {
    await replica.demote();
    expect((await replica.query('select pg_is_in_recovery() as yes'))[0]).toEqual({ yes: true });
    expect(await refusalOf(replica.url)).toMatchObject({
      kind: 'refused',
      message: 'a replica, which accepts no writes',
      advice: { expected: 'to be a primary', remedy: 'Name its primary.' },
    });
  } finally {
    await replica.stop();
  }
});

test.each(['refuses', 'drops'] as const)('a pooler that %s what a connection is to have', async (manner) => {
  const { port, stop } = await likePgBouncer(Number(new URL(server.url).port), manner);
  try {
    expect(await refusalOf(`postgres://bench@127.0.0.1:${port}/postgres`)).toMatchObject({
      kind: 'refused',
      message: manner === 'drops' ? 'a pooler that drops them' : 'unsupported startup parameter: options',
      advice: { remedy: expect.stringContaining('Name Postgres itself: a pooler such as PgBouncer') },
    });
  } finally {
    await stop();
  }
});

/**
 * A proxy to a real Postgres that treats the parameters of a connection as PgBouncer 1.18 does, which `drops` those of
 * its ignore_startup_parameters.
 */
function likePgBouncer(target: number, manner: 'refuses' | 'drops') {
  const proxy = createServer((client) => {
    client
      .on('error', () => undefined)
      .once('data', (startup) => {
        if (manner === 'refuses') {
          const fields = 'SFATAL\0C08P01\0Munsupported startup parameter: options\0\0';
          const length = Buffer.alloc(4);
          length.writeInt32BE(fields.length + 4);
          return client.end(Buffer.concat([Buffer.from('E'), length, Buffer.from(fields)]));
        }
        // int32 length, int32 version, then names and values, each ended by a zero.
        const words = startup.subarray(8, -2).toString().split('\0');
        const kept = words.filter(
          (_, at) => !/^(options|statement_timeout)$/.test(words[at - (at % 2)] ?? ''),
        );
        const body = Buffer.from(`${kept.join('\0')}\0\0`);
        const head = Buffer.from(startup.subarray(0, 8));
        head.writeInt32BE(body.length + 8);
        const postgres = connect(target, '127.0.0.1').on('error', () => client.destroy());
        postgres.write(Buffer.concat([head, body]));
        client.pipe(postgres).pipe(client);
        return client;
      });
  });
  return new Promise<{ port: number; stop: () => Promise<void> }>((resolve) => {
    proxy.listen(0, '127.0.0.1', () => {
      const { port } = proxy.address() as { port: number };
      resolve({ port, stop: () => new Promise((closed) => proxy.close(() => closed())) });
    });
  });
}

test('a wrong password', async () => {
  expect(await refusalOf(urlAs('nobody', 'x', 'postgres'))).toMatchObject({
    kind: 'refused',
    advice: undefined,
  });
});
