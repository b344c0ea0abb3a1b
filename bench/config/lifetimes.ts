/** How long the sessions of a run live, and what of that can be loaded. */

import { comparatorOf } from './comparators.ts';
import type { StoreChoice } from './store-choice.ts';
import { conflict, usage } from './values.ts';
import type { ENGINES, Scenario } from './words.ts';

/** What determines the lifetimes. */
interface LifetimeFlags {
  durationSeconds: number;
  touchSeconds: number | undefined;
  expiring: number | undefined;
}

export interface Lifetimes {
  /** `undefined`: longer than any run. */
  idleSeconds: number | undefined;
  /** Least time between two renewals of a session's idle expiry; `undefined`: none falls into the run. */
  touchSeconds: number | undefined;
}

/** Logins per second that every backend manages; a slower one has less measured time before its sessions expire. */
const LOGINS_PER_SECOND = 1_500;
/** The sessions of the load are renewed so often within a lifetime; nobody reads them while the others are made. */
const TOUCHES_PER_LIFETIME = 4;
/** Stores with rows sweep every 5 s: a sweep must fall into the second half of the measured time. */
const LEAST_SECONDS = 12;

/**
 * The lifetimes of a run. Sessions that expire live for as long as it takes to make all of them, and half of the measured
 * time: so they expire in its middle, at the rate at which they were made. The load's own sessions are renewed meanwhile.
 */
export function lifetimesOf({ durationSeconds, touchSeconds, expiring }: LifetimeFlags): Lifetimes {
  if (expiring === undefined) return { idleSeconds: undefined, touchSeconds };
  // Whole, as tokens count.
  const idleSeconds = Math.ceil(expiring / LOGINS_PER_SECOND + durationSeconds / 2);
  return { idleSeconds, touchSeconds: touchSeconds ?? idleSeconds / TOUCHES_PER_LIFETIME };
}

/** What is checked of a configuration. */
interface LifetimeLoad extends LifetimeFlags {
  stores: readonly StoreChoice[];
  scenarios: readonly Scenario[];
  engine: (typeof ENGINES)[number];
  churn: number | undefined;
}

/**
 * Whether sessions can be renewed and left to expire so: only reads go on with a token that a reply issues, and only our
 * servers take the lifetimes.
 * @throws BenchError USAGE or CONFLICT
 */
export function checkLifetimes(load: LifetimeLoad): void {
  const { touchSeconds, expiring, churn, durationSeconds } = load;
  if (expiring === undefined && churn !== undefined) {
    throw conflict('--expiring with --churn', '--churn alone', 'Add --expiring, or leave --churn out.');
  }
  if (expiring === undefined) {
    if (touchSeconds !== undefined) checkLoad('touch', load);
    return;
  }
  checkLoad('expiring', load);
  if (durationSeconds < LEAST_SECONDS) {
    throw usage(
      `--duration of at least ${LEAST_SECONDS}s with --expiring`,
      `${durationSeconds} s`,
      'Raise it.',
    );
  }
  const { idleSeconds = 0 } = lifetimesOf(load);
  if (touchSeconds !== undefined && touchSeconds > idleSeconds / 2) {
    const expected = `--touch of at most half the lifetime with --expiring, ${idleSeconds / 2}s`;
    throw usage(expected, `${touchSeconds} s`, 'Lower it, or leave it out.');
  }
}

function checkLoad(flag: string, { stores, scenarios, engine }: LifetimeLoad): void {
  const scenario = scenarios.find((one) => one !== 'read');
  if (scenario !== undefined) {
    throw conflict(`--scenario read with --${flag}`, `--scenario ${scenario}`, 'Run it by itself.');
  }
  if (engine !== 'slices') {
    throw conflict(`--engine slices with --${flag}`, `--engine ${engine}`, 'Leave --engine out.');
  }
  const other = stores.find((choice) => choice.site !== undefined || isForeign(choice));
  if (other !== undefined) {
    const remedy = `Leave --${flag} or the other out: it has lifetimes of its own.`;
    throw conflict(`our backends with --${flag}`, other.store, remedy);
  }
}

/** A library, or a Store of express-session that is the user's. */
function isForeign(choice: StoreChoice): boolean {
  return choice.module?.kind === 'express' || comparatorOf(choice) !== undefined;
}
