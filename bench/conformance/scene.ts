/** What a check is given: clients at the balancer, servers one by one, and the processes behind them. */

import type { ServerConfig } from '../../servers/config.ts';
import type { Durability, StoreOptions } from '../../stores/store.ts';
import type { Contract } from '../config/contract.ts';
import type { Browser } from './browser.ts';
import type { Claims } from './forge.ts';
import type { PaceAccount } from './pace.ts';
import type { PlainSide } from './plain-http.ts';
import type { Subject } from './subject.ts';

/** A change to the site, for checks that need another one. Variants of equal name share one site. */
export interface Variant {
  name: string;
  /** The backend's options that differ. */
  options?: StoreOptions;
  durability?: Durability;
  /** Lifetimes and limits that differ. */
  server?: Partial<SiteConfig>;
}

/** The variant of a site that checks break. */
export const OUTAGE = 'outage';

/** The configuration that all servers of a site share. */
export type SiteConfig = Omit<ServerConfig, 'id' | 'port'>;

export interface Scene {
  subject: Subject;
  contract: Contract;
  /** Base URL of the balancer, or of an external site. */
  target: string;
  /** A new browser at the balancer, without cookies. The balancer routes its requests. */
  browser(): Browser;
  /** A new browser that talks to one server, past the balancer. */
  browserOf(server: number): Browser;
  /** Plain HTTP beside a site over TLS; asked once. */
  plain(): Promise<PlainSide>;
  /** Number of servers that can be addressed one by one; 0 for external ones that cannot. */
  servers: number;
  /** The number of the server that sent this reply (its `x-served-by`); `undefined` when it does not say. */
  serverOf(reply: { headers: NodeJS.Dict<string | string[]> }): number | undefined;
  /** A user that no other check uses. */
  freshUser(): string;
  /** The correct password of every user of {@link freshUser}, and a browser that is logged in as administrator. */
  password: string;
  admin(): Promise<Browser>;
  /**
   * Writes bytes to the balancer (or one server) and returns all that came back until the connection ended or was
   * silent for `silenceMs` (300 by default).
   */
  raw(bytes: string | Buffer, options?: { server?: number; silenceMs?: number }): Promise<string>;
  /** From now on requests belong to a check that is over with this signal: later ones are not sent. */
  during(signal: AbortSignal): void;
  /** Requests since then, and the time in which they waited for their turn, or as the site asked. */
  account(): PaceAccount;
  /** The number of tries for a race or for what depends on chance, in this run. */
  tries: number;
  /** Seeded, from 0 to 1. */
  random(): number;
  /** Another site of the same backend, started on first use. Rejects for an external site. */
  variant(change: Variant): Promise<Scene>;
  /** Control over our servers; `undefined` for external ones. */
  own: OwnSite | undefined;
  /**
   * The processes of a site that we have started, also with a store of the user's; absent for external sites and
   * libraries, which are not broken.
   */
  processes?: SiteProcesses | undefined;
  /**
   * The servers that have ended by themselves since the last call, each as a sentence; they are started again. Present
   * for a store of the user's.
   */
  crashes?(): Promise<string[]>;
}

/** What can be killed, and started again, with what it has written. */
export type SiteProcesses = Pick<OwnSite, 'killServer' | 'startServer' | 'service' | 'written'>;

/** Lifetimes and limits as configured, and the means to break things. */
export interface OwnSite {
  config: SiteConfig;
  /** Moves the clock of all servers forward, never back. Services and balancer keep their own. */
  advanceClock(ms: number): Promise<void>;
  /** `kill -9`. Resolves when the process is gone. */
  killServer(server: number): Promise<void>;
  /** Restarts it on the same port; resolves when it and the balancer serve it. */
  startServer(server: number): Promise<void>;
  /** The public half of the signing key, PEM; `undefined` for a shared secret. */
  publicKeyPem: string | undefined;
  /**
   * These claims, signed with the genuine key of this site; `undefined` where it signs no tokens. The algorithm fills
   * in the rest of the header.
   */
  signedAs(claims: Claims, header?: Claims): string | undefined;
  /**
   * The claims of a token that verifies under the key of this site, as a service that has the key and nothing else would
   * find them (RFC 7519 §7.2); `undefined` for any other text, and where the site signs no tokens.
   */
  claimsByKey(token: string): Claims | undefined;
  /** The process that keeps the state; `undefined` where there is none. */
  service: OwnService | undefined;
  /** All output of the servers: standard output and error, and the lifecycle log. */
  written(): string;
}

export interface OwnService {
  kill(): Promise<void>;
  /** On the same port and data; resolves when it accepts requests. */
  start(): Promise<void>;
  /** Freezes and thaws it: connections stay open, but nothing replies. */
  pause(): void;
  resume(): void;
  /** All keys and values as text: what a thief would find in a dump. */
  dump(): Promise<string>;
}
