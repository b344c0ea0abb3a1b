import type { Host, HostReading } from '../../environment/machine/host.ts';
import { hostReasons } from '../../results/validity.ts';

/** What counts as now: long enough for ticks of 10 ms to show 5 % of a processor. */
const RECENT_MS = 3_000;

/** Whether a hypervisor gives the processors to others just now. It shows under load alone: an idle machine lacks nothing. */
export interface StealWatch {
  /** Reads the machine; to be called while it is under load, some times a second. */
  look(): void;
  /** Whether rule 4 would drop what was measured in the last three seconds; `false` where steal is unknown. */
  isTaken(): boolean;
}

export function watchSteal(host: Pick<Host, 'read' | 'sharesBetween'>): StealWatch {
  let readings: HostReading[] = [];
  return {
    look() {
      const now = host.read();
      // The youngest of those that are old enough stays, so that the span is never short of them.
      const first = readings.findLastIndex(({ atMs }) => now.atMs - atMs >= RECENT_MS);
      readings = [...readings.slice(Math.max(0, first)), now];
    },
    isTaken() {
      const [first, last] = [readings[0], readings.at(-1)];
      if (first === undefined || last === undefined) return false;
      const { stealShare } = host.sharesBetween(first, last, undefined);
      return hostReasons({ stealShare }).length > 0;
    },
  };
}
