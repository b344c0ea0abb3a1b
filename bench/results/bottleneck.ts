import type { Bottleneck } from '../../servers/frozen.ts';
import type { LoadResult } from '../load/job.ts';
import type { Observed } from './observed.ts';

/** A process that uses this share of its processors is full. */
const FULL = 0.9;

/** The processors that parts of an arm may use. */
export interface Processors {
  machine: number;
  /** Those of servers and services together. */
  system: number;
  /** Those of the service alone. */
  store: number;
}

/**
 * The first full process from the instrument inwards, for the instrument must not be what is measured; `host` when no
 * single process is full but all processors are, or those that servers and service share. `undefined` otherwise.
 *
 * Generator, balancer, each server and Redis use one processor.
 * The generator of an open loop is excluded: it may spin while it waits for the next request, and its lateness shows
 * whether it keeps up.
 */
export function bottleneckOf(
  result: Pick<LoadResult, 'cpuNs' | 'durationSeconds' | 'open'>,
  observed: Pick<Observed, 'cpuNs' | 'machineBusyNs' | 'busiestServerNs' | 'windowSeconds'>,
  { machine, system, store: storeCores }: Processors,
): Bottleneck | undefined {
  const share = (ns: number | undefined, cores: number) => (ns ?? 0) / 1e9 / observed.windowSeconds / cores;
  const { balancer, server, store } = observed.cpuNs;
  if (result.open === undefined && result.cpuNs / 1e9 / result.durationSeconds >= FULL) return 'generator';
  if (share(balancer, 1) >= FULL) return 'balancer';
  if (share(store, Math.min(storeCores, machine)) >= FULL) return 'store';
  if (share(observed.busiestServerNs, 1) >= FULL) return 'server';
  if (share((server ?? 0) + (store ?? 0), system) >= FULL) return 'host';
  return share(observed.machineBusyNs, machine) >= FULL ? 'host' : undefined;
}
