import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { memcachedArguments } from '../../../stores/memcached/server.ts';
import { memcachedService } from '../../../stores/memcached/service.ts';
import { type Guard, openGuard, type TemporaryDirectory } from '../processes/guard.ts';
import { MEMCACHED_SUITE } from './memcached-suite.ts';
import type { StartedService } from './service.ts';
import { describeService } from './service-suite.ts';
import { startService } from './start.ts';
import { describeUnreachable } from './unreachable-suite.ts';

describeService({ ...MEMCACHED_SUITE, tier: 'local' });

describe('memcachedArguments', () => {
  it('are never an eviction, and no listener but one on the loopback', () => {
    const text = memcachedArguments(1, 700).join(' ');
    expect(text).toContain('-M -o no_slab_reassign');
    expect(text).toContain('-l 127.0.0.1 -p 1 -U 0 -c 1400');
  });
});

describe('an external Memcached', () => {
  let guard: Guard;
  let directory: TemporaryDirectory;
  let own: StartedService;
  const request = (maxConnections = 10) =>
    ({ durability: 'none', directory: directory.path, maxConnections, guard }) as const;
  const use = (url: string, maxConnections?: number): Promise<StartedService> =>
    startService(memcachedService, { ...request(maxConnections), tier: 'url', url });

  beforeAll(async () => {
    guard = await openGuard();
    directory = guard.createDirectory('memcached-url');
    own = await startService(memcachedService, { ...request(), tier: 'local' });
  });
  afterAll(async () => {
    await own.stop();
    directory.remove();
    await guard.close();
  });

  describeUnreachable(use, (port) => `memcached://127.0.0.1:${port}`);

  it('fewer connections than the run needs: SERVICE_REFUSED with the argument', async () => {
    await expect(use(own.url, 1025)).rejects.toMatchObject({
      code: 'SERVICE_REFUSED',
      message: expect.stringMatching(/1025 connections.*maxconns 1024\. Start it with -c 1025/),
    });
  });

  it('what is purged is gone, and what others have stays', async () => {
    const { withMemcached } = await import('../../../stores/memcached/client.ts');
    const { add, get } = await import('../../../stores/memcached/commands.ts');
    await withMemcached(own.url, async (link) => {
      for (let at = 0; at < 1200; at += 1) await add(link, `sb_one:s:${at}`, 'x', 60_000);
      await add(link, 'sb_onelike:s:1', 'x', 60_000);
      await add(link, 'other', 'x', 60_000);
      await own.purge('sb_one');
      expect(await get(link, 'sb_one:s:0')).toBeUndefined();
      expect(await get(link, 'sb_one:s:1199')).toBeUndefined();
      expect([await get(link, 'sb_onelike:s:1'), await get(link, 'other')]).toEqual(['x', 'x']);
      expect((await own.dump()).split('\n').sort()).toEqual(['other\tx', 'sb_onelike:s:1\tx']);
    });
  });
});
