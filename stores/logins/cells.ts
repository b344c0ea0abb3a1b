/**
 * What a service must be able to do for the rules of record.ts: to read, add, swap and remove one item at a time. Those
 * of sessions are found by id, those of users by name.
 */

import type { StoredSession } from '../store.ts';
import type { UserRecord } from './record.ts';

/** A value, and what changes with it. */
export interface Found<T> {
  value: T;
  cas: string;
}

/**
 * `changed`: another write came first, or, for `add`, there is one already. `absent`: there is nothing to replace. `full`:
 * no memory, or a value that is too large; what was there stays.
 */
export type Stored = 'stored' | 'changed' | 'absent' | 'too-large' | 'full';
export type Removed = 'removed' | 'changed' | 'absent';

export interface Cell<T> {
  /** `undefined`: there is none. */
  gets(key: string): Promise<Found<T> | undefined>;
  /** Stores a value only where there is none. */
  add(key: string, value: T): Promise<Stored>;
  /** Replaces a value only if it is the one that was found. */
  swap(key: string, value: T, cas: string): Promise<Stored>;
  /** Removes a value; with `cas` only if it is the one that was found. */
  remove(key: string, cas?: string): Promise<Removed>;
}

/** Clock and lifetime of the sessions of a store. */
export interface Clock {
  idleMs: number;
  /** Whole milliseconds since the epoch. */
  now(): number;
}

export interface Cells extends Clock {
  sessions: Cell<StoredSession>;
  records: Cell<UserRecord>;
  /** The sessions of these ids, in their order, live or not. */
  getSessions(ids: readonly string[]): Promise<readonly (StoredSession | undefined)[]>;
  removeSessions(ids: readonly string[]): Promise<unknown>;
  /** Both, of which the second takes effect after the first. */
  inOrder<A, B>(first: () => Promise<A>, second: () => Promise<B>): Promise<[A, B]>;
}

/** Runs an operation. @throws StoreUnavailableError naming it, with the cause. */
export type RunOnCells = <T>(operation: string, act: (cells: Cells) => Promise<T>) => Promise<T>;
