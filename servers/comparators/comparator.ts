import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ServerConfig } from '../config.ts';

/** What a comparator takes from the configuration of a server, so that servers/main.ts can pass its own. */
export type ComparatorConfig = Pick<ServerConfig, 'secret' | 'password' | 'payloadBytes'>;

/** Where a server accepts connections. */
export interface ListenAt {
  host: string;
  /** 0 lets the system choose. */
  port: number;
  backlog?: number;
}

/** A site with the sessions of another library. Signals, readiness and statistics are those of the program that loads it. */
export interface Comparator {
  /** Resolves with the port once it accepts connections. */
  listen(at: ListenAt): Promise<number>;
  /** Completes the requests in progress, and closes. */
  close(): Promise<void>;
}

/** A module of this folder that describes a site. */
export interface ComparatorModule {
  createServer(config: ComparatorConfig): Promise<Comparator>;
}

/** What an update of a session waits for in most sites: a query, some milliseconds. */
export const query = () => sleep(5);

/** The site behind a server of Node. */
export function comparatorOf(server: Server): Comparator {
  return {
    listen: (at) =>
      new Promise((resolve, reject) => {
        server.once('error', reject);
        server.listen(at, () => {
          server.off('error', reject);
          resolve((server.address() as AddressInfo).port);
        });
      }),
    close: () =>
      new Promise((resolve, reject) => {
        server.close((error) => (error === undefined ? resolve() : reject(error)));
        server.closeIdleConnections();
      }),
  };
}
