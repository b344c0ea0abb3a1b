import type { Durability } from '../store.ts';
import { describeStoreAside } from '../suite/store-suite-aside.ts';
import { redis } from './backend.ts';
import { type RedisFixture, startRedisFixture } from './fixture.ts';

const variants: readonly { options: Record<string, string>; durability: Durability }[] = [
  { options: {}, durability: 'second' },
  { options: {}, durability: 'none' },
  { options: {}, durability: 'commit' },
  { options: { write: 'lww' }, durability: 'second' },
  { options: { read: 'getex' }, durability: 'second' },
];

for (const { options, durability } of variants) {
  let server: RedisFixture | undefined;
  const title = ['redis', ...Object.entries(options).map((entry) => entry.join('=')), durability].join(' ');
  describeStoreAside(title, {
    definition: redis,
    options,
    durability,
    async serviceUrl() {
      server = await startRedisFixture(durability);
      return server.url;
    },
    async stopService() {
      await server?.stop();
    },
  });
}
