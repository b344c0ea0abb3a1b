import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openStore } from '../open.ts';
import { mariadb } from './backend.ts';
import { mariadbClient } from './client.ts';
import { contextFor, type MariadbFixture, startMariadbFixture } from './fixture.ts';
import { inspectMariadb } from './inspect.ts';
import type { Link } from './links.ts';

let server: MariadbFixture;
beforeAll(async () => {
  server = await startMariadbFixture();
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

interface Refused {
  kind: string;
  message: string;
  advice?: { expected: string; remedy: string };
}

const refusalOf = (asking: Promise<unknown>): Promise<Refused | undefined> =>
  asking.then(
    () => undefined,
    (error: unknown) => error as Refused,
  );
const refusalAt = (url: string, connections?: number) => refusalOf(mariadbClient.inspect(url, connections));

test.each([
  ['my-role', 'p@ss:w/o?r#d%', 'db/with#odd%20name'],
  ['USER with "quotes"', "it's", 'DATABASE `x`'],
  ['rôle', 'pässwörd', 'ünïcode'],
])('user %j, password %j, database %j work in every part', async (user, password, database) => {
  const name = (text: string) => `\`${text.replaceAll('`', '``')}\``;
  const text = (value: string) => `'${value.replaceAll("'", "''")}'`;
  await server.query(`create database ${name(database)}`);
  await server.query(`create user ${text(user)}@'%' identified by ${text(password)}`);
  await server.query(`grant all on ${name(database)}.* to ${text(user)}@'%'`);
  const url = urlAs(user, password, database);
  expect(await mariadbClient.inspect(url, 5)).toMatchObject({
    version: expect.stringMatching(/^10\.|^1[1-9]\./),
    settings: { innodb_flush_log_at_trx_commit: '2', log_bin: 'OFF' },
    notes: [],
  });
  expect(await mariadbClient.settle(url)).toEqual([]);
  expect(await mariadbClient.dataBytes(url)).toBe(0);
});

test('what the tables need to be settled is named where it is missing', async () => {
  await server.query('create database settled');
  await server.query(`create user settler@'%' identified by 's'`);
  await server.query(`grant all on settled.* to settler@'%'`);
  await server.query('create table settled.sb_x_kept_sessions (id int primary key)');
  const url = urlAs('settler', 's', 'settled');
  expect(await mariadbClient.settle(url)).toEqual(['flush tables: not permitted to this user']);
  await server.query(`grant reload on *.* to settler@'%'`);
  expect(await mariadbClient.settle(url)).toEqual([]);
});

test('a wrong password, a database that does not exist, one that is closed to the user', async () => {
  expect(await refusalAt(urlAs('bench', 'hunter2', 'bench'))).toMatchObject({
    kind: 'refused',
    advice: undefined,
    message: expect.not.stringContaining('hunter2'),
  });
  expect(await refusalAt(urlAs('bench', 'pw', 'missing'))).toMatchObject({
    kind: 'refused',
    message: expect.stringContaining("'missing'"),
    advice: { expected: 'to have the database', remedy: expect.stringContaining('CREATE DATABASE') },
  });
  await server.query(`create user stranger@'%' identified by 's'`);
  expect((await refusalAt(urlAs('stranger', 's', 'bench')))?.advice?.remedy).toContain('GRANT ALL ON');
});

test('a user that may not create tables, or procedures', async () => {
  await server.query('create database shared');
  await server.query(`create user guest@'%' identified by 'g'`);
  await server.query(`grant select on shared.* to guest@'%'`);
  const url = urlAs('guest', 'g', 'shared');
  for (const rights of ['insert, update, delete, create, drop', 'create routine']) {
    const refused = await refusalAt(url);
    expect(refused?.advice?.expected).toBe('to let this user create and use tables and procedures');
    expect(refused?.advice?.remedy).toContain('GRANT ALL ON');
    await server.query(`grant ${rights} on shared.* to guest@'%'`);
  }
  expect(await refusalAt(url)).toBeUndefined();
  // Nothing that was tried is left.
  expect(await server.query(`select 1 from information_schema.tables where table_schema = 'shared'`)).toEqual(
    [],
  );
  expect(
    await server.query(`select 1 from information_schema.routines where routine_schema = 'shared'`),
  ).toEqual([]);
});

test('rights that come from a role count', async () => {
  await server.query('create database by_role');
  await server.query('create role keeper');
  await server.query('grant all on by_role.* to keeper');
  await server.query(`create user member@'%' identified by 'm'`);
  await server.query(`grant keeper to member@'%'`);
  await server.query(`set default role keeper for member@'%'`);
  expect(await refusalAt(urlAs('member', 'm', 'by_role'))).toBeUndefined();
});

test('one that is closed to writes, or has no room', async () => {
  await server.query('set global read_only = 1');
  try {
    expect(await refusalAt(server.url)).toMatchObject({
      kind: 'refused',
      message: 'read_only ON: a replica, or closed to writes',
      advice: { expected: 'to accept writes' },
    });
  } finally {
    await server.query('set global read_only = 0');
  }
  expect(await refusalAt(server.url, 100)).toBeUndefined();
  expect(await refusalAt(server.url, 101)).toMatchObject({ message: 'room for 100 (max_connections)' });
});

/** A server that says this of itself, and obeys. */
function saying(version: string, comment: string, settings: Readonly<Record<string, string>> = {}): Link {
  const said = { innodb_flush_log_at_trx_commit: '1', innodb_doublewrite: 'ON', ...settings };
  const query = async (text: string) => {
    const rows = text.includes('version()') ? [[version, comment]] : [];
    return { rows: text.startsWith('show') ? Object.entries(said) : rows, affectedRows: 0, insertId: 0 };
  };
  return { query } as unknown as Link;
}

test.each([
  ['10.11.6-MariaDB-0+deb12u1', 'Debian 12', {}, '10.11.6', []],
  ['11.4.2-MariaDB', 'mariadb.org binary distribution', { wsrep_on: 'ON' }, '11.4.2', [/Galera/]],
  ['8.4.0', 'MySQL Community Server - GPL', {}, 'MySQL 8.4.0', [/^unproven/]],
  ['8.0.36-28', 'Percona Server (GPL), Release 28', {}, 'Percona Server 8.0.36', [/^unproven/]],
] as const)('%s is named %s', async (version, comment, settings, named, notes) => {
  const inspection = await inspectMariadb(saying(version, comment, settings));
  expect(inspection.version).toBe(named);
  expect(inspection.notes).toEqual(notes.map((note) => expect.stringMatching(note)));
});

test.each([
  ['10.5.29-MariaDB', '', {}, /^10\.5\.29$/],
  ['5.7.44', 'MySQL Community Server (GPL)', {}, /^5\.7\.44$/],
  ['8.0.28', 'MySQL Community Server - GPL', {}, /^8\.0\.28$/],
  ['8.0.11-TiDB-v7.5.0', 'TiDB Server', {}, /^TiDB$/],
  ['8.0.30-Vitess', 'Version: 19', {}, /^Vitess$/],
  ['8.0.36', '(ProxySQL)', {}, /^ProxySQL$/],
  ['8.4.0', 'MySQL Community Server - GPL', { super_read_only: 'ON' }, /^super_read_only ON/],
  ['10.11.6-MariaDB', '', { log_bin: 'ON', binlog_format: 'STATEMENT' }, /STATEMENT/],
  ['10.11.6-MariaDB', '', { max_allowed_packet: '65536' }, /^max_allowed_packet 65536$/],
] as const)('%s %s %o is refused', async (version, comment, settings, got) => {
  const refused = await refusalOf(inspectMariadb(saying(version, comment, settings)));
  expect(refused).toMatchObject({ kind: 'refused', message: expect.stringMatching(got) });
  expect(refused?.advice?.remedy).toMatch(/\./);
});

test('what is no MariaDB, or says nothing, is unreachable within bounds', async () => {
  for (const greeting of ['HTTP/1.1 400 Bad Request\r\n\r\n', '']) {
    const other = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.write(greeting);
    });
    await new Promise<void>((resolve) => {
      other.listen(0, '127.0.0.1', resolve);
    });
    const { port } = other.address() as { port: number };
    try {
      expect(await refusalAt(`mariadb://u:hunter2@127.0.0.1:${port}/db`)).toMatchObject({
        kind: 'unreachable',
      });
    } finally {
      await new Promise((resolve) => other.close(resolve));
    }
  }
});

test.each([
  ['by TCP', () => server.url],
  ['by its socket', () => `mariadb://bench:pw@${encodeURIComponent(server.socket)}/bench`],
])('the process behind a connection is found: %s', async (_, url) => {
  const found = await mariadbClient.inspectProcess(url(), (serving) => serving);
  expect(found).toEqual({ pid: server.pid(), program: 'mariadbd', isChild: false });
});

test('TLS, by the modes of the URL, with both drivers', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'mariadb-tls-'));
  const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const named = ['-subj', '/CN=db.test', '-addext', 'subjectAltName=DNS:db.test'];
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1'];
  execFileSync('openssl', ['req', '-x509', ...kind, ...named, '-keyout', key, '-out', certificate], {
    stdio: 'ignore',
  });
  // The server runs as another user.
  chmodSync(folder, 0o755);
  chmodSync(key, 0o644);
  const secure = await startMariadbFixture('second', [`--ssl-cert=${certificate}`, `--ssl-key=${key}`]);
  try {
    await secure.query(`create user careful@'%' identified by 'c' require ssl`);
    await secure.query(`grant all on bench.* to careful@'%'`);
    const url = secure.url.replace('bench:pw', 'careful:c');
    const works = ['ssl-mode=REQUIRED', `ssl-mode=VERIFY_CA&ssl-ca=${certificate}`];
    const distrusted = ['ssl-mode=VERIFY_CA', `ssl-mode=VERIFY_IDENTITY&ssl-ca=${certificate}`];
    for (const query of works) expect(await refusalAt(`${url}?${query}`), query).toBeUndefined();
    for (const query of distrusted)
      expect((await refusalAt(`${url}?${query}`))?.advice?.expected, query).toBe('to agree on TLS');
    expect(await refusalAt(`${url}?ssl-mode=DISABLED`)).toMatchObject({ kind: 'refused' });
    for (const driver of ['mariadb', 'mysql2']) {
      const open = (query: string) =>
        openStore(mariadb, contextFor({ serviceUrl: `${url}?${query}`, options: { driver } }));
      for (const query of works) {
        const store = await open(query);
        expect(await store.create({ userId: 'u', role: 'user', data: 'd' })).toMatchObject({
          status: 'created',
        });
        await store.close();
      }
      for (const query of ['ssl-mode=DISABLED', ...distrusted])
        await expect(open(query), `${driver} ${query}`).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    }
  } finally {
    await secure.stop();
    rmSync(folder, { recursive: true });
  }
});
