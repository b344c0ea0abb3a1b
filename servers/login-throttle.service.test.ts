import { hash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { memory } from '../stores/memory/backend.ts';
import { redis } from '../stores/redis/backend.ts';
import { type RedisFixture, startRedisFixture } from '../stores/redis/fixture.ts';
import { type FailedLogins, StoreUnavailableError } from '../stores/store.ts';
import { closeServers, gate, serve } from './app-fixture.ts';
import { ADMIN_USER } from './protocol.ts';

afterAll(closeServers);

const LIMITED = { failedLoginLimit: 3, failedLoginWindowSeconds: 120, loginCap: 0 };
const TIMES = [1, 2, 3];
type Reply = Awaited<ReturnType<Awaited<ReturnType<typeof serve>>['login']>>;

describe('a limit on failed logins', () => {
  test('refuses right and wrong alike, and says for how long at most', async () => {
    const { login } = await serve(memory, { config: LIMITED });
    for (const _ of TIMES) expect((await login('thr1', 'wrong')).status).toBe(401);
    const [wrong, right] = [await login('thr1', 'wrong'), await login('thr1')];
    expect([wrong.status, right.status]).toEqual([429, 429]);
    expect(right.body).toEqual({ error: 'too_many_failures' });
    expect(right.body).toEqual(wrong.body);
    expect([right.headers.get('retry-after'), right.cookies]).toEqual(['120', []]);
  });

  test('is one account’s own, the administrator’s too', async () => {
    const { login } = await serve(memory, { config: LIMITED });
    for (const _ of TIMES) await login('thr2', 'wrong');
    expect((await login('thr3')).status).toBe(200);
    for (const _ of TIMES) await login(ADMIN_USER, 'right');
    expect((await login(ADMIN_USER, 'root')).status).toBe(429);
  });

  test('resets with a correct password', async () => {
    const { login } = await serve(memory, { config: LIMITED });
    for (const _ of [1, 2]) {
      for (const _ of [1, 2]) expect((await login('thr4', 'wrong')).status).toBe(401);
      expect((await login('thr4')).status).toBe(200);
    }
  });

  test('counts failures alone: fifty right logins at once all pass', async () => {
    const { login } = await serve(memory, { config: LIMITED });
    const replies = await Promise.all(Array.from({ length: 50 }, () => login('thr5')));
    expect(replies.map(({ status }) => status)).toEqual(Array(50).fill(200));
  });

  test('counts a wrong password at its change as well', async () => {
    const accountsDirectory = '/nowhere/that/is';
    const { login, call } = await serve(memory, { config: { ...LIMITED, accountsDirectory } });
    const { token } = await login('thr6');
    const change = () => call('POST', '/password', token, { current: 'wrong', next: 'long enough' });
    for (const _ of TIMES) expect((await change()).status).toBe(401);
    expect((await change()).status).toBe(429);
    expect((await login('thr6')).status).toBe(429);
  });
});

describe('many attempts at once', () => {
  const LIMIT = 5;
  const config = { ...LIMITED, failedLoginLimit: LIMIT };
  let service: RedisFixture;
  beforeAll(async () => {
    service = await startRedisFixture('none');
  });
  afterAll(async () => {
    await closeServers();
    await service.stop();
  });
  const serveRedis = () => serve(redis, { config, open: { serviceUrl: service.url } });
  type Server = Awaited<ReturnType<typeof serveRedis>>;

  /** Guesses at each of these servers in turn, the right password among them; the statuses of the replies. */
  async function guessInBurst(servers: readonly Server[], user: string): Promise<number[]> {
    // Connections are open, and what is compiled is compiled.
    await Promise.all(servers.flatMap(({ login }) => Array.from({ length: 100 }, () => login('thr10'))));
    const guesses = Array.from({ length: 150 }, (_, index) => (index === 60 ? 'right' : `guess ${index}`));
    const replies = guesses.map((guess, index) => servers[index % servers.length]?.login(user, guess));
    return (await Promise.all(replies)).map((reply) => reply?.status ?? 0);
  }

  test('are judged up to the limit, and the right guess beyond it is not', async () => {
    const server = await serveRedis();
    const statuses = await guessInBurst([server], 'thr11');
    expect(statuses.filter((status) => status !== 429)).toEqual(Array(LIMIT).fill(401));
  });

  test('at several servers pass the limit by one for each further server', async () => {
    const servers = [await serveRedis(), await serveRedis()];
    const statuses = await guessInBurst(servers, 'thr12');
    const judged = statuses.filter((status) => status !== 429);
    expect(judged.length).toBeGreaterThanOrEqual(LIMIT);
    expect(judged.length).toBeLessThanOrEqual(LIMIT + 1);
    expect(new Set(judged)).toEqual(new Set([401]));
  });

  test('that are right all pass', async () => {
    const { login } = await serveRedis();
    const replies = await Promise.all(Array.from({ length: 50 }, () => login('thr13')));
    expect(replies.map(({ status }) => status)).toEqual(Array(50).fill(200));
  });
});

describe('the line of one account', () => {
  const OPEN: FailedLogins = {
    isOver: () => Promise.resolve(false),
    add: () => Promise.resolve(),
    clear: () => Promise.resolve(),
  };
  /** A server that checks the first attempt at an account with the given function, and accepts all others. */
  async function serveHeld(user: string, firstAnswer: Promise<boolean>) {
    const asked: string[] = [];
    const isOver = (of: string) => {
      asked.push(of);
      return of === user && asked.length === 1 ? firstAnswer : Promise.resolve(false);
    };
    const store = { failedLogins: () => ({ ...OPEN, isOver }) };
    return { ...(await serve(memory, { config: LIMITED, store })), asked };
  }
  /** The statuses of this many concurrent logins, and the first reply of 429; `onFull` is called when there is one. */
  async function crowd(count: number, login: () => Promise<Reply>, onFull: () => void) {
    const replies = Array.from({ length: count }, async () => {
      const reply = await login();
      if (reply.status === 429) onFull();
      return reply;
    });
    const all = await Promise.all(replies);
    return { of: (status: number) => all.filter((reply) => reply.status === status) };
  }

  test('is bounded: attempts beyond it are refused at once, and no others', async () => {
    const first = gate<boolean>();
    const { login } = await serveHeld('thr14', first.passed);
    const replies = await crowd(
      102,
      () => login('thr14'),
      () => first.open(false),
    );
    expect(replies.of(200)).toHaveLength(101);
    const [refused] = replies.of(429);
    expect([refused?.body, refused?.headers.get('retry-after')]).toEqual([
      { error: 'too_many_failures' },
      '120',
    ]);
    expect((await login('thr14')).status).toBe(200);
  });

  test('is not that of another', async () => {
    const first = gate<boolean>();
    const { login, asked } = await serveHeld('thr15', first.passed);
    const waiting = login('thr15');
    while (asked.length === 0) await new Promise(setImmediate);
    expect((await login('thr16')).status).toBe(200);
    first.open(false);
    expect((await waiting).status).toBe(200);
  });

  test('ends with an outage for all that wait, and starts again', async () => {
    const first = gate<boolean>();
    const { login, asked } = await serveHeld('thr17', first.passed);
    const replies = await crowd(
      102,
      () => login('thr17'),
      () => first.fail(new StoreUnavailableError('isOver', new Error('down'))),
    );
    expect([asked.length, replies.of(503).length]).toEqual([1, 101]);
    expect((await login('thr17')).status).toBe(200);
  });
});

test('a throttled password is not checked', async () => {
  const accountsDirectory = mkdtempSync(join(tmpdir(), 'throttle-'));
  try {
    const { login } = await serve(memory, { config: { ...LIMITED, accountsDirectory } });
    for (const _ of TIMES) expect((await login('thr19', 'wrong')).status).toBe(401);
    const home = join(accountsDirectory, hash('sha256', 'thr19', 'hex'));
    mkdirSync(home);
    writeFileSync(join(home, '1.json'), 'no password that can be checked');
    expect((await login('thr19')).status).toBe(429);
  } finally {
    rmSync(accountsDirectory, { recursive: true });
  }
});

describe('no limit', () => {
  test('is the default, and the store is not even asked for one', async () => {
    const failedLogins = () => {
      throw new Error('asked');
    };
    const { login } = await serve(memory, { store: { failedLogins } });
    for (const _ of [...TIMES, ...TIMES]) expect((await login('thr7', 'wrong')).status).toBe(401);
    expect((await login('thr7')).status).toBe(200);
  });

  test('is what a backend has that cannot count', async () => {
    const { login } = await serve(memory, { config: LIMITED, store: { failedLogins: undefined } });
    for (const _ of [...TIMES, ...TIMES]) expect((await login('thr8', 'wrong')).status).toBe(401);
    expect((await login('thr8')).status).toBe(200);
  });
});

test.each(['isOver', 'add', 'clear'] as const)('when %s fails no login succeeds', async (method) => {
  const failing: FailedLogins = {
    isOver: () => Promise.resolve(false),
    add: () => Promise.resolve(),
    clear: () => Promise.resolve(),
    [method]: () => Promise.reject(new StoreUnavailableError(method, new Error('down'))),
  };
  const { login } = await serve(memory, { config: LIMITED, store: { failedLogins: () => failing } });
  const reply = await login('thr9', method === 'add' ? 'wrong' : 'right');
  expect([reply.status, reply.body, reply.cookies]).toEqual([503, { error: 'store_unavailable' }, []]);
});
