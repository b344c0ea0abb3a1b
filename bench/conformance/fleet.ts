/** The server processes of a site, without its balancer and service. */

import { createPublicKey } from 'node:crypto';
import type { Upstream } from '../../servers/balancers/balancer.ts';
import type { ClockMessage } from '../../servers/clock.ts';
import { SERVER_HEADER } from '../../servers/protocol.ts';
import type { Wire } from '../config/wire.ts';
import { ask } from '../environment/processes/ask.ts';
import type { StartedProcess } from '../environment/processes/process.ts';
import type { Resources } from '../environment/processes/resources.ts';
import { SERVER_FAILURE, startServer } from '../environment/server.ts';
import { openServerSet } from '../environment/server-set.ts';
import { exchange, type Reply } from '../load/client.ts';
import { openAgent } from '../load/wire.ts';
import type { SiteConfig } from './scene.ts';

/** The servers of a site: each can be killed and restarted on its port. */
export interface Fleet {
  upstreams: readonly Upstream[];
  urls: readonly string[];
  publicKeyPem: string | undefined;
  advanceClock(ms: number): Promise<void>;
  kill(server: number): Promise<void>;
  /** Resolves when replies through `target` come from this server again. */
  start(server: number, target: string, wire: Wire): Promise<void>;
  /** Those that have ended by themselves since the last call, each as a sentence; they are started again. */
  crashes(): Promise<string[]>;
  /** The last 16 KB of output of each process of each server. */
  output(): string;
}

const CLOCK_TIMEOUT_MS = 5_000;
const SERVED_WITHIN_MS = 15_000;
const POLL_MS = 50;

/** Starts this many servers. @throws BenchError SERVER_FAILED; then none is left running. */
export async function openFleet(
  config: SiteConfig,
  count: number,
  context: Parameters<typeof startServer>[1],
  resources: Resources,
): Promise<Fleet> {
  let clockOffsetMs = 0;
  const launch = (server: number, port: number) =>
    startServer({ ...config, id: `s${server + 1}`, port, clockOffsetMs }, context);
  const servers = await openServerSet(count, launch, resources);
  const { ports, processes: running } = servers;
  const past: string[] = [];
  const killed = new Set<StartedProcess>();
  const of = (server: number) => running[server] as StartedProcess;

  return {
    upstreams: ports.map((port, server) => ({ id: `s${server + 1}`, host: '127.0.0.1', port })),
    urls: ports.map((port) => `http://127.0.0.1:${port}`),
    publicKeyPem:
      config.privateKeyPem === undefined
        ? undefined
        : createPublicKey(config.privateKeyPem).export({ type: 'spki', format: 'pem' }).toString(),
    async advanceClock(ms) {
      clockOffsetMs += ms;
      await Promise.all(running.map((server) => setClock(server, clockOffsetMs)));
    },
    async kill(server) {
      killed.add(of(server));
      await servers.kill(server);
    },
    async start(server, target, wire) {
      past.push(of(server).outputTail());
      await servers.start(server);
      await untilServed(`s${server + 1}`, target, wire);
    },
    async crashes() {
      const crashed = running.flatMap((process, server) => {
        const { exitCode, signalCode } = process.child;
        const hasEnded = (exitCode !== null || signalCode !== null) && !killed.has(process);
        return hasEnded ? [{ process, server, how: signalCode ?? `exit code ${exitCode}` }] : [];
      });
      return Promise.all(
        crashed.map(async ({ process, server, how }) => {
          const said = errorIn(process.outputTail());
          past.push(process.outputTail());
          await servers.start(server);
          return `${process.name} ended by itself with ${how}, after the output "${said}"`;
        }),
      );
    },
    output: () => [...past, ...running.map((server) => server.outputTail())].join('\n'),
  };
}

/** The line with the error, without its stack; else the last line. */
function errorIn(output: string): string {
  const lines = output.trim().split('\n');
  return (lines.findLast((line) => /\bError\b|Error:/.test(line)) ?? lines.at(-1) ?? '').slice(0, 200);
}

async function setClock(server: StartedProcess, offsetMs: number): Promise<void> {
  const { exitCode, signalCode } = server.child;
  if (exitCode !== null || signalCode !== null) return;
  const message: ClockMessage = { type: 'clock', offsetMs };
  await ask(server, message, CLOCK_TIMEOUT_MS, SERVER_FAILURE);
}

/** A balancer uses a server again only after its own probes have succeeded. */
async function untilServed(id: string, target: string, wire: Wire): Promise<void> {
  const deadlineMs = performance.now() + SERVED_WITHIN_MS;
  const url = new URL('/healthz', target);
  const agent = openAgent(url.protocol, wire, 1);
  try {
    await untilNamed(id, () => exchange(url, agent, 'GET', undefined, {}), deadlineMs);
  } finally {
    agent.destroy();
  }
}

async function untilNamed(id: string, ask: () => Promise<Reply>, deadlineMs: number): Promise<void> {
  for (;;) {
    const reply = await ask();
    if (reply.headers[SERVER_HEADER] === id) return;
    if (performance.now() > deadlineMs)
      throw new Error(`expected the balancer to serve ${id} again within ${SERVED_WITHIN_MS} ms`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
