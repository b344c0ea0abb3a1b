import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { readContract } from '../bench/config/contract-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'session-bench-site-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function make(...args: string[]) {
  const all = ['--import', 'tsx', 'scripts/site-secrets.ts', ...args];
  return spawnSync(process.execPath, all, { cwd: join(import.meta.dirname, '..'), encoding: 'utf8' });
}

test('makes secrets and a contract that conformance reads, for their owner alone, and never over others', () => {
  const site = join(folder, 'site');
  const args = [site, '--store', 'jwt', '--server', 'http://10.0.0.11:8080'];
  const { status, stdout, stderr } = make(...args);
  expect([status, stderr]).toEqual([0, '']);
  const paths = stdout.trim().split('\n');
  expect(paths).toEqual([join(site, 'server.json'), join(site, 'contract.json')]);
  for (const path of paths) expect(statSync(path).mode & 0o777).toBe(0o600);

  const secrets = JSON.parse(readFileSync(join(site, 'server.json'), 'utf8'));
  expect(Buffer.from(secrets.secret, 'base64')).toHaveLength(32);
  const contract = readContract(join(site, 'contract.json'));
  expect(contract).toMatchObject({
    password: secrets.password,
    admin: { password: secrets.adminPassword },
    servers: ['http://10.0.0.11:8080'],
    traits: { state: 'client', revocation: 'at-expiry' },
  });
  expect(contract.operations.password).toBeUndefined();

  const again = make(...args);
  expect(again.status).toBe(1);
  expect(again.stderr).toMatch(/^session-bench: OUTPUT_UNWRITABLE: .*EEXIST.*\n$/);
  expect(JSON.parse(readFileSync(join(site, 'server.json'), 'utf8'))).toEqual(secrets);
});

test.each([
  [['a', '--servers', 'http://10.0.0.11'], "Unknown option '--servers'"],
  [['a', '--store', 'redsi'], 'Did you mean redis?'],
  [['a', '--server', '10.0.0.11:8080'], 'a URL that begins with http://'],
])('%j is one line with exit code 2', (args, words) => {
  const { status, stdout, stderr } = make(...args);
  expect([status, stdout]).toEqual([2, '']);
  expect(stderr).toContain(words);
  expect(stderr.trim().split('\n')).toHaveLength(1);
});
