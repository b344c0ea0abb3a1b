/** A check of behaviour, its expectation, and its observation. Only types, and small helpers at the end. */

import type { Traits } from '../../stores/traits.ts';
import type { Scene } from './scene.ts';
import type { Subject } from './subject.ts';

export type { Subject };

export type Outcome = 'pass' | 'fail' | 'n/a';

/** What the traits imply for one check of one backend. */
export interface Expectation {
  outcome: Outcome;
  /** For `fail`: one sentence on what an attacker or a user would see. For `n/a`: the reason. For `pass`: ''. */
  because: string;
  /** Stands in the cell beside a ✓ or instead of a –, where what the backend lacks is an advantage. */
  remark?: string;
}

/** What was observed over real HTTP. */
export interface Observation {
  outcome: Outcome;
  /** What was done and observed, in one sentence with counts; never a token, a password or a user's data. */
  evidence: string;
  /** Of an outage that was answered as if nobody were logged in; absent otherwise. No store may do that. */
  fault?: string;
}

export interface Check {
  /** Number in the catalogue, with a letter where one number has several properties: `2a`. */
  id: string;
  /** The property, as a statement that holds for a backend with the property. */
  title: string;
  /** The source of the requirement: `ASVS 5 V7.2.4`, `RFC 8725 §3.1`. */
  source: string;
  expect(subject: Subject): Expectation;
  /**
   * Observes the site. A failure of the experiment (such as an unreachable server) throws: it is not an observation.
   */
  observe(scene: Scene): Promise<Observation>;
}

/** One cell of the matrix; its keys are those of `--json`. */
export interface Cell {
  id: string;
  title: string;
  source: string;
  backend: string;
  affinity: Subject['affinity'];
  balancer: Subject['balancer'];
  expected: Outcome;
  observed: Outcome | 'error';
  /** Whether it differs from the expectation, in either direction. */
  surprise: boolean;
  /** What an attacker or a user would see, or why it does not apply; empty where the property is expected. */
  because: string;
  evidence: string;
  /** Of a store of the user's: nothing was expected but that it neither crashes nor hides an outage. */
  found?: true;
  /** See {@link Expectation}; only in a cell that is as expected. */
  remark?: string;
}

export const mustHold: Expectation = { outcome: 'pass', because: '' };
export const cannotHold = (because: string): Expectation => ({ outcome: 'fail', because });
export const doesNotApply = (because: string): Expectation => ({ outcome: 'n/a', because });
/** For a backend without a store, of what a store would have to survive. */
export const NO_STORE_TO_LOSE = 'no store to lose';

export const holds = (evidence: string): Observation => ({ outcome: 'pass', evidence });
export const violated = (evidence: string): Observation => ({ outcome: 'fail', evidence });
/** Holds or is violated, with the same evidence. */
export const verdict = (isHeld: boolean, evidence: string): Observation =>
  isHeld ? holds(evidence) : violated(evidence);
export const notApplicable = (evidence: string): Observation => ({ outcome: 'n/a', evidence });

/**
 * Holds unless violations were counted.
 * @param what what was tried, such as `reads with the old token`.
 * @throws Error without any tries: nothing was observed.
 */
export function judge(violations: number, tries: number, what: string): Observation {
  if (tries === 0) throw new Error(`expected at least one try, got none: ${what}`);
  return verdict(violations === 0, `${violations} of ${tries} ${what}`);
}

/** Holds unless any of the tries was a violation. @param what see {@link judge}. */
export function judgeEach(violations: readonly boolean[], what: string): Observation {
  return judge(violations.filter((isViolation) => isViolation).length, violations.length, what);
}

/** Holds without faults; otherwise the evidence names the first few. */
export function judgeFaults(faults: ReadonlySet<string>, evidence: string): Observation {
  return faults.size === 0 ? holds(evidence) : violated(`${evidence}: ${firstFew(faults, 5)}`);
}

/** The first few distinct texts, and how many more there are. */
export function firstFew(texts: Iterable<string>, shown: number): string {
  const distinct = [...new Set(texts)];
  const more = distinct.length > shown ? ` and ${distinct.length - shown} more` : '';
  return distinct.slice(0, shown).join('; ') + more;
}

/** Holds when all of these observations do; the evidence is that of all. */
export function allOf(observations: readonly Observation[]): Observation {
  return verdict(
    observations.every(({ outcome }) => outcome === 'pass'),
    observations.map(({ evidence }) => evidence).join('; '),
  );
}

/**
 * Whether all requests of one user reach the same sessions: a shared store or token, one server, or sticky sessions.
 */
export function seesOwnSessions({ traits, servers, affinity }: Subject): boolean {
  return traits.shared || servers === 1 || affinity === 'sticky';
}

/**
 * Holds with a trait, where all requests of one user reach the same sessions.
 * @param seen the effect without the trait, and where another server receives the request.
 */
export function needsOwnSessions(
  hasTrait: (traits: Traits) => boolean,
  seen: { without: string; elsewhere: string },
): Check['expect'] {
  return (subject) => {
    if (!hasTrait(subject.traits)) return cannotHold(seen.without);
    return seesOwnSessions(subject) ? mustHold : cannotHold(seen.elsewhere);
  };
}

const IN_HEADER = 'The token is sent in a header, not in a cookie.';

/** A check of the cookie itself, which does not apply where the token is in a header. */
export function ofCookie(check: Check): Check {
  return {
    ...check,
    expect: (subject) => (subject.transport === 'bearer' ? doesNotApply(IN_HEADER) : check.expect(subject)),
    observe: (scene) =>
      scene.subject.transport === 'bearer' ? Promise.resolve(notApplicable(IN_HEADER)) : check.observe(scene),
  };
}

/** Whether an ended login is refused on every server: at once, or within a stated time that the checks wait for. */
export const endsInTime = ({ revocation, revocationBoundMs }: Traits): boolean =>
  revocation === 'immediate' || revocationBoundMs !== undefined;

/** As expected, with the remark that it takes the time that the traits state, where they do. */
export function inStatedTime(expectation: Expectation, { revocationBoundMs }: Traits): Expectation {
  if (expectation.outcome !== 'pass' || revocationBoundMs === undefined) return expectation;
  return { ...expectation, remark: `within ${revocationBoundMs / 1000} s` };
}

/** Whether requests of different users reach the same state, as an administrator's revocation requires. */
export function seesAllSessions({ traits, servers }: Subject): boolean {
  return traits.shared || servers === 1;
}
