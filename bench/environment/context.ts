import { randomBytes } from 'node:crypto';
import type { Config } from '../config/config.ts';
import type { ChosenBalancer } from './balancer.ts';
import type { Certificates } from './certificates.ts';
import type { Pinning } from './machine/pinning.ts';
import type { Guard } from './processes/guard.ts';
import type { Programs } from './programs.ts';

/** Shared by all trials of a run. */
export interface RunContext {
  runId: string;
  config: Config;
  guard: Guard;
  programs: Programs;
  /** The server program of the baseline commit; absent when only one commit is measured. */
  baselineServer?: string;
  /** The code columns in the rows of that commit. */
  baselineCells?: { git_sha: string; git_dirty: boolean };
  /** The processors of each role; absent when nothing is pinned. */
  pinning?: Pinning;
  /** Whether the load generator never sleeps while it measures. */
  staysAwake: boolean;
  chosenBalancer: ChosenBalancer | undefined;
  /** With `--tls`: those of the balancer; absent: plain HTTP. */
  certificates?: Certificates;
  secrets: Secrets;
  /** Aborted to end the run; the reason says why. */
  signal: AbortSignal;
}

/** Random per run; never logged or written to a file. */
export interface Secrets {
  /** 32 bytes, base64: signs tokens. */
  signing: string;
  /** For every user of the fixture, and its administrator. */
  password: string;
  adminPassword: string;
}

export function newSecrets(): Secrets {
  return {
    signing: randomBytes(32).toString('base64'),
    password: randomBytes(16).toString('hex'),
    adminPassword: randomBytes(16).toString('hex'),
  };
}

/** A timestamp and random characters: sorts by time, and two runs in the same second differ. */
export function newRunId(): string {
  const time = new Date().toISOString().replace(/[-:]/g, '').replace(/\..*/, '');
  return `${time}-${randomBytes(3).toString('hex')}`;
}
