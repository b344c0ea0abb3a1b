/**
 * The contract of a service: the server program in which a backend keeps its state. A definition says what the service is;
 * the harness finds, starts, inspects, pins, measures and cleans up every service by the same code.
 */

/**
 * What an acknowledged write survives. `none`: nothing. `second`: all but about the last second, of a power
 * loss; of a crash of the service alone, all but what it had not yet handed to the system (Postgres: up to 0.6 s
 * of WAL; Redis: only what it held back behind a slow fsync). `commit`: both.
 */
export type Durability = 'none' | 'second' | 'commit';

/** The address that every server of ours listens on, and no other. */
export const LOOPBACK = '127.0.0.1';

/** How long an external service may take to reply, in milliseconds. */
export const PROBE_TIMEOUT_MS = 2_000;

/** Bound of one settle(), in milliseconds. */
export const SETTLE_TIMEOUT_MS = 60_000;

/** One service. Server and client are loaded, with their drivers, by whoever asks for them. */
export interface ServiceDefinition {
  /** In flags (`--redis-url`), tables and files: lower-case letters. */
  name: string;
  /** For people: `Redis`. */
  title: string;
  /** How an external one is named: environment variable, and schemes such as `redis:`, the first of them in examples. */
  url: { variable: string; schemes: readonly [string, ...string[]] };
  /** Official image of the tier `docker`. */
  image: string;
  /** Debian's package with the program, which scripts/setup.sh installs: keep it on one line. */
  debian?: { package: string; program: string };
  /** Processors that it can use at one time; infinite unless it is known. */
  processors: number;
  /** Settings that decide its durability, for the error of one that is set otherwise. */
  durabilitySettings: readonly string[];
  server(): Promise<ServiceServer>;
  client(): Promise<ServiceClient>;
}

/** How the service is run. */
export interface ServiceServer {
  /** Whether its program refuses to run as root; it then runs as `nobody`. */
  refusesRoot?: boolean;
  /** The programs of this machine. A text says why there are none. */
  local(): Promise<ServerPrograms | string>;
  /** The programs of an npm package. A text says why there are none. */
  embedded(): Promise<ServerPrograms | string>;
  /** How one server is started, and started again. Passwords are new in each plan. */
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
  /** How many connections all clients together will open. */
  maxConnections: number;
  /** Programs, and a directory for all data; absent in a container, where the image has both. */
  place?: { programs: ServerPrograms; directory: string };
}

export interface ServerPlan {
  command: string;
  args(port: number): string[];
  env?: Readonly<Record<string, string>>;
  /** URL with credentials: for servers, never for people or files. */
  url(port: number): string;
  /** Texts that no output may show. */
  secrets: readonly string[];
  /** Whether this very server, and not one that took its port, takes requests. */
  isReady(port: number): Promise<boolean>;
  /** What remains to be done after each start. */
  onReady?(port: number): Promise<void>;
  /** A program that makes the data before the first start; its files are removed when it has ended. */
  initialise?: { command: string; args: string[]; files: Readonly<Record<string, string>> };
  /** What ends it without delay, its data being of no more use; SIGTERM unless given. */
  stopSignal?: NodeJS.Signals;
  /** Whether a restart that failed with this output may succeed in a moment. */
  isTransient?(message: string): boolean;
}

/** Short conversations of the harness with a running service. Each rejects with {@link ServiceError}, or with what failed. */
export interface ServiceClient {
  /** @param connections how many the run will open. @throws ServiceError also when the service cannot take these. */
  inspect(url: string, connections?: number): Promise<Inspection>;
  /** Whether settings give this durability; `undefined` when they do not tell. */
  durabilityMatches(settings: Readonly<Record<string, string>>, durability: Durability): boolean | undefined;
  /** Completes deferred work, so that no measured window pays for it. Returns what it was not permitted to do. */
  settle(url: string): Promise<string[]>;
  /** Bytes that its data takes. */
  dataBytes(url: string): Promise<number>;
  /** All that it holds, as text: what the thief of a dump or a backup would have. */
  dump(url: string): Promise<string>;
  /** Removes all that backends have kept under this namespace. */
  purge(url: string, namespace: string): Promise<void>;
  /** What `look` makes of the process that serves us, while it serves us; `undefined` when the service does not tell it. */
  lookAtProcess<T>(url: string, look: (serving: ServiceProcess) => T): Promise<T | undefined>;
}

export interface Inspection {
  /** Such as `7.0.15`. */
  version: string;
  /** The settings that matter. One that the service does not tell is missing. */
  settings: Readonly<Record<string, string>>;
}

export interface ServiceProcess {
  pid: number;
  /** Name that the system knows its program by; the pid may be of another machine or container. */
  program: string;
  /** Whether the service itself is the parent of this process. */
  isChild: boolean;
}

/** `unreachable`: nothing replied. `refused`: it replied, and does not let us in or cannot serve us. */
export class ServiceError extends Error {
  readonly kind: 'unreachable' | 'refused';
  /** Where it is not about credentials: what was expected of the service, and what to do. */
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

/** False where `ask` finds no service, or one that refuses us. @throws what else `ask` throws. */
export async function answers(ask: () => Promise<unknown>): Promise<boolean> {
  try {
    return (await ask()) !== false;
  } catch (error) {
    if (error instanceof ServiceError) return false;
    throw error;
  }
}
