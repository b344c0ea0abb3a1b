/**
 * The contract of a service: the server program in which a backend keeps its state. A definition describes the service;
 * the harness finds, starts, inspects, pins, measures and cleans up every service by the same code.
 */

import type { UrlRules } from './service-url.ts';

/**
 * What an acknowledged write survives. `none`: nothing. `second`: a power loss, except for about the last second; a
 * crash of the service alone, except for what it had not yet passed to the system (Postgres: up to 0.6 s of WAL; Redis:
 * only what it held back behind a slow fsync). `commit`: both.
 */
export const DURABILITIES = ['none', 'second', 'commit'] as const;
export type Durability = (typeof DURABILITIES)[number];

/** The only address that servers of the harness listen on. */
export const LOOPBACK = '127.0.0.1';

/** Time limit for a reply of an external service, in milliseconds. */
export const PROBE_TIMEOUT_MS = 2_000;

/** Time limit of one settle(), in milliseconds. */
export const SETTLE_TIMEOUT_MS = 60_000;

/** One service. Server and client, with their drivers, are loaded on demand. */
export interface ServiceDefinition {
  /** In flags (`--redis-url`), tables and files: lower-case letters. */
  name: string;
  /** For people: `Redis`. */
  title: string;
  /**
   * How to name an external one: environment variable, the rules of its URLs, and the variables that its driver reads
   * besides, which servers get as the harness has them.
   */
  url: UrlRules & { variable: string; driverVariables: readonly string[] };
  /** Official image of the tier `docker`. */
  image: string;
  /**
   * Debian's package with the program, which scripts/setup.sh installs; several of either are separated by spaces, the
   * server first. Keep it on one line: that script reads it.
   */
  debian?: { package: string; program: string };
  /** Processors that it can use at a time; infinite unless known. */
  processors: number;
  /** Those that it can provide, the least first; absent where it can provide all. */
  durabilities?: readonly [Durability, ...Durability[]];
  /** That nobody has run the tests of its store on a real server yet; shown wherever it is listed or measured. */
  unproven?: string;
  /** Settings that determine its durability, for the error when they differ. */
  durabilitySettings: readonly string[];
  server(): Promise<ServiceServer>;
  client(): Promise<ServiceClient>;
}

/** What is said of a server on which the tests of its store have not run. */
export const UNPROVEN = 'unproven: its suite has not run on a real server yet';

/** The durability of a service that is asked for this one: the least that is as much, or the most that it can provide. */
export function durabilityInForce(
  service: Pick<ServiceDefinition, 'durabilities'> | undefined,
  asked: Durability,
): Durability {
  const { durabilities = DURABILITIES } = service ?? {};
  const least = DURABILITIES.indexOf(asked);
  return durabilities.find((one) => DURABILITIES.indexOf(one) >= least) ?? durabilities.at(-1) ?? asked;
}

/** How to run the service. */
export interface ServiceServer {
  /** Whether its program refuses to run as root; it then runs as `nobody`. */
  refusesRoot?: boolean;
  /** The programs of this machine, or the reason why there are none. */
  local(): Promise<ServerPrograms | string>;
  /** The programs of an npm package, or the reason why there are none. */
  embedded(): Promise<ServerPrograms | string>;
  /** How to start and restart one server. Each plan has new passwords. */
  plan(request: PlanRequest): ServerPlan;
}

export interface ServerPrograms {
  /** Such as `7.0.15`. */
  version: string;
  /** Path of the server program. */
  server: string;
  /** Paths of further programs, by name. */
  others?: Readonly<Record<string, string>>;
}

export interface PlanRequest {
  durability: Durability;
  /** Number of connections that all clients together will open. */
  maxConnections: number;
  /** Programs, and a directory for all data; absent in a container, whose image has both. */
  place?: { programs: ServerPrograms; directory: string };
}

export interface ServerPlan {
  command: string;
  args(port: number): string[];
  env?: Readonly<Record<string, string>>;
  /** URL with credentials: for servers, never for people or files. */
  url(port: number): string;
  /** Texts that must not appear in any output. */
  secrets: readonly string[];
  /** Whether this very server accepts requests, and not another one that took its port. */
  isReady(port: number): Promise<boolean>;
  /** Remaining steps after each start. */
  onReady?(port: number): Promise<void>;
  /** A program that creates the data before the first start; its files are removed when it has ended. */
  initialise?: { command: string; args: string[]; files: Readonly<Record<string, string>> };
  /** Ends it immediately, for its data is not needed any more; default SIGTERM. */
  stopSignal?: NodeJS.Signals;
  /** Whether a restart that failed with this output may soon succeed. */
  isTransient?(message: string): boolean;
}

/**
 * Short connections of the harness to a running service. Each method rejects with {@link ServiceError}, or with the
 * cause.
 */
export interface ServiceClient {
  /**
   * @param connections that the run will open.
   * @throws ServiceError also when the service cannot serve the run: it is too old, a replica, read-only, one of a
   * cluster, or accepts fewer connections.
   */
  inspect(url: string, connections?: number): Promise<Inspection>;
  /** Whether settings provide this durability; `undefined` when they are unknown. */
  durabilityMatches(settings: Readonly<Record<string, string>>, durability: Durability): boolean | undefined;
  /** Completes deferred work, so that no measured window pays for it. Returns what it lacked permission for. */
  settle(url: string): Promise<string[]>;
  /** Size of its data in bytes; `undefined` where that is not permitted. */
  dataBytes(url: string): Promise<number | undefined>;
  /** All of its content, as text: what a thief would find in a dump or a backup. */
  dump(url: string): Promise<string>;
  /** Removes everything that backends have stored under this namespace. */
  purge(url: string, namespace: string): Promise<void>;
  /**
   * Leaves it no room for more than it holds now, until it is called with `undefined`. Absent where a service has no such
   * limit.
   */
  limitRoom?(url: string, whenFull: WhenFull | undefined): Promise<void>;
  /**
   * Calls `look` with the process that serves a connection, while it is open; `undefined` when the service does not
   * report it.
   */
  inspectProcess<T>(url: string, look: (serving: ServiceProcess) => T): Promise<T | undefined>;
}

/** What a service that is full does with a write: it refuses it, or drops what was least used, or what ends soonest. */
export const WHEN_FULL = ['refuse', 'drop-least-used', 'drop-ending-soonest'] as const;
export type WhenFull = (typeof WHEN_FULL)[number];

export interface Inspection {
  /** Such as `7.0.15`, of another flavour with its name, `Valkey 8.1.1`; empty when it is not known. */
  version: string;
  /** The relevant settings. Those that the service does not report are missing. */
  settings: Readonly<Record<string, string>>;
  /** What is not known, and the right that would tell. */
  notes: readonly string[];
  /** How many servers share the data, which clients find by asking this one; absent for one. */
  servers?: number;
}

export interface ServiceProcess {
  pid: number;
  /** The system's name of its program; the pid may belong to another machine or container. */
  program: string;
  /** Whether the service itself is the parent of this process. */
  isChild: boolean;
  /** The other nodes of a cluster, of the same program; absent for one. */
  others?: readonly number[];
}

/** `unreachable`: nothing replied. `refused`: it replied, and rejects the connection or cannot serve the run. */
export class ServiceError extends Error {
  readonly kind: 'unreachable' | 'refused';
  /** Where the error is not about credentials: what was expected of the service, and the remedy. */
  readonly advice: { expected: string; remedy: string } | undefined;

  constructor(
    kind: ServiceError['kind'],
    message: string,
    { cause, advice }: { cause?: unknown; advice?: ServiceError['advice'] } = {},
  ) {
    super(message, { cause });
    this.name = 'ServiceError';
    this.kind = kind;
    this.advice = advice;
  }
}

/** That a service replies, and cannot serve the run. `expected` continues the name of the service. */
export function refusal(expected: string, got: string, remedy: string, cause?: unknown): ServiceError {
  return new ServiceError('refused', got, { advice: { expected, remedy }, cause });
}

/** False when `ask` finds no service, or one that refuses. @throws other errors of `ask`. */
export async function isAvailable(ask: () => Promise<unknown>): Promise<boolean> {
  try {
    return (await ask()) !== false;
  } catch (error) {
    if (error instanceof ServiceError) return false;
    throw error;
  }
}
