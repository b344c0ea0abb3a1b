/** The smuggling corpus through the built-in balancer, over real sockets: refused, or passed on as what it is. */

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Cleanup, rawRelay } from '../fixtures/raw-sockets.ts';
import { readRequests } from '../fixtures/reference-parser.ts';
import { SMUGGLING_CASES } from '../fixtures/smuggling-corpus.ts';
import { runCase, type StrictServer, strictServer } from '../fixtures/smuggling-run.ts';

const REFUSALS: readonly number[] = [400, 405, 413, 417, 431, 501, 505];
const CASES = SMUGGLING_CASES.map((one) => [one.name, one] as const);

/** What stands for the whole file: one relay, whose connections to its one server go from client to client. */
const standing: Cleanup = { undo: [] };
const clients: Cleanup = { undo: [] };
let server: StrictServer;
let port: number;

beforeAll(async () => {
  server = await strictServer(standing);
  ({ port } = await rawRelay(standing, [server.port]));
});
afterEach(() => {
  for (const step of clients.undo.splice(0).reverse()) step();
});
afterAll(async () => {
  for (const step of standing.undo.splice(0).reverse()) await step();
});

describe('the corpus', () => {
  it('is large, and names each case once', () => {
    expect(SMUGGLING_CASES.length).toBeGreaterThan(100);
    expect(new Set(SMUGGLING_CASES.map(({ name }) => name)).size).toBe(SMUGGLING_CASES.length);
  });

  it.each(CASES)('is judged alike by hand and by the reference parser: %s', (_, one) => {
    const reading = readRequests(one.segments.join(''));
    expect([reading.requests.length, reading.fault !== undefined]).toEqual([one.requests, one.isFaulty]);
  });
});

describe('the built-in balancer', () => {
  it.each(CASES)('%s', async (_, one) => {
    const legal = readRequests(one.segments.join('')).requests;
    const { seen, faults, served, refusals, isClosed, stolen } = await runCase(clients, port, server, one);
    // Nobody else is hit, and what reached the server can be read in one way only.
    expect(stolen).toEqual([]);
    expect(faults).toEqual([]);
    expect(seen).toEqual(legal.slice(0, seen.length));
    expect(served).toBe(seen.length);
    if (refusals.length > 0) {
      expect(REFUSALS).toContain(refusals[0]);
      expect([refusals.length, isClosed]).toEqual([1, true]);
    } else {
      expect(one.isFaulty).toBe(false);
      expect(seen).toHaveLength(one.requests);
    }
  });
});
