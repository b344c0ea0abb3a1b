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

test('a wrong password', async () => {
  expect(await refusalOf(urlAs('nobody', 'x', 'postgres'))).toMatchObject({
    kind: 'refused',
    advice: undefined,
  });
});
