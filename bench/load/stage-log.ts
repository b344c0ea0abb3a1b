import { createHistogram } from '../stats/histogram.ts';
import type { Slot } from './built-request.ts';
import type { Operation } from './job.ts';
import { type Stage, stageAt } from './stages.ts';
import { createTally, type Tally } from './tally.ts';

/** What became of the requests that were due in one stage. */
export interface StageTotals {
  tallies: ReadonlyMap<Operation, Tally>;
  /** Requests due and not yet sent at its end. */
  backlogEnd: number;
  /** The same, plus those sent and without a reply. */
  outstandingEnd: number;
}

/** Counts each request in the stage in which it was due, whenever it is sent. Times are ms after the start. */
export interface StageLog {
  totals: readonly StageTotals[];
  /** Before a request that was due then is sent or dropped. */
  select(dueMs: number): void;
  /** Before anything changes at this time: what is waiting, and what is outstanding. */
  observe(nowMs: number, waiting: number, outstanding: number): void;
}

export function createStageLog(stages: readonly Stage[], slots: ReadonlyMap<Operation, Slot>): StageLog {
  const newTally = (): Tally => ({ ...createTally(), response: createHistogram() });
  const totals = stages.map(() => ({
    tallies: new Map([...slots.keys()].map((operation) => [operation, newTally()])),
    backlogEnd: 0,
    outstandingEnd: 0,
  }));
  let selected: number | undefined;
  let observed = 0;
  return {
    totals,
    select(dueMs) {
      const index = stageAt(stages, dueMs);
      if (index === selected) return;
      selected = index;
      for (const [operation, slot] of slots) slot.tally = totals[index]?.tallies.get(operation) ?? slot.tally;
    },
    observe(nowMs, waiting, outstanding) {
      const index = stageAt(stages, nowMs);
      for (; observed < index; observed += 1)
        Object.assign(totals[observed] ?? {}, { backlogEnd: waiting, outstandingEnd: outstanding });
    },
  };
}
