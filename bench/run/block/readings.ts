import { cpuNsOf, type Scheduling, schedulingOf } from '../../environment/machine/cpu.ts';
import { difference } from '../../environment/sums.ts';
import type { Observed } from '../../results/observed.ts';
import type { Arm } from './arms.ts';
import type { CpuReading } from './ledger.ts';

/** CPU time of an arm's processes so far. */
export function readCpu({ pids }: Arm): CpuReading {
  return {
    atMs: performance.now(),
    servers: pids.server.map((pid) => cpuNsOf([pid])),
    balancer: cpuNsOf(pids.balancer),
    store: cpuNsOf(pids.store),
    storeRelay: cpuNsOf(pids.storeRelay),
  };
}

/** Whether the arm's service also serves other arms or other users: it is external. */
export function isStoreShared({ environment }: Arm): boolean {
  return environment.service?.tier === 'url';
}

/** CPU of everything that belongs to this run: the harness, its descendants, and external services. */
export function ownCpuNs(arms: readonly Arm[]): number | undefined {
  const isOutside = ({ environment }: Arm) => ['url', 'docker'].includes(environment.service?.tier ?? '');
  const others = new Set(arms.filter(isOutside).flatMap((arm) => arm.pids.store));
  return cpuNsOf([process.pid, ...others]);
}

/** The scheduling of an arm's processes so far. */
export function readScheduling({ pids }: Arm) {
  return { server: schedulingOf(pids.server), store: schedulingOf(pids.store) };
}

/** What was added between two readings. */
export function schedulingBetween(
  before: ReturnType<typeof readScheduling> | undefined,
  after: ReturnType<typeof readScheduling> | undefined,
): Observed['scheduling'] {
  const added = (role: 'server' | 'store', key: keyof Scheduling) =>
    difference(after?.[role]?.[key], before?.[role]?.[key]);
  return {
    serverMainNs: added('server', 'mainNs'),
    serverWaitNs: added('server', 'waitNs'),
    serverWakeUps: added('server', 'wakeUps'),
    storeWakeUps: added('store', 'wakeUps'),
  };
}
