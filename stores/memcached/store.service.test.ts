import type { Durability } from '../store.ts';
import { describeStoreAside } from '../suite/store-suite-aside.ts';
import { memcached } from './backend.ts';
import { type MemcachedFixture, startMemcachedFixture } from './fixture.ts';

const variants: readonly { options: Record<string, string>; durability: Durability }[] = [
  { options: {}, durability: 'none' },
  { options: { write: 'lww' }, durability: 'none' },
];

for (const { options, durability } of variants) {
  let server: MemcachedFixture | undefined;
  const title = ['memcached', ...Object.entries(options).map((entry) => entry.join('=')), durability];
  describeStoreAside(title.join(' '), {
    definition: memcached,
    options,
    durability,
    async serviceUrl() {
      server = await startMemcachedFixture();
      return server.url;
    },
    async stopService() {
      await server?.stop();
    },
  });
}
