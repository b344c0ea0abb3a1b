import type { StoreChoice } from '../../bench/config/store-choice.ts';
import type { Handicap } from '../../servers/protocol.ts';

/** One arm of the proof: a name, the backend, and what is planted into it. */
export interface ProofArm {
  /** Also of its file: `gates-NAME.csv`. */
  name: string;
  store: string;
  handicap?: Handicap;
  /** Planted as this share of what the control costs per request here, found before the first gate. */
  busyShare?: number;
  /** Takes part in every so many gates only, beginning with the given one, so that several share a place. */
  turn?: { every: number; from: number };
}

const SHARE = 0.05;
const LEVELS_US = [1, 2, 4, 8] as const;

/** Looks at the clock once, as a planted wait does: what is then planted is the wait alone, and its amount is known. */
const HOOK: Handicap = { busyUs: 0 };

/**
 * The arms of the campaign, all up at once in each block, so that one hour of the machine serves for all comparisons:
 * twins, and copies of one of them with slowness planted. Sets that a number tells apart share no arm: their gates are
 * independent but for the hour.
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
 * The arms of a gate at equal load, which is there to show the bias of the estimate: all that is planted into the control
 * at once, and two pairs of twins.
 */
export function armsAtEqualLoad(): ProofArm[] {
  return PROOF_ARMS.filter(({ name }) => /^none-[13]/.test(name));
}

/** A kind of gate: which arms stand for base and head. Each pair is a gate of its own. */
export interface ProofGate {
  name: string;
  pairs: readonly (readonly [base: string, head: string])[];
  /** Microseconds of CPU per request planted into the head; `share` of the base's; `undefined` when neither. */
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

/** The arms as the plan knows them. @param controlUs what the control costs here, CPU µs per request. */
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
