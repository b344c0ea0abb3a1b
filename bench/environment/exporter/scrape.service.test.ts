import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, describe, expect, test } from 'vitest';
import { CPU_FROM_FLAG } from '../../config/cpu-from.ts';
import { lookAtExporters, readExporter } from './scrape.ts';

const METRICS = 'node_cpu_seconds_total{cpu="0",mode="user"} 12.5\n';
const opened: ReturnType<typeof createServer>[] = [];
afterAll(() => {
  for (const server of opened) server.closeAllConnections();
  for (const server of opened) server.close();
});

/** The authority of a server that replies so. */
async function open(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  opened.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const sourceOf = (url: string) => {
  const [source] = CPU_FROM_FLAG.parse([url], 'cpu-from');
  if (source === undefined) throw new Error('expected a source');
  return source;
};

describe('an exporter', () => {
  test('is asked with the user and password of its URL, which nobody sees', async () => {
    const seen: unknown[] = [];
    const host = await open((request, response) => {
      seen.push([request.url, request.headers.authorization, request.headers.accept]);
      response.end(METRICS);
    });
    const source = sourceOf(`shop=http://me:hush@${host}/metrics?key=quiet`);
    const [from, { ns, atMs }] = [performance.now(), await readExporter(source)];
    expect([...ns.values()]).toEqual([12.5e9]);
    expect(atMs).toBeGreaterThan(from);
    const authorization = `Basic ${Buffer.from('me:hush').toString('base64')}`;
    expect(seen).toEqual([['/metrics?key=quiet', authorization, 'text/plain;version=0.0.4']]);
    const lines = await lookAtExporters([source]);
    expect(lines).toEqual([
      `CPU elsewhere of shop: its whole machine at http://${host}/metrics, which is this one: the load generator counts as well`,
    ]);
  });

  test.each<[string, RequestListener, RegExp]>([
    [
      'another path',
      (_, response) => response.writeHead(404).end('no'),
      /^SERVICE_REFUSED: .*got HTTP 404\. Write the whole path/,
    ],
    [
      'a locked one',
      (_, response) => response.writeHead(401).end(),
      /^SERVICE_REFUSED: .*got HTTP 401\. Write user and password/,
    ],
    [
      'its front page',
      (_, response) => response.end('<html>quiet</html>'),
      /^SERVICE_REFUSED: expected metrics of Prometheus, .*line 1/,
    ],
    [
      'one that breaks off',
      (request, response) => {
        response.write(METRICS);
        setTimeout(() => request.destroy(), 10);
      },
      /^SERVICE_UNREACHABLE: .*Start the exporter there/,
    ],
  ])('%s is one line with its remedy, and without the secrets', async (_, listener, message) => {
    const source = sourceOf(`http://me:hush@${await open(listener)}/m?key=quiet`);
    const read = lookAtExporters([source]);
    await expect(read).rejects.toThrow(message);
    await expect(read).rejects.not.toThrow(/hush|quiet|\n/);
  });

  test('that is not there is one line with its remedy', async () => {
    const read = readExporter(sourceOf('http://127.0.0.1:9/metrics'));
    await expect(read).rejects.toThrow(
      /^SERVICE_UNREACHABLE: expected metrics .* at http:\/\/127\.0\.0\.1:9\/metrics within 5000 ms, got .+\. Start/,
    );
  });
});
