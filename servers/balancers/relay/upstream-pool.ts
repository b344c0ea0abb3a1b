/** The servers behind the relay: which are alive, which is next, and their idle connections. */

import type { Upstream } from '../balancer.ts';
import { probeHealth } from './health-probe.ts';
import type { RelayTimeouts } from './plan.ts';
import { type ConnectionOwner, UpstreamConnection } from './upstream-connection.ts';

/** A server is down after this many failed probes, or after one refused connection. */
const FALL_COUNT = 2;

interface Server extends Upstream {
  isAlive: boolean;
  failedProbes: number;
  stopProbe: (() => void) | undefined;
  /** Last in, first out, so that surplus connections age and are closed. */
  idle: UpstreamConnection[];
}

export class UpstreamPool implements ConnectionOwner {
  private readonly servers: readonly Server[];
  private readonly indexById: ReadonlyMap<string, number>;
  private readonly timeouts: RelayTimeouts;
  private readonly connections = new Set<UpstreamConnection>();
  private turn = 0;
  private nowMs: number;
  private probedMs: number;

  constructor(upstreams: readonly Upstream[], timeouts: RelayTimeouts, nowMs: number) {
    this.servers = upstreams.map((upstream) => ({
      ...upstream,
      isAlive: true,
      failedProbes: 0,
      stopProbe: undefined,
      idle: [],
    }));
    this.indexById = new Map(upstreams.map(({ id }, index) => [id, index]));
    this.timeouts = timeouts;
    this.nowMs = nowMs;
    this.probedMs = nowMs;
  }

  /** Index of the live server of this id; -1 when it is unknown or dead. */
  live(id: string): number {
    const index = this.indexById.get(id) ?? -1;
    return this.servers[index]?.isAlive === true ? index : -1;
  }

  /** Index of the next live server in turn; -1 when none is alive. */
  next(): number {
    for (let tried = 0; tried < this.servers.length; tried++) {
      const index = this.turn;
      this.turn = index + 1 === this.servers.length ? 0 : index + 1;
      if (this.servers[index]?.isAlive === true) return index;
    }
    return -1;
  }

  id(index: number): string {
    return (this.servers[index] as Server).id;
  }

  /** A connection to that server: an idle one unless `isFresh`, or a new one, perhaps not connected yet. */
  acquire(index: number, isFresh: boolean): UpstreamConnection {
    const server = this.servers[index] as Server;
    while (!isFresh) {
      const idle = server.idle.pop();
      if (idle === undefined) break;
      // A closing connection stays in the list until its 'close'.
      if (idle.isOpen) return idle;
    }
    const connection = new UpstreamConnection(this, index, server.host, server.port, this.nowMs);
    this.connections.add(connection);
    return connection;
  }

  onFree(connection: UpstreamConnection): void {
    connection.sinceMs = this.nowMs;
    (this.servers[connection.serverIndex] as Server).idle.push(connection);
  }

  onGone(connection: UpstreamConnection): void {
    this.connections.delete(connection);
    const { idle } = this.servers[connection.serverIndex] as Server;
    const at = idle.indexOf(connection);
    if (at >= 0) idle.splice(at, 1);
  }

  /** Marks a server as down at once: it refused a connection. */
  markDead(index: number): void {
    const server = this.servers[index] as Server;
    server.isAlive = false;
    for (const connection of server.idle.splice(0)) connection.drop();
  }

  /** Probes a server now instead of at the next sweep: it closed a connection during an exchange. */
  suspect(index: number): void {
    this.probe(this.servers[index] as Server, index);
  }

  /** Called periodically: ages connections, and probes the servers. */
  sweep(nowMs: number): void {
    this.nowMs = nowMs;
    for (const connection of this.connections) {
      const ageMs = nowMs - connection.sinceMs;
      if (!connection.isConnected) {
        if (ageMs > this.timeouts.connectMs) connection.expireConnect();
      } else if (!connection.isBusy && ageMs > this.timeouts.upstreamIdleMs) connection.drop();
    }
    if (nowMs - this.probedMs < this.timeouts.probeIntervalMs) return;
    this.probedMs = nowMs;
    for (const [index, server] of this.servers.entries()) this.probe(server, index);
  }

  close(): void {
    for (const server of this.servers) server.stopProbe?.();
    for (const connection of this.connections) connection.drop();
  }

  private probe(server: Server, index: number): void {
    if (server.stopProbe !== undefined) return;
    server.stopProbe = probeHealth(server, this.timeouts.probeMs, (health) => {
      server.stopProbe = undefined;
      server.failedProbes = health === 'healthy' ? 0 : server.failedProbes + 1;
      if (health === 'healthy') server.isAlive = true;
      else if (health === 'refused' || server.failedProbes >= FALL_COUNT) this.markDead(index);
    });
  }
}
