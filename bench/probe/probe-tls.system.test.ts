import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { selfSigned } from '../conformance/self-signed.ts';
import { bench, scratch } from '../tests/cli-fixture.ts';

/** A probe of a server that speaks TLS with a certificate that nobody vouches for. */

/** The name in the certificate. */
const NAME = 'forged';
const tmp = scratch();
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const identity = {
  key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  cert: new X509Certificate(selfSigned(privateKey)).toString(),
};
const authority = join(tmp.path, 'ca.pem');
const hosts: (string | undefined)[] = [];
const server = createServer(identity, (request, response) => {
  hosts.push(request.headers.host);
  response.end('fine');
});
let port = 0;

beforeAll(async () => {
  writeFileSync(authority, identity.cert);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  port = (server.address() as AddressInfo).port;
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
  expect(tmp.leftovers()).toEqual([]);
  tmp.remove();
});

const probe = (...args: string[]) =>
  bench(['probe', '-w', '0s', '-d', '300ms', '--rate', '50', '-c', '2', ...args], tmp.path);

test('with its authority, by its name at another address', async () => {
  const args = ['--ca', authority, '--connect-to', `127.0.0.1:${port}`, `https://${NAME}:8443/a`];
  const { code, stdout } = await probe(...args, '--arrivals', 'constant');
  expect(code, stdout).toBe(0);
  expect(stdout).toMatch(/requests +15 sent, 15 ok, no errors/);
  expect(hosts).toEqual(Array(15).fill(`${NAME}:8443`));
});

test('without a check of its certificate', async () => {
  expect((await probe('--insecure', `https://127.0.0.1:${port}`)).code).toBe(0);
});

test('a certificate that nobody vouches for: one line with what helps, nothing on standard output', async () => {
  const { code, stdout, stderr } = await probe('--json', `https://127.0.0.1:${port}`);
  expect([code, stdout]).toEqual([1, '']);
  expect(stderr).toMatch(
    /SERVICE_UNREACHABLE: .*self-signed certificate.*--ca, or do not check its certificate: --insecure/,
  );
});
