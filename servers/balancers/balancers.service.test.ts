/** The same behaviour from HAProxy, nginx and the built-in: real processes before three real servers. */

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../../stores/free-port.ts';
import { AFFINITY_COOKIE, BODY_LIMIT_BYTES, SERVER_HEADER } from '../protocol.ts';
import type { Affinity, Balancer } from './balancer.ts';
import { type Started, startLaunch, startUpstream } from './fixtures/processes.ts';
import { haproxy } from './haproxy.ts';
import { nginx } from './nginx.ts';
import { node } from './node.ts';

interface Answer {
  status: number;
  servedBy: string;
  /** `name=value` of the balancer's cookie, when it handed one out. */
  affinity: string | undefined;
  cookies: string[];
  text: string;
}

// Side by side, for each waits until a death is noticed.
describe.concurrent.each([haproxy, nginx, node])('$name', (balancer) => {
  describe.sequential('before three servers', () => {
    const directory = mkdtempSync(join(tmpdir(), `balancer-${balancer.name}-`));
    const upstreams: Awaited<ReturnType<typeof startUpstream>>[] = [];
    const started: Started[] = [];
    const urls = new Map<Affinity, string>();

    beforeAll(async () => {
      upstreams.push(...(await Promise.all(['s1', 's2', 's3'].map((id) => startUpstream(id)))));
      started.push(...upstreams);
      for (const affinity of ['round-robin', 'sticky'] as const) {
        const { process, url } = await start(balancer, affinity, upstreams, join(directory, affinity));
        started.push(process);
        urls.set(affinity, url);
      }
    });

    afterAll(async () => {
      await Promise.all(started.map((process) => process.stop()));
      rmSync(directory, { recursive: true });
    });

    const ask = (affinity: Affinity, path = '/', init: RequestInit = {}): Promise<Answer> =>
      request(`${urls.get(affinity)}${path}`, init);
    const askAs = (cookie: string): Promise<Answer> => ask('sticky', '/', { headers: { cookie } });

    it('has a version', async () => {
      expect(await balancer.version(balancer.find() ?? '')).toMatch(/^\d+\.\d+/);
    });

    it('spreads requests evenly over the servers', async () => {
      const counts = new Map<string, number>();
      for (let n = 0; n < 30; n++) {
        const { servedBy, status } = await ask('round-robin');
        expect(status).toBe(200);
        counts.set(servedBy, (counts.get(servedBy) ?? 0) + 1);
      }
      expect(Object.fromEntries(counts)).toEqual({ s1: 10, s2: 10, s3: 10 });
    });

    it('hands out no cookie unless it is sticky', async () => {
      expect((await ask('round-robin')).affinity).toBeUndefined();
    });

    it('pins each user by a cookie handed out once', async () => {
      const servers = new Set<string>();
      for (let user = 0; user < 24; user++) {
        const first = await ask('sticky');
        expect(first.affinity).toMatch(new RegExp(`^${AFFINITY_COOKIE}=\\w+$`));
        servers.add(first.servedBy);
        for (let n = 0; n < 5; n++) {
          const again = await askAs(`a=b; ${first.affinity}; c=d`);
          expect(again).toMatchObject({ status: 200, servedBy: first.servedBy, affinity: undefined });
        }
      }
      expect([...servers].sort()).toEqual(['s1', 's2', 's3']);
    });

    it('passes a Set-Cookie of 6 KB', async () => {
      const { status, cookies } = await ask('sticky', '/?cookie-bytes=6144');
      expect(status).toBe(200);
      expect(cookies.find((cookie) => cookie.startsWith('big='))?.split(';')[0]).toHaveLength(6144);
    });

    it('passes a request cookie of 12 KB', async () => {
      const cookie = `big=${'c'.repeat(12_000)}`;
      const { status, text } = await ask('round-robin', '/headers', { headers: { cookie } });
      expect(status).toBe(200);
      expect((JSON.parse(text) as { cookie: string }).cookie).toBe(cookie);
    });

    it('passes the longest body that the servers take there and back', async () => {
      const body = 'x'.repeat(BODY_LIMIT_BYTES);
      const { status, text } = await ask('round-robin', '/', { method: 'POST', body });
      expect(status).toBe(200);
      expect(text.length).toBe(body.length);
    });

    it('moves the users of a killed server, at once and for good', async () => {
      const users: Answer[] = [];
      for (let n = 0; n < 30; n++) users.push(await ask('sticky'));
      const dead = upstreams[1] as (typeof upstreams)[number];
      const orphans = users.filter(({ servedBy }) => servedBy === 's2');
      expect(orphans.length).toBeGreaterThan(0);
      process.kill(dead.pid, 'SIGKILL');
      await sleep(2_000);
      for (let round = 0; round < 5; round++) {
        for (const user of users) {
          const answer = await askAs(user.affinity ?? '');
          expect(answer.status).toBe(200);
          expect(answer.servedBy).not.toBe('s2');
          // A user of a server that lives is not moved by another's death.
          if (user.servedBy !== 's2') expect(answer.servedBy).toBe(user.servedBy);
        }
      }
    });

    it('uses the server again once it is back', async ({ expect }) => {
      const [, dead] = upstreams;
      started.push(await startUpstream('s2', dead?.port));
      await expect.poll(async () => (await ask('round-robin')).servedBy, { timeout: 15_000 }).toBe('s2');
    });
  });
});

async function start(
  balancer: Balancer,
  affinity: Affinity,
  upstreams: Awaited<ReturnType<typeof startUpstream>>[],
  directory: string,
): Promise<{ process: Started; url: string }> {
  const binary = balancer.find();
  if (binary === undefined)
    throw new Error(`expected ${balancer.name} on this machine; run: sh scripts/setup.sh`);
  mkdirSync(directory);
  const port = await freePort('127.0.0.1');
  const plan = {
    host: '127.0.0.1',
    port,
    upstreams: upstreams.map(({ upstream }) => upstream),
    affinity,
    directory,
  };
  const process = await startLaunch(balancer.launch(binary, plan), port);
  return { process, url: `http://127.0.0.1:${port}` };
}

async function request(url: string, init: RequestInit): Promise<Answer> {
  const response = await fetch(url, init);
  const cookies = response.headers.getSetCookie();
  return {
    status: response.status,
    servedBy: response.headers.get(SERVER_HEADER) ?? '',
    affinity: cookies
      .map((cookie) => cookie.split(';')[0])
      .find((pair) => pair?.startsWith(`${AFFINITY_COOKIE}=`)),
    cookies,
    text: await response.text(),
  };
}
