import { readFileSync } from 'node:fs';
import { findOnPath } from '../../../stores/programs.ts';
import { BenchError } from '../../errors.ts';

/** Which processors each kind of process may use, as lists that taskset understands. */
export interface Pinning {
  generator: string;
  balancer: string;
  server: string;
  store: string;
}

/**
 * Shares processors out, so that what measures takes nothing from what is measured. Servers and service stay
 * together: in a comparison of backends, what a service costs must be paid from the same purse as what it saves.
 *
 * 2: generator and balancer on one, servers and service on the other. From 3: a quarter for the generator and an eighth
 * for the balancer, at least one each, the rest for servers and service. Neighbours stay together.
 * @param cpus those that this process may use itself, unless given.
 * @throws BenchError CONFLICT with fewer than two, off Linux, or without taskset.
 */
export function planPinning(cpus: readonly number[] = allowedCpus()): Pinning {
  const count = cpus.length;
  if (count < 2)
    throw unavailable(
      'at least 2 processors',
      String(count),
      'Leave it out: on one processor nothing can be kept apart.',
    );
  const generators = Math.max(1, Math.floor(count / 4));
  const balancers = count === 2 ? 0 : Math.max(1, Math.floor(count / 8));
  const generator = listText(cpus.slice(0, generators));
  const balancer = balancers === 0 ? generator : listText(cpus.slice(generators, generators + balancers));
  const system = listText(cpus.slice(generators + balancers));
  return { generator, balancer, server: system, store: system };
}

/**
 * What a row says of it: only what was pinned is named.
 * @param storeIsPinned false for a service that is not our process, in a container or somebody else's: taskset does not reach it.
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
 * The processors that this process may use itself, ascending.
 * @throws BenchError CONFLICT off Linux or without taskset.
 */
function allowedCpus(): number[] {
  if (process.platform !== 'linux') throw unavailable('Linux', process.platform, 'Leave out --pin.');
  if (findOnPath('taskset') === undefined)
    throw unavailable(
      'taskset on the PATH',
      'none',
      'Install it (Debian and Ubuntu: apt-get install util-linux).',
    );
  const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  if (list === undefined)
    throw unavailable('Cpus_allowed_list in /proc/self/status', 'none', 'Leave out --pin.');
  return parseCpuList(list);
}

/** The processors of a list such as `0,2-3`, ascending. */
export function parseCpuList(text: string): number[] {
  return text.split(',').flatMap((part) => {
    const [first = 0, last = first] = part.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}

/** The reverse: neighbours as a range. */
function listText(cpus: readonly number[]): string {
  const ranges: [first: number, last: number][] = [];
  for (const cpu of cpus) {
    const range = ranges.at(-1);
    if (range !== undefined && range[1] === cpu - 1) range[1] = cpu;
    else ranges.push([cpu, cpu]);
  }
  return ranges.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(',');
}

function unavailable(expected: string, got: string, remedy: string): BenchError {
  return new BenchError({ code: 'CONFLICT', expected: `${expected} for --pin`, got, remedy });
}
