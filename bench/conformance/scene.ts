/** What a check can see and do: clients before the balancer, servers one by one, and the processes behind them. */

import type { ServerConfig } from '../../servers/config.ts';
import type { Durability, StoreOptions } from '../../stores/store.ts';
import type { Browser } from './browser.ts';
import type { Contract } from './contract.ts';
import type { Claims } from './forge.ts';
import type { Subject } from './subject.ts';

/** A change to the site for checks that need another one: its name tells it apart, equal names share one site. */
export interface Variant {
  name: string;
  /** The backend's own options that differ. */
  options?: StoreOptions;
  durability?: Durability;
  server?: Partial<
    Pick<
      ServerConfig,
      | 'idleSeconds'
      | 'absoluteSeconds'
      | 'touchIntervalSeconds'
      | 'accessSeconds'
      | 'loginCap'
      | 'onCap'
      | 'failedLoginLimit'
    >
  >;
}

export interface Scene {
  subject: Subject;
  contract: Contract;
  /** Base URL of the balancer, or of what stands there for somebody else's site. */
  target: string;
  /** A new browser before the balancer: no cookies yet. Its requests go where the balancer sends them. */
  browser(): Browser;
  /** A new browser that talks to one server, past the balancer. */
  browserOf(server: number): Browser;
  /** How many servers can be talked to one by one; 0 when somebody else's do not let us. */
  servers: number;
  /** The number of the server that made this reply (its `x-served-by`); `undefined` when it does not say. */
  serverOf(reply: { headers: NodeJS.Dict<string | string[]> }): number | undefined;
  /** A user that no other check knows. */
  freshUser(): string;
  /** The right password of every user of {@link freshUser}, and a browser that is logged in as administrator. */
  password: string;
  admin(): Promise<Browser>;
  /**
   * Writes bytes to the balancer (or one server) and answers all that came back until the connection ended or was
   * silent for `silenceMs` (300 unless given).
   */
  raw(bytes: string | Buffer, options?: { server?: number; silenceMs?: number }): Promise<string>;
  /** How many tries a race or a chance gets, for this run. */
  tries: number;
  /** Seeded, from 0 to 1. */
  random(): number;
  /** Another site of the same backend, started when first asked for. Rejects on somebody else's. */
  variant(change: Variant): Promise<Scene>;
  /** What can only be done to servers of our own; `undefined` for somebody else's. */
  own: OwnSite | undefined;
}

/** Lifetimes and limits as the servers were told, and the power to break things. */
export interface OwnSite {
  config: Pick<
    ServerConfig,
    | 'idleSeconds'
    | 'absoluteSeconds'
    | 'touchIntervalSeconds'
    | 'loginCap'
    | 'failedLoginLimit'
    | 'payloadBytes'
    | 'namespace'
  >;
  /** Moves the clock of all servers forward; never back. Services and balancer keep their own. */
  advanceClock(ms: number): Promise<void>;
  /** `kill -9`. Resolves when it is gone. */
  killServer(server: number): Promise<void>;
  /** Starts it again on the same port; resolves when it and the balancer serve it. */
  startServer(server: number): Promise<void>;
  /** The public half of the key that signs tokens, PEM; `undefined` for a shared secret. */
  publicKeyPem: string | undefined;
  /**
   * These claims, signed with the genuine key of this site; `undefined` where it signs no tokens. What the header does not
   * say is left to the algorithm.
   */
  signedAs(claims: Claims, header?: Claims): string | undefined;
  /** The process that keeps the state; `undefined` where there is none. */
  service: OwnService | undefined;
  /** All that the servers have written: standard output and error, and the lifecycle log. */
  written(): string;
}

export interface OwnService {
  kill(): Promise<void>;
  /** On the same port and data; resolves when it answers. */
  start(): Promise<void>;
  /** Freezes and thaws it: connections stay, nothing answers. */
  pause(): void;
  resume(): void;
  /** Everything that it holds, keys and values, as text: what a thief of a dump would have. */
  dump(): Promise<string>;
}
