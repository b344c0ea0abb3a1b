/** What a service is, whichever way it was obtained. Types and the few rules that all services share. */

import { isIP } from 'node:net';
import type { Durability, ServiceDefinition } from '../../../stores/service.ts';
import { BenchError } from '../../errors.ts';
import { treeOf } from '../machine/cpu.ts';
import type { Guard } from '../processes/guard.ts';
import type { StartedProcess } from '../processes/process.ts';
import { isRunning, sendSignal } from '../processes/process-identity.ts';
import { pollUntil } from '../processes/process-ready.ts';

/** `url`: somebody else's. `docker`: official image. `local`: binary of this machine. `embedded`: binary from npm. */
export type Tier = 'url' | 'local' | 'embedded' | 'docker';

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
  name: string;
  definition: ServiceDefinition;
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
  /** Completes deferred work now rather than in the coming window. Returns what it was not permitted to do. */
  settle(): Promise<string[]>;
  /** Bytes that its data takes: Redis in memory, Postgres in the files of the database. */
  dataBytes(): Promise<number>;
  /** All that it holds, as text. */
  dump(): Promise<string>;
  /** Removes all that backends have kept under this namespace. */
  purge(namespace: string): Promise<void>;
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

/** How long an own service may take to be ready, in milliseconds. */
export const START_TIMEOUT_MS = 30_000;

/** Whether the host of a service URL is this machine by a loopback name. */
export function isLoopbackUrl(url: string): boolean {
  const { hostname } = new URL(url);
  return (
    hostname === 'localhost' || hostname === '[::1]' || (isIP(hostname) === 4 && hostname.startsWith('127.'))
  );
}

/** The error of a service that ended in mid-run. */
export function diedError(name: string, how: string, tail: string): BenchError {
  return new BenchError({
    code: 'SERVICE_DIED',
    expected: `${name} to run until the end`,
    got: `${how}, after the output "${tail.slice(-1_000)}"`,
    remedy: 'Look for the cause in that output (memory, disk), then run again.',
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
