import type { StoreDefinition } from '../store.ts';
import { traitsOfService } from '../traits.ts';

/** In-memory backend: the store of one process, lost with it. Bounded, and swept in the background. */
export const memory: StoreDefinition = {
  name: 'memory',
  summary: 'in the memory of each server: lost with it, and not shared between servers',
  options: {
    entries: {
      meaning: 'maximum of sessions per server; beyond it, the session that is idle for longest is evicted',
      values: ['1M', '100k', '10k'],
    },
    write: { meaning: 'update: compare-and-swap, or last write wins', values: ['cas', 'lww'] },
  },
  service: () => undefined,
  connections: () => 0,
  offers: () => ['users', 'failedLogins', 'sweep'],
  declaredTraits: (options, durability) => ({
    ...traitsOfService(options, durability),
    state: 'server',
    shared: false,
    survivesServerRestart: false,
    survivesStoreCrash: undefined,
  }),
  open: async (context) => (await import('./store.ts')).openMemoryStore(context),
};
