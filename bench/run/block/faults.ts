import { setTimeout as sleep } from 'node:timers/promises';
import type { WhenFull } from '../../../stores/service.ts';
import { breaksStore } from '../../config/failure.ts';
import type { Fault } from '../../config/words.ts';
import type { Environment } from '../../environment/environment.ts';
import type { StartedService } from '../../environment/services/service.ts';
import type { FaultEvent } from '../../results/series.ts';

/** What `--fault` does to a site, and when: after a quarter of the load it breaks, after half of it it is mended. */

/** Between two servers of a restart one by one: a balancer has noticed by then that the last one is back. */
const BETWEEN_SERVERS_MS = 1_000;

/** After the begin of a second, so that no request of the one before is hit, however late the message of the begin was. */
const WITHIN_SECOND = 0.1;

interface Act {
  what: string;
  /** Whether something is back when it has been done. */
  isMended: boolean;
  act(): Promise<void>;
}

interface Acts {
  breaking: readonly Act[];
  mending: readonly Act[];
}

const breaking = (what: string, act: Act['act']): Act => ({ what, isMended: false, act });
const mending = (what: string, act: Act['act']): Act => ({ what, isMended: true, act });

/** Why this environment cannot be broken so; `undefined` when it can. */
export function obstacleTo(fault: Fault, { service, serverSet }: Environment): string | undefined {
  if (serverSet === undefined) return 'an external site is not broken';
  if (!breaksStore(fault)) return undefined;
  if (service === undefined) return 'there is no store that could break';
  const { definition, breakable, limitRoom } = service;
  if (breakable === undefined) return `only a ${definition.title} that the harness runs itself is broken`;
  if (WHEN_FULL[fault] === undefined || limitRoom !== undefined) return undefined;
  return `${definition.title} has no limit of its memory that could be reached`;
}

const WHEN_FULL: Readonly<Partial<Record<Fault, WhenFull>>> = {
  'full-store': 'refuse',
  'full-store-lru': 'drop-least-used',
  'full-store-ttl': 'drop-ending-soonest',
};

function actsOf(fault: Fault, environment: Environment): Acts {
  const { serverSet, service } = environment;
  if (serverSet === undefined) throw new Error('expected servers of ours to break, got an external site');
  const { kill, stop, start, ports, processes } = serverSet;
  switch (fault) {
    case 'kill-server':
      return {
        breaking: [breaking('s1 killed', () => kill(0))],
        mending: [mending('s1 back', () => start(0))],
      };
    case 'restart-servers':
      return {
        breaking: processes.flatMap((_, server) => [
          breaking(`s${server + 1} stopped`, () => stop(server)),
          mending(`s${server + 1} back`, async () => {
            await start(server);
            await sleep(BETWEEN_SERVERS_MS);
          }),
        ]),
        mending: [],
      };
    case 'add-server':
      return {
        breaking: [breaking(`s${ports.length} added`, () => start(ports.length - 1))],
        mending: [],
      };
    default:
      return actsOnStore(fault, service);
  }
}

function actsOnStore(fault: Fault, service: StartedService | undefined): Acts {
  const { breakable: broken, limitRoom } = service ?? {};
  if (broken === undefined) throw new Error(`expected a store to break by ${fault}, got none`);
  const whenFull = WHEN_FULL[fault];
  if (whenFull !== undefined)
    return {
      breaking: [breaking('store full', async () => limitRoom?.(whenFull))],
      mending: [mending('store has room', async () => limitRoom?.(undefined))],
    };
  if (fault === 'freeze-store')
    return {
      breaking: [breaking('store frozen', async () => broken.signal('SIGSTOP'))],
      mending: [mending('store thawed', async () => broken.signal('SIGCONT'))],
    };
  return {
    breaking: [breaking('store killed', broken.kill)],
    mending: [mending('store back', broken.restart)],
  };
}

/**
 * Does to a site what the fault is, while it is loaded for so many seconds from now on. Returns what was done, and when:
 * a break when it began, a mend when it was done.
 * @throws what the acts throw; AbortError when the signal is aborted.
 */
export async function carryOut(
  fault: Fault,
  environment: Environment,
  seconds: number,
  signal: AbortSignal,
): Promise<FaultEvent[]> {
  const beginMs = performance.now();
  const elapsed = () => (performance.now() - beginMs) / 1000;
  const events: FaultEvent[] = [];
  const acts = actsOf(fault, environment);
  for (const [at, list] of [
    [Math.floor(seconds / 4), acts.breaking],
    [Math.floor(seconds / 2), acts.mending],
  ] as const) {
    await sleep(Math.max(0, (at + WITHIN_SECOND - elapsed()) * 1000), undefined, { signal });
    for (const { what, isMended, act } of list) {
      signal.throwIfAborted();
      const beganSeconds = elapsed();
      await act();
      events.push({ what, isMended, atSeconds: isMended ? elapsed() : beganSeconds });
    }
  }
  return events;
}
