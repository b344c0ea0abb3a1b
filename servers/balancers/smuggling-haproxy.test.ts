/** The smuggling corpus through HAProxy as we configure it: the servers behind it are as safe as behind the built-in. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { freePort, startLaunch } from './fixtures/processes.ts';
import type { Cleanup } from './fixtures/raw-sockets.ts';
import { SMUGGLING_CASES } from './fixtures/smuggling-corpus.ts';
import { runCase, type StrictServer, strictServer } from './fixtures/smuggling-run.ts';
import { haproxy } from './haproxy.ts';

const standing: Cleanup = { undo: [] };
const clients: Cleanup = { undo: [] };
let server: StrictServer;
let port: number;

beforeAll(async () => {
  const binary = haproxy.find();
  if (binary === undefined) throw new Error('expected haproxy on this machine; run: sh scripts/setup.sh');
  const directory = mkdtempSync(join(tmpdir(), 'smuggling-'));
  standing.undo.push(() => rmSync(directory, { recursive: true, force: true }));
  server = await strictServer(standing);
  port = await freePort();
  const upstreams = [{ id: 's1', host: '127.0.0.1', port: server.port }];
  const plan = { host: '127.0.0.1', port, upstreams, affinity: 'round-robin', directory } as const;
  const started = await startLaunch(haproxy.launch(binary, plan), port);
  standing.undo.push(() => started.stop());
});
afterEach(() => {
  for (const step of clients.undo.splice(0).reverse()) step();
});
afterAll(async () => {
  for (const step of standing.undo.splice(0).reverse()) await step();
});

describe('HAProxy', () => {
  it.each(SMUGGLING_CASES.map((one) => [one.name, one] as const))('%s', async (_, one) => {
    // How it reads a case is its own affair, and stands in docs/hardening.md; whom else it hits is ours.
    const { stolen } = await runCase(clients, port, server, one);
    expect(stolen).toEqual([]);
  });
});
