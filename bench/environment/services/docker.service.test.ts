/**
 * Needs a Docker engine with (or that can pull) redis:7.0, memcached:1.6, postgres:15 and mariadb:10.11: run with
 * SESSION_BENCH_DOCKER=1. With SESSION_BENCH_MONGODB=1 also mongo:8, of which there is no stand-in.
 */

import { describe, expect, it } from 'vitest';
import { redisService } from '../../../stores/redis/service.ts';
import { openGuard } from '../processes/guard.ts';
import { isRunning } from '../processes/process-identity.ts';
import { engineSocket, isDockerAvailable, startContainer } from './container.ts';
import { findTier } from './find.ts';
import { MARIADB_SUITE } from './mariadb-suite.ts';
import { MEMCACHED_SUITE } from './memcached-suite.ts';
import { MONGODB_SUITE } from './mongodb-suite.ts';
import { POSTGRES_SUITE } from './postgres-suite.ts';
import { REDIS_SUITE } from './redis-suite.ts';
import { describeService } from './service-suite.ts';

describeService({ ...REDIS_SUITE, tier: 'docker' });
describeService({ ...MEMCACHED_SUITE, tier: 'docker' });
describeService({ ...POSTGRES_SUITE, tier: 'docker' });
describeService({ ...MARIADB_SUITE, tier: 'docker' });
if (process.env['SESSION_BENCH_MONGODB'] === '1') describeService({ ...MONGODB_SUITE, tier: 'docker' });

describe('the Docker engine', () => {
  it('is available, and is offered', async () => {
    expect(await isDockerAvailable()).toBe(true);
    expect(await findTier(redisService, 'docker', undefined)).toMatchObject({
      tier: 'docker',
      detail: 'redis:7.0',
      start: expect.any(Function),
    });
  });
});

describe('startContainer', () => {
  const base = { name: 'example', timeoutMs: 5_000, check: async () => false };

  it('an unknown image: SERVICE_MISSING with a remedy', async () => {
    const guard = await openGuard();
    const image = 'session-bench-no-such-image:1';
    await expect(startContainer({ ...base, image, command: [], guard })).rejects.toMatchObject({
      code: 'SERVICE_MISSING',
      message: expect.stringContaining(`docker pull ${image}`),
    });
    await guard.close();
  });

  it('a container that ends at once: SERVICE_DIED with its last words, and it is removed', async () => {
    const guard = await openGuard();
    let id = '';
    const watchContainer = (container: string, socketPath: string): void => {
      id = container;
      guard.watchContainer(container, socketPath);
    };
    const command = ['sh', '-c', 'echo no such file: app.conf; exit 7'];
    const ending = startContainer({
      ...base,
      image: 'redis:7.0',
      command,
      guard: { ...guard, watchContainer },
    });
    await expect(ending).rejects.toMatchObject({
      code: 'SERVICE_DIED',
      message: expect.stringMatching(/exit code 7 .*no such file: app\.conf/),
    });
    expect(await containerExists(id)).toBe(false);
    await guard.close();
  });

  it('a command that cannot be started: SERVICE_DIED, and the container is removed', async () => {
    const guard = await openGuard();
    let id = '';
    const watchContainer = (container: string, socketPath: string): void => {
      id = container;
      guard.watchContainer(container, socketPath);
    };
    const command = ['/nowhere/server'];
    const failing = startContainer({
      ...base,
      image: 'redis:7.0',
      command,
      guard: { ...guard, watchContainer },
    });
    await expect(failing).rejects.toMatchObject({ code: 'SERVICE_DIED' });
    expect(await containerExists(id)).toBe(false);
    await guard.close();
  });

  it('when the harness ends, the guard removes the container', async () => {
    const guard = await openGuard();
    const container = await startContainer({
      ...base,
      image: 'redis:7.0',
      command: ['sleep', '60'],
      guard,
      check: async () => true,
    });
    const [pid] = await container.pids();
    expect(isRunning(pid ?? 0)).toBe(true);
    await guard.close();
    expect(await container.died).toMatch(/container/);
    expect(await containerExists(container.id)).toBe(false);
    expect(isRunning(pid ?? 0)).toBe(false);
  });
});

async function containerExists(id: string): Promise<boolean> {
  expect(id).not.toBe('');
  expect(engineSocket()).toBeDefined();
  const { getContainerRuntimeClient } = await import('testcontainers');
  const { container } = await getContainerRuntimeClient();
  const all = await container.dockerode.listContainers({ all: true });
  return all.some(({ Id }) => Id === id);
}
