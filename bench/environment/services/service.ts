/** What a service is, whichever way it was obtained. Types and the few rules that all services share. */

import { isIP } from 'node:net';
import { BenchError, redactUrl } from '../../errors.ts';
import { treeOf } from '../cpu.ts';
import type { Guard } from '../guard.ts';
import type { StartedProcess } from '../process.ts';
import { isRunning, sendSignal } from '../process-identity.ts';
import { pollUntil } from '../process-ready.ts';

export const SERVICE_NAMES = ['redis', 'postgres'] as const;
export type ServiceName = (typeof SERVICE_NAMES)[number];

/** `url`: somebody else's. `docker`: official image. `local`: binary of this machine. `embedded`: binary from npm. */
export type Tier = 'url' | 'local' | 'embedded' | 'docker';

/**
 * What an acknowledged write survives. `none`: nothing. `second`: all but about the last second, of a power
 * loss; of a crash of the service alone, all but what it had not yet handed to the system (Postgres: up to 0.6 s
 * of WAL; Redis: only what it held back behind a slow fsync). `commit`: both.
 */
export type Durability = 'none' | 'second' | 'commit';

export interface ServiceRequest {
  /** `auto`: the given url, else local, embedded, docker: the first that there is. */
  tier: Tier | 'auto';
  /** For the tier `url`; `auto` takes it when there is one. */
  url?: string;
  durability: Durability;
  /** A private directory that exists; the service keeps all its data in a new one inside, removed by stop(). */
  directory: string;
  /** How many connections all clients together will open. */
  maxConnections: number;
  /** Processors that one of our own may use, as taskset lists them; all unless given. */
  cpus?: string | undefined;
  guard: Guard;
  /** Ends the start. */
  signal?: AbortSignal;
}

export type Networking = 'loopback-tcp' | 'docker-host-network' | 'url';

export interface StartedService {
  name: ServiceName;
  tier: Tier;
  /** With credentials: for the servers, never for people or files. */
  url: string;
  redactedUrl: string;
  /** Such as `7.0.15`. */
  version: string;
  /** The settings that matter, as read back from the running service. One that it does not tell is missing. */
  settings: Readonly<Record<string, string>>;
  /** Whether the settings give the requested durability; `undefined` when the service does not tell. */
  durabilityMatches: boolean | undefined;
  networking: Networking;
  /** Root pids of the process trees whose CPU time and memory are the service's; empty when they are not on this machine. */
  pids(): Promise<number[]>;
  /** Lets work put off so far happen now, rather than in the coming window. Answers what it was not allowed to do. */
  settle(): Promise<string[]>;
  /** Bytes that its data takes: Redis in memory, Postgres in the files of the database. */
  dataBytes(): Promise<number>;
  /** Resolves with the error (SERVICE_DIED) if it ends other than by stop(); otherwise never settles. */
  died: Promise<BenchError>;
  /** Stops it and removes its data; leaves a foreign one (`url`) alone. Idempotent. */
  stop(): Promise<void>;
  /** Present where the process is ours on this machine. */
  breakable?: Breakable;
}

/** What can be done to a service of our own to see how its clients bear it. Each step is told to `died` as an end. */
export interface Breakable {
  /** `kill -9`; resolves when it and all its processes are gone. Its data stay. */
  kill(): Promise<void>;
  /** Starts it again on the same port and data; resolves when it answers. @throws BenchError SERVICE_DIED. */
  restart(): Promise<void>;
  /** Freezes all its processes, or thaws them: connections stay, nothing answers. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void;
}

/** The breakable side of a service whose process at the moment `current` tells, and that `launch` starts anew. */
export function breakable(current: () => StartedProcess, launch: () => Promise<void>): Breakable {
  return {
    async kill() {
      const { name, pid, exited } = current();
      const tree = treeOf(pid);
      sendSignal(pid, 'SIGKILL');
      await exited;
      // A back end of Postgres serves its client until it notices.
      await waitUntil(
        `the end of all processes of ${name}`,
        async () => !tree.some(isRunning),
        START_TIMEOUT_MS,
      );
    },
    restart: launch,
    signal(signal) {
      for (const pid of treeOf(current().pid)) sendSignal(pid, signal);
    },
  };
}

/** How a service of one kind is started on one tier. */
export type StartTier = (request: ServiceRequest) => Promise<StartedService>;

/** Address that all own services listen on, and only on. */
export const LOOPBACK = '127.0.0.1';

/** How long a foreign service may take to answer, in milliseconds. */
export const PROBE_TIMEOUT_MS = 2_000;

/** How long an own service may take to be ready, in milliseconds. */
export const START_TIMEOUT_MS = 30_000;

/** Bound of one settle(), in milliseconds. */
export const SETTLE_TIMEOUT_MS = 60_000;

/** Whether the host of a service URL is this machine by a loopback name. */
export function isLoopbackUrl(url: string): boolean {
  const { hostname } = new URL(url);
  return (
    hostname === 'localhost' || hostname === '[::1]' || (isIP(hostname) === 4 && hostname.startsWith('127.'))
  );
}

/** The error of a service that ended in mid-run. */
export function diedError(name: ServiceName, how: string, tail: string): BenchError {
  return new BenchError({
    code: 'SERVICE_DIED',
    expected: `${name} to run until the end`,
    got: `${how}, after the output "${tail.slice(-1_000)}"`,
    remedy: 'Look for the cause in that output (memory, disk), then run again.',
  });
}

/** The error of a service that lets nobody, or not us, in. @param got what it said. */
export function refusedError(name: ServiceName, url: string, got: string, cause?: unknown): BenchError {
  return new BenchError({
    code: 'SERVICE_REFUSED',
    expected: `${name} at ${redactUrl(url)} to let us in`,
    got,
    remedy: `Put the right user and password into the URL: --${name}-url ${name}://USER:PASSWORD@HOST:PORT.`,
    cause,
  });
}

/** The error of a service that does not answer. @param got what happened instead. */
export function unreachableError(name: ServiceName, url: string, got: string, cause?: unknown): BenchError {
  return new BenchError({
    code: 'SERVICE_UNREACHABLE',
    expected: `${name} at ${redactUrl(url)} to answer within ${PROBE_TIMEOUT_MS} ms`,
    got,
    remedy: `Start it, or correct --${name}-url, or leave that out to have one started.`,
    cause,
  });
}

/** Waits until `check` answers true. @throws BenchError TIMEOUT after `timeoutMs`; what `check` throws. */
export async function waitUntil(
  what: string,
  check: () => Promise<boolean>,
  timeoutMs: number,
): Promise<void> {
  const limit = AbortSignal.timeout(timeoutMs);
  await pollUntil(check, limit);
  if (!limit.aborted) return;
  throw new BenchError({
    code: 'TIMEOUT',
    expected: `${what} within ${timeoutMs} ms`,
    got: 'no end of it',
    remedy: 'See what else this machine is busy with, then run again.',
  });
}

/** What a running service says of itself, whichever tier it is on. */
export type DescribedService = Pick<
  StartedService,
  'name' | 'url' | 'redactedUrl' | 'version' | 'settings' | 'durabilityMatches' | 'settle' | 'dataBytes'
>;
