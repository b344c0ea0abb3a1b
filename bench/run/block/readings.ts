import { cpuNsOf } from '../../environment/machine/cpu.ts';
import type { Arm } from './arms.ts';
import type { CpuReading } from './ledger.ts';

/** CPU time of an arm's processes so far. */
export function readCpu({ pids }: Arm): CpuReading {
  return {
    atMs: performance.now(),
    servers: pids.server.map((pid) => cpuNsOf([pid])),
    balancer: cpuNsOf(pids.balancer),
    store: cpuNsOf(pids.store),
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
