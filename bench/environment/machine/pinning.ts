import { findOnPath } from '../../../stores/programs.ts';
import { conflict } from '../../config/values.ts';
import { BenchError } from '../../errors.ts';
import { cpuListText, parseCpuList } from './cpu-list.ts';
import { kernelFile } from './kernel-file.ts';

/** The processors of each kind of process, in the syntax of taskset. */
export interface Pinning {
  generator: string;
  balancer: string;
  server: string;
  store: string;
}

/**
 * Assigns processors, so that the generator takes nothing from what is measured. Servers and service stay together: in
 * a comparison of backends, the cost of a service must be paid from the same processors as its savings.
 *
 * 2: generator and balancer on one, servers and service on the other. From 3: a quarter for the generator and an eighth
 * for the balancer, at least one each, the rest for servers and service. Each gets adjacent ones.
 * @param cpus default: those that this process may use.
 * @throws BenchError CONFLICT with fewer than two, off Linux, or without taskset.
 */
export function planPinning(cpus: readonly number[] = allowedCpus()): Pinning {
  const count = cpus.length;
  const remedy = 'Leave it out: with one processor nothing can be separated.';
  if (count < 2) throw unavailable('at least 2 processors', String(count), remedy);
  const generators = Math.max(1, Math.floor(count / 4));
  const balancers = count === 2 ? 0 : Math.max(1, Math.floor(count / 8));
  const generator = cpuListText(cpus.slice(0, generators));
  const balancer = balancers === 0 ? generator : cpuListText(cpus.slice(generators, generators + balancers));
  const system = cpuListText(cpus.slice(generators + balancers));
  return { generator, balancer, server: system, store: system };
}

/** The same; `undefined` where processors cannot be assigned. */
export function pinningIfPossible(): Pinning | undefined {
  try {
    return planPinning();
  } catch (error) {
    if (error instanceof BenchError && error.code === 'CONFLICT') return undefined;
    throw error;
  }
}

/**
 * The text for a row, which names only what was pinned.
 * @param storeIsPinned false for a container or an external service, which cannot be pinned.
 */
export function pinningText({ generator, balancer, server, store }: Pinning, storeIsPinned: boolean): string {
  const rig =
    generator === balancer
      ? `generator,balancer=${generator}`
      : `generator=${generator};balancer=${balancer}`;
  if (!storeIsPinned) return `${rig};servers=${server}`;
  return `${rig};${server === store ? `servers,store=${server}` : `servers=${server};store=${store}`}`;
}

/**
 * The processors that this process may use, ascending.
 * @throws BenchError CONFLICT off Linux or without taskset.
 */
function allowedCpus(): number[] {
  if (process.platform !== 'linux') throw unavailable('Linux', process.platform, 'Leave out --pin.');
  const remedy = 'Install it (Debian and Ubuntu: apt-get install util-linux).';
  if (findOnPath('taskset') === undefined) throw unavailable('taskset on the PATH', 'none', remedy);
  const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(kernelFile('/proc/self/status') ?? '')?.[1];
  if (list === undefined)
    throw unavailable('Cpus_allowed_list in /proc/self/status', 'none', 'Leave out --pin.');
  return parseCpuList(list);
}

function unavailable(expected: string, got: string, remedy: string): BenchError {
  return conflict(`${expected} for --pin`, got, remedy);
}
