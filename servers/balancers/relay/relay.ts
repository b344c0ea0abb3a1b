/** The built-in balancer: listens, keeps the clock, drains. */

import { type AddressInfo, createServer } from 'node:net';
import { ClientConnection } from './client-connection.ts';
import { DEFAULT_TIMEOUTS, type RelayPlan, type RelayTimeouts } from './plan.ts';
import type { RelayState } from './relay-state.ts';
import { UpstreamPool } from './upstream-pool.ts';

/** As many clients may connect at once as the kernel queues. */
const BACKLOG = 4_096;
const SWEEP_MS = 250;

export interface Relay {
  port: number;
  /** Stops accepting, waits up to the time-out for exchanges to finish, then closes everything. */
  drain(timeoutMs: number): Promise<void>;
}

/** Starts relaying. Rejects with the system's error when it cannot listen. */
export async function startRelay(plan: RelayPlan): Promise<Relay> {
  const timeouts: RelayTimeouts = { ...DEFAULT_TIMEOUTS, ...plan.timeouts };
  const nowMs = performance.now();
  const state: RelayState = {
    pool: new UpstreamPool(plan.upstreams, timeouts, nowMs),
    clients: new Set(),
    timeouts,
    isSticky: plan.affinity === 'sticky',
    isDraining: false,
    nowMs,
  };
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    state.clients.add(new ClientConnection(socket, state));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: plan.host, port: plan.port, backlog: BACKLOG }, resolve);
  });
  const clock = setInterval(() => sweep(state), sweepMs(timeouts));
  return {
    port: (server.address() as AddressInfo).port,
    drain: (timeoutMs) =>
      new Promise((resolve) => {
        state.isDraining = true;
        const limit = setTimeout(() => {
          for (const client of state.clients) client.destroy();
        }, timeoutMs);
        server.close(() => {
          clearTimeout(limit);
          clearInterval(clock);
          state.pool.close();
          resolve();
        });
        for (const client of state.clients) client.drain();
      }),
  };
}

function sweep(state: RelayState): void {
  state.nowMs = performance.now();
  state.pool.sweep(state.nowMs);
  for (const client of state.clients) client.sweep(state.nowMs);
}

/** A quarter of the shortest time limit, so that each is kept to about that accuracy. */
function sweepMs(timeouts: RelayTimeouts): number {
  return Math.min(SWEEP_MS, Math.max(5, Math.min(...Object.values(timeouts)) / 4));
}
