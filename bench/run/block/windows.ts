import { sumOf } from '../../environment/sums.ts';
import type { Arm } from './arms.ts';
import type { CpuReading } from './ledger.ts';
import { readCpu } from './readings.ts';
import type { TurnTaker } from './turns.ts';

/** CPU of servers and service per request, window by window, while arms take turns. */
export interface Windows {
  readonly count: number;
  /** Ends the current window, and begins the next. */
  close(): void;
  /** Nanoseconds per request; NaN where it cannot be read. */
  costsOf(arm: Arm): readonly number[];
}

export function createWindows(arms: readonly Arm[], taker: TurnTaker): Windows {
  const completedBy = (arm: Arm) => taker.of(arm).slices.reduce((sum, { completed }) => sum + completed, 0);
  const read = (arm: Arm) => ({ ns: coreNs(readCpu(arm)), completed: completedBy(arm) });
  const costs = new Map(arms.map((arm) => [arm, [] as number[]]));
  let before = new Map(arms.map((arm) => [arm, read(arm)]));
  let count = 0;
  return {
    get count() {
      return count;
    },
    close() {
      const after = new Map(arms.map((arm) => [arm, read(arm)]));
      for (const arm of arms) {
        const [from, to] = [before.get(arm), after.get(arm)];
        const requests = (to?.completed ?? 0) - (from?.completed ?? 0);
        const isKnown = from?.ns !== undefined && to?.ns !== undefined && requests > 0;
        costs.get(arm)?.push(isKnown ? ((to.ns as number) - (from.ns as number)) / requests : Number.NaN);
      }
      before = after;
      count += 1;
    },
    costsOf: (arm) => costs.get(arm) ?? [],
  };
}

const coreNs = ({ servers, store }: CpuReading) => sumOf([sumOf(servers), store ?? 0]);
