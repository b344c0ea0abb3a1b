/** Guarantees of every service on every tier that starts a server; the tests of each tier call it. */

import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  DURABILITIES,
  type Durability,
  durabilityInForce,
  type ServiceDefinition,
} from '../../../stores/service.ts';
import type { Tier } from '../../config/words.ts';
import { type Guard, openGuard, type TemporaryDirectory } from '../processes/guard.ts';
import { isRunning } from '../processes/process-identity.ts';
import type { ServiceRequest, StartedService } from './service.ts';
import { startService } from './start.ts';

export interface ServiceSuite {
  definition: ServiceDefinition;
  tier: Exclude<Tier, 'url'>;
  /** Expected settings at each durability that it can provide. */
  settings: Readonly<Partial<Record<Durability, Readonly<Record<string, string>>>>>;
  /** Whether each write chooses its durability, so that the same settings provide all. */
  isByWrite?: true;
  /** Proves that the URL leads to a service that stores data. @throws when it does not. */
  use: (url: string) => Promise<void>;
}

/** Declares the suite. */
export function describeService({ definition, tier, settings, isByWrite, use }: ServiceSuite): void {
  const { name } = definition;
  describe(`${name}, tier ${tier}`, () => {
    let guard: Guard;
    let directory: TemporaryDirectory;
    beforeAll(async () => {
      guard = await openGuard();
      directory = guard.createDirectory(`suite-${name}`);
    });
    afterAll(async () => {
      directory.remove();
      await guard.close();
    });

    const start = (more: Partial<ServiceRequest> = {}): Promise<StartedService> =>
      startService(definition, {
        tier,
        durability: durabilityInForce(definition, 'second'),
        directory: directory.path,
        maxConnections: 20,
        guard,
        ...more,
      });

    it.each(definition.durabilities ?? DURABILITIES)(
      'durability %s: works, reports its settings, and leaves nothing',
      async (durability) => {
        const service = await start({ durability });
        const pids = await service.pids();
        try {
          expect(service).toMatchObject({
            name,
            tier,
            settings: settings[durability],
            durabilityMatches: true,
          });
          expect(service.version).toMatch(/^\d+\.\d+/);
          expect(service.redactedUrl).not.toContain(new URL(service.url).password);
          expect(service.networking).toBe(tier === 'docker' ? 'docker-host-network' : 'loopback-tcp');
          expect(pids.map((pid) => isRunning(pid))).toEqual([true]);
          expect(await service.settle()).toEqual([]);
          const empty = await service.dataBytes();
          await use(service.url);
          expect(await service.dataBytes()).toBeGreaterThan(empty ?? Number.NaN);
          expect(await service.settle()).toEqual([]);
        } finally {
          await service.stop();
        }
        await service.stop();
        expect(pids.map((pid) => isRunning(pid))).toEqual([false]);
        expect(readdirSync(directory.path)).toEqual([]);
      },
    );

    it('is seen by the tier url as what it is, and by its settings as of its durability alone', async () => {
      const own = await start();
      try {
        const seen = await start({ tier: 'url', url: own.url, durability: 'commit' });
        expect(seen).toMatchObject({
          tier: 'url',
          networking: 'url',
          version: own.version,
          durabilityMatches: isByWrite ?? false,
        });
        expect(seen.settings).toEqual(own.settings);
        if (tier !== 'docker') expect(await seen.pids()).toEqual(await own.pids());
        await seen.stop();
        await use(own.url);
      } finally {
        await own.stop();
      }
    });

    it('runs twice at the same time', async () => {
      const [first, second] = await Promise.all([start(), start()]);
      try {
        expect(first.url).not.toBe(second.url);
        await Promise.all([use(first.url), use(second.url)]);
      } finally {
        await Promise.all([first.stop(), second.stop()]);
      }
      expect(readdirSync(directory.path)).toEqual([]);
    });

    it('reports an unexpected end, and can still be stopped', async () => {
      const service = await start();
      const [pid] = await service.pids();
      process.kill(pid ?? Number.NaN, 'SIGKILL');
      expect(await service.died).toMatchObject({ code: 'SERVICE_DIED' });
      await service.stop();
      expect(readdirSync(directory.path)).toEqual([]);
    });

    it('a stop is not reported as an end', async () => {
      const service = await start();
      let isTold = false;
      void service.died.then(() => {
        isTold = true;
      });
      await service.stop();
      await new Promise((resolve) => setTimeout(resolve, 300));
      expect(isTold).toBe(false);
    });

    it('refuses another password with what to do, and names no password', async () => {
      const service = await start();
      try {
        const wrong = new URL(service.url);
        wrong.password = 'hunter2';
        const error = await start({ tier: 'url', url: wrong.href }).catch((thrown: unknown) => thrown);
        expect(error).toMatchObject({
          code: 'SERVICE_REFUSED',
          message: expect.stringContaining(`--${name}-url`),
        });
        const none = new URL(service.url);
        none.password = '';
        await expect(start({ tier: 'url', url: none.href })).rejects.toMatchObject({
          code: 'SERVICE_REFUSED',
        });
        expect(String(error)).not.toContain('hunter2');
        expect(String(error)).not.toContain(new URL(service.url).password);
      } finally {
        await service.stop();
      }
    });

    it('an abort of the start leaves nothing', async () => {
      const pids: number[] = [];
      const reason = new Error('Ctrl-C');
      const controller = new AbortController();
      // As soon as there is something that could be left.
      const watching: Guard = {
        ...guard,
        watchProcess(pid, stopSignal) {
          pids.push(pid);
          guard.watchProcess(pid, stopSignal);
          controller.abort(reason);
        },
        watchContainer(id, socketPath) {
          guard.watchContainer(id, socketPath);
          controller.abort(reason);
        },
      };
      const aborted = start({ signal: controller.signal, guard: watching });
      await expect(aborted).rejects.toBe(reason);
      expect(pids.some((pid) => isRunning(-pid))).toBe(false);
      expect(readdirSync(directory.path)).toEqual([]);
    });
  });
}
