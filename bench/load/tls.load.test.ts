import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeAll, expect, test } from 'vitest';
import { selfSigned } from '../conformance/self-signed.ts';
import { closeAll, get, loopOn } from './loop-fixture.ts';

/** The name in the certificate, which is not that of the address. */
const NAME = 'forged';
const CLOSED = { model: 'closed' } as const;

let identity: { key: string; cert: string };
let server: Server | undefined;

beforeAll(() => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  identity = {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: new X509Certificate(selfSigned(privateKey)).toString(),
  };
});
afterEach(() => {
  closeAll();
  server?.close().closeAllConnections();
});

/** A server of TLS that replies with path, host and the server's name of the handshake. */
async function serveTls(): Promise<string> {
  const own = createServer(identity, ({ url, headers, socket }, response) => {
    const { servername } = socket as unknown as { servername: string };
    response.end(`${url} ${headers.host} ${servername} ${'x'.repeat(40_000)}`);
  });
  server = own;
  await new Promise<void>((resolve) => own.listen(0, '127.0.0.1', resolve));
  return `https://127.0.0.1:${(own.address() as AddressInfo).port}`;
}

const named = (path: string) =>
  get(path, { check: (_, body) => body === `${path} ${NAME} ${NAME} ${'x'.repeat(40_000)}`, isPure: true });

test('replies over TLS are checked like others, also those of several records', async () => {
  const loop = loopOn(await serveTls(), [named('/a'), named('/b')], {
    wire: { ca: identity.cert, host: NAME },
  });
  await loop.run(0.3, CLOSED);
  await loop.run(0.3, CLOSED);
  const all = await loop.all();
  expect(loop.failures).toEqual([]);
  expect(all.ok).toBeGreaterThan(20);
  expect([all.connErrors, all.timeouts, all.checkFailed]).toEqual([0, 0, 0]);
});

test('a certificate that nobody vouches for, or of another name, ends the first slice with the cause', async () => {
  const url = await serveTls();
  const slice = (wire: object) => loopOn(url, [named('/a')], { wire }).run(0.1, CLOSED);
  await expect(slice({ host: NAME })).rejects.toThrow(/self-signed certificate/);
  await expect(slice({ ca: identity.cert, host: 'other' })).rejects.toThrow(/does not match|altnames/);
  await expect(slice({ isInsecure: true, host: NAME })).resolves.toMatchObject({
    scheduled: expect.any(Number),
  });
});

test('a server that ends the connection after each reply is connected to anew, and nothing is lost', async () => {
  const url = await serveTls();
  server?.removeAllListeners('request');
  server?.on('request', ({ url: path = '' }, response) =>
    response.setHeader('connection', 'close').end(path),
  );
  const loop = loopOn(url, [get('/a')], { wire: { isInsecure: true }, connections: 2 });
  await loop.run(0.5, CLOSED);
  const all = await loop.all();
  expect(all.ok).toBeGreaterThan(5);
  expect([all.connErrors, all.timeouts, all.checkFailed]).toEqual([0, 0, 0]);
});
