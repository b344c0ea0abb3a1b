import type { StoreChoice } from '../../bench/config/store-choice.ts';
import type { Handicap } from '../../servers/protocol.ts';

/** One arm of the proof: a name, the backend, and the planted slowness. */
export interface ProofArm {
  /** Also part of its file name: `gates-NAME.csv`. */
  name: string;
  store: string;
  handicap?: Handicap;
  /** Planted as this share of the control's cost per request here, measured before the first gate. */
  busyShare?: number;
  /** Takes part in every n-th gate only, beginning with the given one, so that several share a place. */
  turn?: { every: number; from: number };
}

const SHARE = 0.05;
const LEVELS_US = [1, 2, 4, 8] as const;

/** Reads the clock once, like a planted wait: the difference to it is the wait alone, of known length. */
const HOOK: Handicap = { busyUs: 0 };

/**
 * The arms of the campaign, all up at once in each block, so that one hour of the machine serves all comparisons:
 * twins, and copies of one of them with planted slowness. Sets with different numbers share no arm: their gates are
 * independent except for the hour.
 */
export const PROOF_ARMS: readonly ProofArm[] = [
  ...[1, 2].flatMap((set): ProofArm[] => [
    { name: `none-${set}`, store: 'none', handicap: HOOK },
    { name: `none-${set}-twin`, store: 'none', handicap: HOOK },
    { name: `none-${set}-5pct`, store: 'none', busyShare: SHARE },
  ]),
  { name: 'none-3', store: 'none', handicap: HOOK },
  { name: 'none-3-twin', store: 'none', handicap: HOOK },
  ...LEVELS_US.map((busyUs, from): ProofArm => {
    return { name: `none-3-busy-${busyUs}us`, store: 'none', handicap: { busyUs }, turn: { every: 4, from } };
  }),
  { name: 'redis', store: 'redis' },
  { name: 'redis-twin', store: 'redis' },
  {
    name: 'redis-extra-trip',
    store: 'redis',
    handicap: { extraTrips: 1 },
    turn: { every: 2, from: 0 },
  },
];

/** The arms that take part in the gate of this ordinal, from 0. */
export function armsOfGate(ordinal: number): ProofArm[] {
  return PROOF_ARMS.filter(({ turn }) => turn === undefined || ordinal % turn.every === turn.from);
}

/**
 * The arms of a gate at equal load, which shows the bias of the estimate: everything that is planted into the control
 * at once, and two pairs of twins.
 */
export function armsAtEqualLoad(): ProofArm[] {
  return PROOF_ARMS.filter(({ name }) => /^none-[13]/.test(name));
}

/** A kind of gate: the arms for base and head. Each pair is a separate gate. */
export interface ProofGate {
  name: string;
  pairs: readonly (readonly [base: string, head: string])[];
  /** Microseconds of CPU per request planted into the head; `share` of the base's; `undefined` for neither. */
  planted?: { us: number } | { share: number };
}

export const PROOF_GATES: readonly ProofGate[] = [
  {
    name: 'A/A',
    pairs: [
      ['none-1', 'none-1-twin'],
      ['none-2', 'none-2-twin'],
      ['none-3', 'none-3-twin'],
      ['redis', 'redis-twin'],
    ],
  },
  {
    name: '5 % more CPU per request',
    pairs: [
      ['none-1', 'none-1-5pct'],
      ['none-2', 'none-2-5pct'],
    ],
    planted: { share: SHARE },
  },
  ...LEVELS_US.map((us): ProofGate => {
    return {
      name: `busy-wait of ${us} µs per request`,
      pairs: [['none-3', `none-3-busy-${us}us`]],
      planted: { us },
    };
  }),
  { name: 'one extra round trip', pairs: [['redis', 'redis-extra-trip']] },
];

/** The arms in the form of the plan. @param controlUs cost of the control here, CPU µs per request. */
export function choicesOf(
  arms: readonly ProofArm[],
  base: readonly StoreChoice[],
  controlUs: number,
): StoreChoice[] {
  return arms.map(({ name, store, handicap, busyShare }) => {
    const choice = base.find((one) => one.store === store);
    if (choice === undefined)
      throw new Error(`expected the backend ${store} in the configuration of the proof`);
    const planted = busyShare === undefined ? handicap : { busyUs: busyShare * controlUs };
    return { ...choice, label: name, ...(planted === undefined ? {} : { handicap: planted }) };
  });
}
