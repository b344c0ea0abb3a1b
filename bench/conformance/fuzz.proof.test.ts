import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ORIGIN, SERVER_HEADER, SESSION_COOKIE } from '../../servers/protocol.ts';
import { printSeed } from '../../stores/suite/seed.ts';
import { descendants } from '../tests/cli-fixture.ts';
import { expectStatus, fieldOf, type Login, logIn } from './acts.ts';
import { anyBody, anyContentType } from './fixtures/fuzz-bodies.ts';
import {
  anyCookies,
  anyHeaderLines,
  anyMutation,
  anyText,
  closed,
  mutated,
  request,
} from './fixtures/fuzz-requests.ts';
import { openTestRig, subjectOfChoice } from './fixtures/sites.ts';
import { openSite, type Site } from './site.ts';

/** Random requests through each balancer: no server error, no unauthorized access, no other user's data or logout. */

const RUNS = 60;
const BALANCERS = ['haproxy', 'nginx', 'node'] as const;
const STORES = ['redis', 'jwt'] as const;
const SILENCE_MS = 150;

/** Not 501 and 505, which are correct replies to unsupported requests. */
const OUR_FAULT = [500, 502, 503, 504];

/** Writes that need a session, and take a body or none. */
const WRITES = [
  ['PATCH', '/session'],
  ['POST', '/password'],
  ['POST', '/admin/users/admin000/revoke'],
  ['POST', '/admin/users/admin000/disable'],
  ['POST', '/token/refresh'],
  ['DELETE', '/sessions/nobody'],
] as const;

const seed = printSeed('fuzzer');

interface Stage {
  site: Site;
  /** Logged in before the fuzzer starts; no request may take over their session or see their data. */
  victim: Login;
  canary: string;
  attacker: Login;
  /** Processes of the site: servers, balancer, store. */
  pids: number[];
}

describe.each(BALANCERS.flatMap((balancer) => STORES.map((store) => [balancer, store] as const)))(
  'through %s to %s',
  (balancer, store) => {
    let rig: Awaited<ReturnType<typeof openTestRig>> | undefined;
    let site: Site | undefined;
    let stage: Stage;

    beforeAll(async () => {
      rig = await openTestRig(balancer);
      const subject = subjectOfChoice({ store, balancer });
      site = await openSite({ subject, rig: rig.rig, seed, tries: 1 });
      const victim = await logIn(site);
      const canary = `canary-${randomBytes(12).toString('hex')}`;
      expectStatus(await victim.browser.perform('update', { data: canary }), 200, 'an update');
      const token = victim.browser.token() ?? victim.token;
      const attacker = await logIn(site);
      stage = { site, victim: { ...victim, token }, canary, attacker, pids: descendants(process.pid) };
    });
    afterAll(async () => {
      await site?.close();
      await rig?.close();
    });

    /** Sends, and holds what came back against what must never come. */
    async function send(bytes: string): Promise<number[]> {
      const text = await stage.site.raw(bytes, { silenceMs: SILENCE_MS });
      const statuses = statusesOf(text);
      expect(statuses.filter((status) => OUR_FAULT.includes(status))).toEqual([]);
      // Compared first: a failed assertion would print them.
      const leaks = [stage.canary, stage.victim.token].filter((secret) => text.includes(secret));
      expect(leaks.length).toBe(0);
      return statuses;
    }

    const check = <T>(made: fc.Arbitrary<T>, property: (value: T) => Promise<void>) =>
      fc.assert(fc.asyncProperty(made, property), { seed, numRuns: RUNS });

    test('cookies let nobody in', async () => {
      await check(anyCookies, async (cookies) => {
        const statuses = await send(closed(request('GET', '/session', [`Cookie: ${cookies}`])));
        expect(statuses.filter(isSuccess)).toEqual([]);
      });
      await expectIntact(stage);
    });

    test('what is not quite a token lets nobody in', async () => {
      const { token } = stage.victim;
      await check(fc.tuple(anyMutation, fc.constantFrom('GET', 'PATCH')), async ([mutation, method]) => {
        const text = mutated(token, mutation);
        fc.pre(!text.includes(token));
        const lines = [`Cookie: ${SESSION_COOKIE}=${text}`, `Origin: ${ORIGIN}`];
        const body = method === 'PATCH' ? '{"data":"overwritten"}' : '';
        const withType = body === '' ? lines : [...lines, 'Content-Type: application/json'];
        const statuses = await send(closed(request(method, '/session', withType, body)));
        expect(statuses.filter(isSuccess)).toEqual([]);
      });
      await expectIntact(stage);
    });

    test('headers let nobody in', async () => {
      await check(anyHeaderLines, async (lines) => {
        const statuses = await send(closed(request('GET', '/session', lines)));
        expect(statuses.filter(isSuccess)).toEqual([]);
      });
      await expectIntact(stage);
    });

    test('bodies log nobody in', async () => {
      await check(fc.tuple(anyBody, anyContentType), async ([body, type]) => {
        const statuses = await send(request('POST', '/login', [`Content-Type: ${type}`], body));
        expect(statuses.filter(isSuccess)).toEqual([]);
      });
      await expectIntact(stage);
    });

    test('bodies of one who is logged in reach nobody else', async () => {
      const own = [`Cookie: ${SESSION_COOKIE}=${stage.attacker.token}`, `Origin: ${ORIGIN}`];
      const made = fc.tuple(fc.constantFrom(...WRITES), anyBody, anyContentType);
      await check(made, async ([[method, path], body, type]) => {
        const statuses = await send(request(method, path, [...own, `Content-Type: ${type}`], body));
        expect(path === '/session' ? [] : statuses.filter(isSuccess)).toEqual([]);
      });
      await expectIntact(stage);
    });

    test('names in the path reach nobody else', async () => {
      const own = [`Cookie: ${SESSION_COOKIE}=${stage.attacker.token}`, `Origin: ${ORIGIN}`];
      const place = fc.constantFrom('/sessions/', '/admin/users/', '/session/', '/');
      await check(fc.tuple(place, anyText(60)), async ([prefix, name]) => {
        fc.pre(!/[ \r\n]/.test(name));
        await send(closed(request('GET', `${prefix}${name}`, own)));
      });
      await expectIntact(stage);
    });
  },
);

/** The same processes as before, all servers reply, and the victim's session and data are unchanged. */
async function expectIntact({ site, victim, canary, pids }: Stage): Promise<void> {
  const now = new Set(descendants(process.pid));
  expect(pids.filter((pid) => !now.has(pid))).toEqual([]);
  for (let server = 0; server < site.servers; server += 1) {
    const browser = site.browserOf(server);
    const reply = await browser.send('GET', '/healthz');
    expect([reply.status, reply.headers[SERVER_HEADER]]).toEqual([200, `s${server + 1}`]);
    const read = await browser.holding(victim.token).perform('read');
    expect([read.status, fieldOf(read, 'user')]).toEqual([200, victim.user]);
    expect(fieldOf(read, 'data') === canary).toBe(true);
  }
}

/** The statuses of all replies on a connection. */
function statusesOf(text: string): number[] {
  return [...text.matchAll(/(?:^|\n|[}\0])HTTP\/1\.[01] (\d{3}) /g)].map((match) => Number(match[1]));
}

function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}
