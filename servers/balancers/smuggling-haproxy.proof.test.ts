/** The smuggling corpus through HAProxy as configured here: its servers are as safe as behind the built-in. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../../stores/free-port.ts';
import { startLaunch } from './fixtures/processes.ts';
import type { Cleanup } from './fixtures/raw-sockets.ts';
import { SMUGGLING_CASES } from './fixtures/smuggling-corpus.ts';
import { runCase, type StrictServer, strictServer } from './fixtures/smuggling-run.ts';
import { haproxy } from './haproxy.ts';

/** Cases mostly wait: this many run at once, each with its own HAProxy and server. */
const LANES = 5;

interface Lane {
  port: number;
  server: StrictServer;
}

const standing: Cleanup = { undo: [] };
/** Lanes on which no case is running; vitest runs no more cases at once than there are lanes. */
const free: Lane[] = [];

beforeAll(async () => {
  const binary = haproxy.find();
  if (binary === undefined) throw new Error('expected haproxy on this machine; run: sh scripts/setup.sh');
  for (let lane = 0; lane < LANES; lane += 1) free.push(await openLane(binary));
});
afterAll(async () => {
  for (const step of standing.undo.splice(0).reverse()) await step();
});

async function openLane(binary: string): Promise<Lane> {
  const directory = mkdtempSync(join(tmpdir(), 'smuggling-'));
  standing.undo.push(() => rmSync(directory, { recursive: true, force: true }));
  const server = await strictServer(standing);
  const port = await freePort('127.0.0.1');
  const upstreams = [{ id: 's1', host: '127.0.0.1', port: server.port }];
  const plan = { host: '127.0.0.1', port, upstreams, affinity: 'round-robin', directory } as const;
  const started = await startLaunch(haproxy.launch(binary, plan), port);
  standing.undo.push(() => started.stop());
  return { port, server };
}

describe('HAProxy', () => {
  it.concurrent.each(SMUGGLING_CASES.map((one) => [one.name, one] as const))('%s', async (_, one) => {
    const lane = free.pop();
    if (lane === undefined) throw new Error(`expected at most ${LANES} cases at once`);
    const clients: Cleanup = { undo: [] };
    try {
      // docs/generated/smuggling.md lists how HAProxy reads a case; this test checks that no other client is hit.
      const { stolen } = await runCase(clients, lane.port, lane.server, one);
      expect(stolen).toEqual([]);
    } finally {
      for (const step of clients.undo.splice(0).reverse()) step();
      free.push(lane);
    }
  });
});
