import { difference, maxOf, sumOf } from '../../environment/sums.ts';

/** CPU time of an arm's processes so far, nanoseconds, and the time of the reading. */
export interface CpuReading {
  atMs: number;
  servers: readonly (number | undefined)[];
  balancer: number | undefined;
  store: number | undefined;
  /** The relay of `--store-distance`. */
  storeRelay?: number | undefined;
}

/** CPU of an arm's processes per second without load, nanoseconds. */
export interface IdleRate {
  servers: readonly (number | undefined)[];
  balancer: number | undefined;
  store: number | undefined;
}

/**
 * CPU that an arm's processes used for its slices, nanoseconds; `undefined` where there are none or they cannot be
 * read.
 */
export interface Spent {
  server: number | undefined;
  busiestServer: number | undefined;
  balancer: number | undefined;
  store: number | undefined;
  storeRelay?: number | undefined;
}

/**
 * CPU accounting of one arm. An account runs from a slice's start to the arm's next turn, so that deferred work (a
 * flush of the log, a garbage collection) is charged to the arm that caused it; the idle use is subtracted for the time
 * in between. A service that all arms share is charged for the slice only.
 */
export interface Ledger {
  /** @param sliceEnd read after the slice's last reply. @param end read before the arm's next turn. */
  charge(start: CpuReading, sliceEnd: CpuReading, end: CpuReading): void;
  spent(idle: IdleRate | undefined): Spent;
  /** The same of each charge by itself, in their order; never rounded up to 0. */
  each(idle: IdleRate | undefined): Omit<Spent, 'busiestServer' | 'storeRelay'>[];
}

interface Charge {
  start: CpuReading;
  sliceEnd: CpuReading;
  end: CpuReading;
}

export function createLedger(isStoreShared: boolean): Ledger {
  const charges: Charge[] = [];
  const total = (used: (charge: Charge) => number | undefined) => sumOf(charges.map(used));
  const spentOn = (
    charge: Charge,
    idle: IdleRate | undefined,
  ): Omit<Spent, 'busiestServer' | 'storeRelay'> => {
    const { start, sliceEnd, end } = charge;
    const idleSeconds = (end.atMs - sliceEnd.atMs) / 1000;
    const net = (later: number | undefined, earlier: number | undefined, rate = 0) => {
      const used = difference(later, earlier);
      return used === undefined ? undefined : used - rate * idleSeconds;
    };
    return {
      server: sumOf(start.servers.map((from, index) => net(end.servers[index], from, idle?.servers[index]))),
      balancer: net(end.balancer, start.balancer, idle?.balancer),
      store: isStoreShared
        ? difference(sliceEnd.store, start.store)
        : net(end.store, start.store, idle?.store),
    };
  };
  return {
    each: (idle) => charges.map((charge) => spentOn(charge, idle)),
    charge: (start, sliceEnd, end) => void charges.push({ start, sliceEnd, end }),
    spent(idle) {
      const idleSeconds =
        charges.reduce((sum, { sliceEnd, end }) => sum + end.atMs - sliceEnd.atMs, 0) / 1000;
      const net = (used: number | undefined, rate: number | undefined) =>
        used === undefined ? undefined : Math.max(0, used - (rate ?? 0) * idleSeconds);
      const servers = (charges[0]?.start.servers ?? []).map((_, index) =>
        net(
          total(({ start, end }) => difference(end.servers[index], start.servers[index])),
          idle?.servers[index],
        ),
      );
      const store = isStoreShared
        ? total(({ start, sliceEnd }) => difference(sliceEnd.store, start.store))
        : net(
            total(({ start, end }) => difference(end.store, start.store)),
            idle?.store,
          );
      return {
        server: sumOf(servers),
        busiestServer: maxOf(servers),
        balancer: net(
          total(({ start, end }) => difference(end.balancer, start.balancer)),
          idle?.balancer,
        ),
        store,
        storeRelay: total(({ start, end }) => difference(end.storeRelay, start.storeRelay)),
      };
    },
  };
}

/** The rate between two readings of an arm without load. */
export function idleRate(before: CpuReading, after: CpuReading): IdleRate {
  const seconds = (after.atMs - before.atMs) / 1000;
  const rate = (later: number | undefined, earlier: number | undefined) => {
    const spent = difference(later, earlier);
    return spent === undefined ? undefined : spent / seconds;
  };
  return {
    servers: after.servers.map((ns, index) => rate(ns, before.servers[index])),
    balancer: rate(after.balancer, before.balancer),
    store: rate(after.store, before.store),
  };
}
