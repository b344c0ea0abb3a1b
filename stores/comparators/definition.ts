import type { BackendDefinition, StoreOptions } from '../store.ts';

/** By the number of the check: what is seen, and why; the reason is empty where it holds. */
export type KnownOutcomes = Readonly<Record<string, { outcome: 'pass' | 'fail'; because: string }>>;

/** Known failures, each with what an attacker or a user sees. */
export function failing(reasons: Readonly<Record<string, string>>): KnownOutcomes {
  const entries = Object.entries(reasons);
  return Object.fromEntries(entries.map(([id, because]) => [id, { outcome: 'fail' as const, because }]));
}

/** The option of our backends for what every library does: none compares versions. */
export const LAST_WRITE_WINS = { write: 'lww' } as const;

/** Of every library here: the app is as their READMEs have it. */
export const NO_CSRF_DEFENCE = {
  37: 'Neither the app nor a library compares the origin of a write: SameSite alone keeps other sites out.',
} as const;

/** Of the same apps, whose login begins a session of its own. */
export const STARTS_EMPTY = {
  57: 'A login begins an empty session, as in the READMEs: what a visitor had put there is lost.',
} as const;

/** Of libraries that read the session, and write it as a whole when the reply is sent. */
export const WRITES_BACK = {
  16: 'A request in flight holds a copy of the session, and saves it after a logout has ended it.',
} as const;

/**
 * A library for sessions that is measured beside our backends. Its code is a server of its own, in
 * servers/comparators/arms, and so are its packages.
 */
export interface ComparatorDefinition extends BackendDefinition {
  /** The packages that serve with these options, as in servers/comparators/package.json. */
  packages(options: StoreOptions): readonly string[];
  /** Why a scenario does not apply, by its name; absent scenarios apply. */
  cannot?: Readonly<Record<string, string>>;
  /** Endpoints of our servers that the library has nothing for, besides those of a user's logins. */
  lacks?: readonly ('visit' | 'rotate')[];
  /** What the checks of behaviour see although its traits say otherwise, by the number of the check. */
  known?(options: StoreOptions): KnownOutcomes;
}

/** Whether this is a library: its server is a program of its own. */
export function isComparator(definition: BackendDefinition): definition is ComparatorDefinition {
  return 'packages' in definition;
}
