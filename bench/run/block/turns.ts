import type { Config } from '../../config/config.ts';
import type { Generator } from '../../environment/generator.ts';
import { HOST, type HostReading } from '../../environment/machine/host.ts';
import { difference } from '../../environment/sums.ts';
import type { LoadModel, SliceResult } from '../../load/job.ts';
import { shuffled } from '../../stats/random.ts';
import type { Arm } from './arms.ts';
import type { Elsewhere } from './elsewhere.ts';
import { type CpuReading, createLedger, type Ledger } from './ledger.ts';
import { isStoreShared, readCpu } from './readings.ts';

/** Scenarios whose slices consume or leave sessions, which are created and removed between slices, untimed. */
const UNTIMED: readonly string[] = ['login', 'logout', 'visit', 'mixed'];

/** One slice, and where it stood among those of the other arms. */
export interface TurnSlice extends SliceResult {
  /** From 1. */
  round: number;
  /** Place within the round, from 0. */
  place: number;
  /** The arm whose slice came before; `undefined` for the first slice of all. */
  after: Arm | undefined;
}

/** The sums of an arm's turns so far. */
export interface Turns {
  ledger: Ledger;
  slices: TurnSlice[];
  /** Busy time of the machine, and throttled time of our control group, during the arm's own slices. */
  machineBusyNs: number | undefined;
  throttledNs: number | undefined;
  /** Round trips to the service that belong to the slices. */
  roundTrips: number | undefined;
  /** How long one takes through the relay of `--store-distance`, in the slices, µs. */
  storeTripsUs: number[];
}

/** The arms of a block taking turns under load. */
export interface TurnTaker {
  /** Gives each arm one slice, in shuffled order. */
  round(seconds: number): Promise<void>;
  /** Closes the accounts: what the arms have used so far is charged to their last slices. */
  settle(): Promise<void>;
  of(arm: Arm): Turns;
}

export interface TurnOptions {
  arms: readonly Arm[];
  generator: Generator;
  load: LoadModel;
  random: () => number;
  /** Absent: nothing is asked for on other machines. */
  elsewhere?: Pick<Elsewhere, 'around'>;
}

/** The running arms of a block, and their load. */
export interface BlockRun extends TurnOptions {
  config: Config;
  /** Aborted when the block is over, however it ended: nothing is waited for any more. */
  released: AbortSignal;
}

interface Open {
  start: CpuReading;
  sliceEnd: CpuReading;
  trips: number | undefined;
}

export function createTurnTaker(options: TurnOptions): TurnTaker {
  const { arms, generator, load, random, elsewhere } = options;
  const states = new Map(arms.map((arm) => [arm, newTurns(arm)]));
  const open = new Map<Arm, Open>();
  let rounds = 0;
  let last: Arm | undefined;
  const stateOf = (arm: Arm) => states.get(arm) as Turns;

  /** Ends the account of the arm's last slice, and begins that of the next one. */
  async function close(arm: Arm): Promise<{ reading: CpuReading; trips: number | undefined }> {
    const reading = readCpu(arm);
    const before = open.get(arm);
    if (before !== undefined) stateOf(arm).ledger.charge(before.start, before.sliceEnd, reading);
    open.delete(arm);
    if (!isUntimed(arm)) return { reading, trips: undefined };
    const { roundTrips } = await arm.environment.stats();
    if (before !== undefined) addTrips(stateOf(arm), difference(roundTrips, before.trips));
    return { reading, trips: roundTrips };
  }

  async function turn(arm: Arm, place: number, seconds: number): Promise<void> {
    const closed = await close(arm);
    let { reading: start, trips } = closed;
    if (isUntimed(arm)) {
      await generator.replenish(arm.index, seconds);
      trips = (await arm.environment.stats()).roundTrips;
      start = readCpu(arm);
    }
    const run = async (): Promise<CpuReading> => {
      const host = HOST.read();
      const watched = arm.environment.distance?.watch();
      const slice = await generator.slice(arm.index, seconds, load);
      stateOf(arm).storeTripsUs.push(...(watched?.() ?? []));
      const end = isStoreShared(arm) ? readCpu(arm) : { ...start, atMs: performance.now() };
      addSlice(stateOf(arm), { ...slice, round: rounds, place, after: last }, host, HOST.read());
      return end;
    };
    const sliceEnd = await (elsewhere === undefined ? run() : elsewhere.around(arm, run));
    last = arm;
    open.set(arm, { start, sliceEnd, trips });
  }

  return {
    async round(seconds) {
      rounds += 1;
      for (const [place, arm] of shuffled(arms, random).entries()) await turn(arm, place, seconds);
    },
    async settle() {
      for (const arm of arms) await close(arm);
    },
    of: stateOf,
  };
}

function newTurns(arm: Arm): Turns {
  return {
    ledger: createLedger(isStoreShared(arm)),
    slices: [],
    machineBusyNs: 0,
    throttledNs: 0,
    roundTrips: isUntimed(arm) ? 0 : undefined,
    storeTripsUs: [],
  };
}

function addSlice(turns: Turns, slice: TurnSlice, before: HostReading, after: HostReading): void {
  turns.slices.push(slice);
  turns.machineBusyNs = addKnown(turns.machineBusyNs, difference(after.busyNs, before.busyNs));
  turns.throttledNs = addKnown(turns.throttledNs, difference(after.throttledNs, before.throttledNs));
}

function addTrips(turns: Turns, trips: number | undefined): void {
  turns.roundTrips = addKnown(turns.roundTrips, trips);
}

/** Whether this arm's round trips are counted slice by slice, because others occur between slices. */
export const isUntimed = (arm: Arm): boolean => UNTIMED.includes(arm.trial.scenario);

function addKnown(sum: number | undefined, more: number | undefined): number | undefined {
  return sum === undefined || more === undefined ? undefined : sum + more;
}
