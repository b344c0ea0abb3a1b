/** A service on any tier: its types, and the few rules that all services share. */

import { isIP } from 'node:net';
import { untilStopped } from '../../../stores/freeze.ts';
import type { Durability, ServiceDefinition, WhenFull } from '../../../stores/service.ts';
import { isSocket } from '../../../stores/service-url.ts';
import type { Tier } from '../../config/words.ts';
import { BenchError } from '../../errors.ts';
import { treeOf } from '../machine/cpu.ts';
import type { Guard } from '../processes/guard.ts';
import type { StartedProcess } from '../processes/process.ts';
import { isRunning, sendSignal } from '../processes/process-identity.ts';
import { pollUntil } from '../processes/process-ready.ts';

export interface ServiceRequest {
  /** `auto`: the given url, else local, embedded, docker: the first that is available. */
  tier: Tier | 'auto';
  /** For the tier `url`; `auto` uses it if given. */
  url?: string;
  durability: Durability;
  /** An existing private directory; the service keeps all its data in a new one inside, which stop() removes. */
  directory: string;
  /** Number of connections that all clients together will open. */
  maxConnections: number;
  /** Processors for a service that the harness starts, in the syntax of taskset; default all. */
  cpus?: string | undefined;
  guard: Guard;
  /** Aborts the start. */
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
  /** The relevant settings, as read back from the running service. Those that it does not report are missing. */
  settings: Readonly<Record<string, string>>;
  /** What it does not tell, and the right that is missing. */
  notes: readonly string[];
  /** How many servers share the data, which clients find by asking this one; absent for one. */
  servers?: number;
  /** Whether the settings provide the requested durability; `undefined` when they are unknown. */
  durabilityMatches: boolean | undefined;
  networking: Networking;
  /**
   * Root pids of the process trees whose CPU time and memory count for the service; empty when they are not on this
   * machine.
   */
  pids(): Promise<number[]>;
  /** Completes deferred work now instead of in the next window. Returns what it lacked permission for. */
  settle(): Promise<string[]>;
  /** Size of its data in bytes: for Redis in memory, for Postgres in the files; `undefined` where it is not told. */
  dataBytes(): Promise<number | undefined>;
  /** All of its content, as text. */
  dump(): Promise<string>;
  /** Removes everything that backends have stored under this namespace. */
  purge(namespace: string): Promise<void>;
  /** Leaves it no room for more than it holds, or lifts that limit; absent where it has none. */
  limitRoom?: (whenFull: WhenFull | undefined) => Promise<void>;
  /** Resolves with the error (SERVICE_DIED) if it ends other than by stop(); otherwise never settles. */
  died: Promise<BenchError>;
  /** Stops it and removes its data; leaves an external one (`url`) unchanged. Idempotent. */
  stop(): Promise<void>;
  /** Present where the harness runs the process on this machine. */
  breakable?: Breakable;
}

/** Ways to break a service, to observe its clients. `died` reports each of them. */
export interface Breakable {
  /** `kill -9`; resolves when all its processes are gone. Its data stays. @throws BenchError TIMEOUT */
  kill(): Promise<void>;
  /** Restarts it on the same port and data; resolves when it accepts requests. @throws BenchError SERVICE_DIED. */
  restart(): Promise<void>;
  /** Freezes all its processes, or thaws them: connections stay open, but nothing replies. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void;
}

/** The breakable side of a service whose current process `current` returns, and that `launch` restarts. */
export function breakable(current: () => StartedProcess, launch: () => Promise<void>): Breakable {
  return {
    async kill() {
      const { name, pid, exited } = current();
      const tree = treeOf(pid);
      sendSignal(pid, 'SIGKILL');
      await exited;
      // A back end of Postgres serves its client until it notices.
      const limit = AbortSignal.timeout(START_TIMEOUT_MS);
      await pollUntil(async () => !tree.some(isRunning), limit);
      if (!limit.aborted) return;
      throw new BenchError({
        code: 'TIMEOUT',
        expected: `the end of all processes of ${name} within ${START_TIMEOUT_MS} ms`,
        got: 'no such event',
        remedy: 'Find out what else keeps this machine busy, then run again.',
      });
    },
    restart: launch,
    signal(signal) {
      const tree = treeOf(current().pid);
      for (const pid of tree) sendSignal(pid, signal);
      if (signal === 'SIGSTOP') tree.forEach(untilStopped);
    },
  };
}

/** Time limit for a service that the harness starts to become ready, in milliseconds. */
export const START_TIMEOUT_MS = 30_000;

/** Whether a service URL names this machine, by a loopback name or a socket. */
export function isLoopbackUrl(url: string): boolean {
  const parsed = new URL(url);
  const { hostname } = parsed;
  return (
    isSocket(parsed) ||
    hostname === 'localhost' ||
    hostname === '[::1]' ||
    (isIP(hostname) === 4 && hostname.startsWith('127.'))
  );
}

/** The error of a service that ended during a run. */
export function diedError(name: string, how: string, tail: string): BenchError {
  return new BenchError({
    code: 'SERVICE_DIED',
    expected: `${name} to run until the end`,
    got: `${how}, after the output "${tail.slice(-1_000)}"`,
    remedy: 'Find the cause in that output (memory, disk), then run again.',
  });
}
