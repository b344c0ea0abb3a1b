import { withMemcached } from '../../../stores/memcached/client.ts';
import { add, get } from '../../../stores/memcached/commands.ts';
import { memcachedService } from '../../../stores/memcached/service.ts';
import type { ServiceSuite } from './service-suite.ts';

/** Guarantees of Memcached on every tier. */
export const MEMCACHED_SUITE: Omit<ServiceSuite, 'tier'> = {
  definition: memcachedService,
  settings: {
    none: {
      evictions: 'off',
      maxbytes: String(4 * 2 ** 30),
      maxconns: '1024',
      num_threads: '4',
      item_size_max: String(2 ** 20),
      slab_reassign: 'no',
      growth_factor: '1.25',
    },
  },
  use: (url) =>
    withMemcached(url, async (link) => {
      await add(link, 'key', 'value', 'ever');
      if ((await get(link, 'key')) !== 'value') throw new Error('Memcached lost a value');
    }),
};
