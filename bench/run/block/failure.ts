import type { Fault } from '../../config/words.ts';
import { HOST } from '../../environment/machine/host.ts';
import { difference } from '../../environment/sums.ts';
import type { SliceResult } from '../../load/job.ts';
import type { Observed } from '../../results/observed.ts';
import type { FaultEvent } from '../../results/series.ts';
import { shuffled } from '../../stats/random.ts';
import type { Arm } from './arms.ts';
import { carryOut } from './faults.ts';
import type { Measured } from './measure.ts';
import { ownCpuNs } from './readings.ts';
import type { BlockRun } from './turns.ts';

/**
 * Loads each arm once, one after the other, and breaks it meanwhile. Nothing is read of its processes, some of which end:
 * what a request costs is not the question here.
 */
export async function measureFailure(
  run: BlockRun,
  fault: Fault,
  onProgress: (text: string) => void,
): Promise<Measured[]> {
  const { arms, generator, random } = run;
  const measured = new Map<Arm, Measured>();
  for (const [index, arm] of shuffled(arms, random).entries()) {
    onProgress(`${fault}, arm ${index + 1} of ${arms.length}`);
    const [hostBefore, ownBefore] = [HOST.read(), ownCpuNs(arms)];
    const { slice, events } = await breakUnderLoad(run, arm, fault);
    const host = HOST.sharesBetween(hostBefore, HOST.read(), difference(ownCpuNs(arms), ownBefore));
    const result = await generator.collect(arm.index);
    measured.set(arm, { arm, result, observed: observedOf(slice, events, host), slices: [] });
  }
  return arms.map((arm) => measured.get(arm) as Measured);
}

async function breakUnderLoad(
  { generator, config, load }: BlockRun,
  arm: Arm,
  fault: Fault,
): Promise<{ slice: SliceResult; events: FaultEvent[] }> {
  const seconds = Math.floor(config.durationSeconds);
  const over = new AbortController();
  try {
    let acting: Promise<FaultEvent[]> = Promise.resolve([]);
    const slice = await generator.slice(arm.index, seconds, load, () => {
      acting = carryOut(fault, arm.environment, seconds, over.signal);
      // Its failure is reported to whoever awaits it; until then it must not count as unhandled.
      acting.catch(() => undefined);
    });
    return { slice, events: await acting };
  } finally {
    // Nothing is broken any more when the load has failed.
    over.abort();
  }
}

function observedOf(
  { seconds, backlogEnd, outstandingEnd }: SliceResult,
  events: readonly FaultEvent[],
  host: Observed['host'],
): Observed {
  return {
    windowSeconds: seconds,
    cpuNs: { server: undefined, balancer: undefined, store: undefined },
    busiestServerNs: undefined,
    machineBusyNs: undefined,
    roundTrips: undefined,
    rssServerBytes: undefined,
    rssStoreBytes: undefined,
    idleCpuNsPerSecond: undefined,
    throttledNs: undefined,
    loopDelayP99Us: undefined,
    gcNs: undefined,
    host,
    backlogEnds: [backlogEnd],
    outstandingEnds: [outstandingEnd],
    events,
  };
}
