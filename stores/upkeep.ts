import type { CountFailedLogins } from './failed-logins.ts';
import type { OpenContext, SessionStore } from './store.ts';

const SWEEP_EVERY_MS = 5_000;

/** Counts of failed logins that the store keeps in a table, and one turn of the sweep of that table. */
export interface CountedInTable {
  failedLogins: CountFailedLogins;
  sweepTurn(everyMs: number): Promise<void>;
}

/** Connections to a service in which nothing expires by itself. */
interface Connections<Statement> {
  backgroundWrite(statement: Statement, values: readonly unknown[]): Promise<unknown>;
  roundTrips(): number;
  close(): Promise<void>;
}

/** Sweeps in the background until the store is closed, by `turn` and of failed logins; with the methods for both. */
export function upkeep<Statement>(
  { onBackgroundError }: Pick<OpenContext, 'onBackgroundError'>,
  connections: Connections<Statement>,
  { failedLogins, sweepTurn }: CountedInTable,
  turn: (everyMs: number) => [statement: Statement, values: readonly unknown[]],
) {
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
