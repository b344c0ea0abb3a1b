import type { Bottleneck } from '../../servers/frozen.ts';
import type { LoadResult } from '../load/job.ts';
import type { Observed } from './observed.ts';

/** A process that uses this share of its processors is full. */
const FULL = 0.9;

/**
 * The first full process from the instrument inwards, for the instrument must not be what is measured; `host` when all
 * processors are busy and no single process is full. `undefined` otherwise.
 *
 * Generator, balancer, each server and Redis use one processor; `storeCores` is the number that the service can use.
 * The generator of an open loop is excluded: it may spin while it waits for the next request, and its lateness shows
 * whether it keeps up.
 */
export function bottleneckOf(
  result: Pick<LoadResult, 'cpuNs' | 'durationSeconds' | 'open'>,
  observed: Pick<Observed, 'cpuNs' | 'machineBusyNs' | 'busiestServerNs' | 'windowSeconds'>,
  storeCores: number,
  cpuCount: number,
): Bottleneck | undefined {
  const share = (ns: number | undefined, cores: number) => (ns ?? 0) / 1e9 / observed.windowSeconds / cores;
  const { balancer, store } = observed.cpuNs;
  if (result.open === undefined && result.cpuNs / 1e9 / result.durationSeconds >= FULL) return 'generator';
  if (share(balancer, 1) >= FULL) return 'balancer';
  if (share(store, Math.min(storeCores, cpuCount)) >= FULL) return 'store';
  if (share(observed.busiestServerNs, 1) >= FULL) return 'server';
  return share(observed.machineBusyNs, cpuCount) >= FULL ? 'host' : undefined;
}
