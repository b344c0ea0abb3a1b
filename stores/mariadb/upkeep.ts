import type { OpenContext, SessionStore } from '../store.ts';
import type { MariadbConnections } from './connections.ts';
import { mariadbFailedLogins } from './failed-logins.ts';
import type { Statement } from './links.ts';

const SWEEP_EVERY_MS = 5_000;

/** Sweeps in the background until the store is closed, by `turn` and of failed logins; with the methods for both. */
export function upkeep(
  { onBackgroundError }: Pick<OpenContext, 'onBackgroundError'>,
  connections: MariadbConnections,
  prefix: string,
  turn: (everyMs: number) => [statement: Statement, values: readonly unknown[]],
) {
  const { failedLogins, sweepTurn } = mariadbFailedLogins(connections, prefix);
  const sweeper = setInterval(() => {
    connections.backgroundWrite(...turn(SWEEP_EVERY_MS)).catch(onBackgroundError);
    sweepTurn(SWEEP_EVERY_MS).catch(onBackgroundError);
  }, SWEEP_EVERY_MS);
  sweeper.unref();
  return {
    failedLogins,
    roundTrips: connections.roundTrips,
    async close() {
      clearInterval(sweeper);
      await connections.close();
    },
  } satisfies Partial<SessionStore>;
}
