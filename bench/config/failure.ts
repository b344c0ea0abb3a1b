import type { Rate } from './rate.ts';
import { conflict, usage } from './values.ts';
import type { BALANCERS, ENGINES, Fault, Scenario } from './words.ts';

/** The scenario failure: what its flags may be, and what stands for those that are not given. */

export const DEFAULT_FAULT: Fault = 'kill-server';
/** So low that nothing but the fault refuses a request. */
const REQUESTS_PER_SECOND = 200;
/** Whole seconds are counted, and a quarter of them passes before anything breaks. */
const LEAST_SECONDS = 4;
/** Each second keeps histograms of its own. */
const MOST_SECONDS = 120;

interface Load {
  scenarios: readonly Scenario[];
  faults: readonly Fault[] | undefined;
  balancer: (typeof BALANCERS)[number];
  engine: (typeof ENGINES)[number];
  rate: Rate | undefined;
  durationSeconds: number;
}

/** Whether what the flags ask for can be broken and counted. @throws BenchError CONFLICT, USAGE */
export function checkFailure({ scenarios, faults, balancer, engine, rate, durationSeconds }: Load): void {
  if (!scenarios.includes('failure')) {
    if (faults === undefined) return;
    const remedy = 'Add --scenario failure, or leave --fault out.';
    throw conflict('--scenario failure with --fault', `--scenario ${scenarios}`, remedy);
  }
  if (balancer === 'none') {
    const remedy = 'Without one a client of a dead server has nowhere to go: name a balancer.';
    throw conflict('a balancer with --scenario failure', '--balancer none', remedy);
  }
  if (engine !== 'slices')
    throw conflict('--engine slices with --scenario failure', `--engine ${engine}`, 'Leave --engine out.');
  if (rate !== undefined && !('perSecond' in rate)) {
    const remedy = 'Name a rate such as --rate 200, or leave it out.';
    throw conflict('requests per second with --scenario failure', 'a share of the capacity', remedy);
  }
  if (durationSeconds >= LEAST_SECONDS && durationSeconds <= MOST_SECONDS) return;
  throw usage(
    `--duration from ${LEAST_SECONDS}s to ${MOST_SECONDS}s with --scenario failure`,
    `${durationSeconds} s`,
    'Name for example --duration 10s.',
  );
}

/** Requests per second of the scenario. */
export const failureRate = (rate: Rate | undefined): number =>
  rate !== undefined && 'perSecond' in rate ? rate.perSecond : REQUESTS_PER_SECOND;

/** Whether the fault is one of the store, which then ends or stands still as planned. */
export const breaksStore = (fault: Fault | undefined): boolean => fault?.includes('store') ?? false;
