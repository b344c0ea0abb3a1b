import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { closeSites, contractFor, openSite, type Site } from '../conformance/external-site-fixture.ts';
import { selfSigned } from '../conformance/self-signed.ts';
import { bench, faultsOf, rowsIn, scratch } from './cli-fixture.ts';

/** `run` on sites of others, as real processes against a small site. */
const directory = scratch();
afterEach(closeSites);
afterAll(directory.remove);
const SMALL = ['-d', '400ms', '-w', '200ms', '-c', '4'];
let files = 0;

function contract(site: Site, more: object = {}): string {
  files += 1;
  const path = `${directory.path}/contract-${files}.json`;
  writeFileSync(path, JSON.stringify({ ...contractFor(site), ...more }));
  return path;
}

async function run(site: Site, args: readonly string[] = [], more: object = {}) {
  const target = await openSite(site);
  const out = `${directory.path}/run-${files}.csv`;
  const flags = ['--target', target, '--contract', contract(site, more), '-o', out, ...SMALL, ...args];
  const finished = await bench(flags, directory.path);
  return { ...finished, target, out, rows: finished.code === 2 ? [] : rowsIn(out) };
}

describe('a run on external sites', () => {
  test('several take turns in one block; what is unknown of them is empty', async () => {
    const [blue, green] = [await openSite({}), await openSite({ hashMs: 5 })];
    const out = `${directory.path}/two.csv`;
    const targets = ['--target', `blue=${blue}`, '--target', `green=${green}`, '--contract', contract({})];
    const finished = await bench([...targets, '-o', out, '-r', '2', ...SMALL], directory.path);
    const { stdout, stderr } = finished;
    expect(stderr).toContain(`loading blue at ${blue}`);
    const rows = rowsIn(out);
    expect(faultsOf(finished, rows)).toEqual([]);
    expect(new Set(rows.map((row) => row['store']))).toEqual(new Set(['blue', 'green']));
    expect(rows.length).toBeGreaterThanOrEqual(4);
    for (const row of rows) {
      expect(row).toMatchObject({
        status: 'ok',
        target: row['store'] === 'blue' ? blue : green,
      });
      expect(Number(row['ok'])).toBeGreaterThan(20);
      expect(row['ok']).toBe(row['completed']);
      for (const column of [
        'servers',
        'balancer',
        'affinity',
        'payload_bytes',
        'cpu_us_per_req_server',
        'warmup_end',
        'foreign_cpu_pct',
        'rss_server_bytes',
      ])
        expect(row[column], column).toBe('');
    }
    expect(stdout).toContain('read, external');
    expect(stdout).not.toContain('CPU');
    expect(directory.leftovers()).toEqual([]);
  });

  test('their CPU is that of their exporters, in a table; empty with the cause where one fails', async () => {
    const [blue, green] = [await openSite({}), await openSite({})];
    const exporter = await openExporter();
    const out = `${directory.path}/cpu.csv`;
    const targets = ['--target', `blue=${blue}`, '--target', `green=${green}`, '--contract', contract({})];
    const from = `blue=${exporter.url('site')},green=${exporter.url('gone')}`;
    const finished = await bench([...targets, '--cpu-from', from, '-o', out, ...SMALL], directory.path);
    exporter.close();
    const { stdout, stderr } = finished;
    const rows = rowsIn(out);
    expect(faultsOf(finished, rows)).toEqual([]);
    expect(stderr).toContain('CPU elsewhere of blue: container site at http://127.0.0.1:');
    const [ours, others] = ['blue', 'green'].map((store) => rows.find((row) => row['store'] === store));
    expect(ours).toMatchObject({ cpu_from: 'container', cpu_us_per_req_store: '', status: 'ok' });
    // A request to a site of node:http costs some 50 µs; on a slow machine many times that.
    expect(Number(ours?.['cpu_us_per_req_server'])).toBeGreaterThan(5);
    expect(Number(ours?.['cpu_us_per_req_server'])).toBeLessThan(5_000);
    expect(others).toMatchObject({ cpu_from: 'container', cpu_us_per_req_server: '' });
    expect(others?.['note']).toMatch(/no CPU from http:\S+#gone: SERVICE_REFUSED: .*"gone"/);
    expect(stdout).toMatch(/CPU µs/);
    expect(stdout).toMatch(/^blue +\d+\.\d$/m);
  });

  test.each<[string, Site, object]>([
    ['by TLS, whose authority is named', { tls: identity() }, {}],
    ['at a base path, by forms and redirects', { base: '/app', form: true, redirects: true }, {}],
    [
      'by nested fields, a gateway with a key, a name of its own',
      { nested: true, key: 'k', host: 'shop.example' },
      {},
    ],
    ['with a few users that log in again and again', { ok: 204 }, { users: ['ann', 'bob', 'cid'] }],
  ])('logs in and reads: %s', async (_, site, more) => {
    const authority = `${directory.path}/authority.pem`;
    if (site.tls !== undefined) writeFileSync(authority, site.tls.cert);
    const host = site.tls === undefined ? {} : { host: 'forged' };
    const args = site.tls === undefined ? [] : ['--ca', authority];
    const finished = await run(site, args, { ...more, ...host });
    const { rows } = finished;
    expect(faultsOf(finished, rows)).toEqual([]);
    expect(rows).toMatchObject([{ status: 'ok' }]);
    expect(Number(rows[0]?.['ok'])).toBeGreaterThan(20);
  });

  test.each(['login', 'logout', 'update', 'mixed'])('scenario %s, every reply right', async (scenario) => {
    const finished = await run({ takesNotes: true }, ['--scenario', scenario]);
    const { rows } = finished;
    expect(faultsOf(finished, rows)).toEqual([]);
    expect(rows[0]).toMatchObject({ status: 'ok', scenario });
    expect(Number(rows[0]?.['ok'])).toBeGreaterThan(20);
    if (scenario === 'mixed') expect(rows.map((row) => row['operation'])).toContain('update');
  });

  test('a site that shows somebody else makes the row invalid', async () => {
    const { rows, code } = await run({ mixesUpAfter: 60 });
    expect(code).toBe(4);
    expect(rows[0]).toMatchObject({ valid: 'false' });
    expect(rows[0]?.['invalid_reason']).toMatch(/wrong body.*somebody/);
  });

  test('at a rate, within what its contract allows', async () => {
    const { rows, stderr } = await run({ requestsPerSecond: 200 }, ['--rate', '200', '-d', '1s']);
    expect(rows, stderr).toMatchObject([{ load_model: 'open-poisson', target_rps: '200', status: 'ok' }]);
  });

  test('a login that does not work, or nobody there: one line before anything starts, without the password', async () => {
    const wrong = await run({ password: 'hush' });
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toMatch(/CONFLICT: expected a login of u0 at .* that sets the cookie sid/);
    expect(wrong.stderr).not.toContain('hush');
    const flags = ['--target', 'http://127.0.0.1:9', '--contract', contract({}), ...SMALL];
    const nobody = await bench(flags, directory.path);
    expect(nobody.stderr).toContain('SERVICE_UNREACHABLE');
    expect(nobody.code).not.toBe(0);
  });

  test('--resume wants the same sites again', async () => {
    const { out, target } = await run({}, ['-r', '2']);
    const file = contract({});
    const none = await bench(['--resume', out], directory.path);
    expect([none.code, none.stderr]).toEqual([2, expect.stringContaining(`--target theirs=${target}`)]);
    const other = ['--resume', out, '--target', 'http://127.0.0.1:9', '--contract', file];
    expect((await bench(other, directory.path)).code).toBe(2);
    const same = await bench(
      ['--resume', out, '--target', target, '--contract', file, '--json'],
      directory.path,
    );
    expect(faultsOf(same, rowsIn(out))).toEqual([]);
  });
});

/**
 * An exporter as cAdvisor is one: `site` is this process, in which the sites run; `gone` is in the first reply alone, which
 * a run sees before it starts anything.
 */
async function openExporter() {
  const asked = { site: 0, gone: 0 };
  const server = createServer((request, response) => {
    const { user, system } = process.cpuUsage();
    const name = request.url === '/gone' ? 'gone' : 'site';
    asked[name] += 1;
    const shown = name === 'gone' && asked.gone > 1 ? 'other' : name;
    const labels = `cpu="total",id="/docker/1",name="${shown}"`;
    response.end(`container_cpu_usage_seconds_total{${labels}} ${(user + system) / 1e6}\n`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: (name: keyof typeof asked) => `http://127.0.0.1:${port}/${name}#${name}`,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

function identity(): { key: string; cert: string } {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: new X509Certificate(selfSigned(privateKey)).toString(),
  };
}
