import { randomBytes } from 'node:crypto';
import type { Config } from '../config/config.ts';
import type { ChosenBalancer } from './balancer.ts';
import type { Pinning } from './machine/pinning.ts';
import type { Guard } from './processes/guard.ts';
import type { Programs } from './programs.ts';

/** What all trials of a run share. */
export interface RunContext {
  runId: string;
  config: Config;
  guard: Guard;
  programs: Programs;
  /** The server program of the commit to compare with; absent when only one is measured. */
  baselineServer?: string;
  /** What the rows of that commit say of their code. */
  baselineCells?: { git_sha: string; git_dirty: boolean };
  /** Which role runs on which processors; absent when nothing is pinned. */
  pinning?: Pinning;
  chosenBalancer: ChosenBalancer | undefined;
  secrets: Secrets;
  /** Aborted when the run is to end; its reason says by what. */
  signal: AbortSignal;
}

/** Random per run; they appear in no log and no file. */
export interface Secrets {
  /** 32 bytes, base64: signs tokens. */
  signing: string;
  /** Of every user of the fixture, and of its administrator. */
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

/** Time and chance: sorts by time, and two runs of one second differ. */
export function newRunId(): string {
  const time = new Date().toISOString().replace(/[-:]/g, '').replace(/\..*/, '');
  return `${time}-${randomBytes(3).toString('hex')}`;
}
