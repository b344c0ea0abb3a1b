import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { newSid } from '../jwt/sid.ts';
import { type RedisFixture, startRedisFixture } from '../redis/fixture.ts';
import { StoreUnavailableError } from '../store.ts';
import { contextFor } from '../suite/context.ts';
import { jwtBlacklist } from './backend.ts';
import { type DenyList, type DenyListSubject, LEASE_MS } from './deny-list.ts';
import { LeaseExpiredError, openPushedDenyList } from './deny-list-pushed.ts';
import { PUSHED_FAULTS, type PushedFault } from './fixtures/pushed-faults.ts';
import { startPushedProcess } from './fixtures/pushed-process.ts';
import { startRelay } from './fixtures/relay.ts';

/** The copies of the deny list in several servers: what they miss, and that they refuse when they may have missed it. */

const NAMESPACE = 'push';
const LIFE_MS = 3_600_000;
const RECOVERY_MS = 5_000;
const IS_DENIED = 'denied';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function startRedis(durability: 'none' | 'commit' = 'none'): Promise<RedisFixture> {
  const redis = await startRedisFixture(durability);
  cleanups.push(redis.stop);
  return redis;
}

async function openList(serviceUrl: string, fault: PushedFault = 'none'): Promise<DenyList> {
  const context = contextFor(jwtBlacklist, {
    serviceUrl,
    namespace: NAMESPACE,
    options: { check: 'pushed' },
    onBackgroundError: () => undefined,
  });
  const list = await openPushedDenyList(context, PUSHED_FAULTS[fault](serviceUrl, NAMESPACE));
  cleanups.push(list.close);
  return list;
}

async function openProcess(serviceUrl: string, fault: PushedFault = 'none') {
  const process = await startPushedProcess({ serviceUrl, namespace: NAMESPACE, fault });
  cleanups.push(process.kill);
  return process;
}

const logins = (count: number): DenyListSubject[] =>
  Array.from({ length: count }, () => ({ sid: newSid(), absoluteExpiryMs: Date.now() + LIFE_MS }));

/** What a read gets: whether the login is denied, or the name of what it fails with. */
function seen(list: DenyList, { sid }: DenyListSubject): string {
  try {
    return list.isDenied(sid) === true ? IS_DENIED : 'live';
  } catch (error) {
    expect(error).toBeInstanceOf(StoreUnavailableError);
    return ((error as Error).cause as Error).name;
  }
}

const accepted = (list: DenyList, of: readonly DenyListSubject[]) =>
  of.filter((login) => seen(list, login) === 'live').length;

/** Waits until each of them is denied; what is still accepted when the bound has passed. */
async function acceptedInTime(list: DenyList, of: readonly DenyListSubject[]): Promise<number> {
  const limitMs = performance.now() + LEASE_MS;
  while (of.some((login) => seen(list, login) !== IS_DENIED) && performance.now() < limitMs) await sleep(2);
  return accepted(list, of);
}

describe.concurrent('a server without news', () => {
  /** Logs out through another server while this one hears nothing. What it still accepts after the bound, and then. */
  async function partition(fault: PushedFault) {
    const redis = await startRedisFixture('none');
    const relay = await startRelay(redis.url);
    const open = async (url: string, how: PushedFault = 'none') =>
      openPushedDenyList(
        contextFor(jwtBlacklist, {
          serviceUrl: url,
          namespace: NAMESPACE,
          onBackgroundError: () => undefined,
        }),
        PUSHED_FAULTS[how](url, NAMESPACE),
      );
    const [near, far] = [await open(redis.url), await open(relay.url, fault)];
    const [ended, live] = [logins(20), logins(20)];
    relay.silence();
    for (const login of ended) await near.deny(login);
    const repliedMs = performance.now();
    const before = seen(far, live[0] as DenyListSubject);
    await sleep(LEASE_MS - (performance.now() - repliedMs));
    const after = { accepted: accepted(far, ended), live: seen(far, live[0] as DenyListSubject) };
    relay.resume();
    const limitMs = performance.now() + RECOVERY_MS;
    while (seen(far, ended[0] as DenyListSubject) !== IS_DENIED && performance.now() < limitMs)
      await sleep(5);
    const back = { accepted: accepted(far, ended), live: seen(far, live[0] as DenyListSubject) };
    await Promise.all([near.close(), far.close()]);
    await relay.close();
    await redis.stop();
    return { before, after, back };
  }

  test('serves for the length of its lease, then refuses everybody, and recovers by itself', async ({
    expect,
  }) => {
    expect(await partition('none')).toEqual({
      before: 'live',
      after: { accepted: 0, live: LeaseExpiredError.name },
      back: { accepted: 0, live: 'live' },
    });
  });

  test('planted: a set that ignores its lease is found out', async ({ expect }) => {
    expect((await partition('ignores-lease')).after.accepted).toBe(20);
  });
});

describe('frozen by SIGSTOP', () => {
  test('Redis: every server refuses once the lease is over, and serves again when it goes on', async () => {
    const redis = await startRedis();
    const [list, other] = [await openList(redis.url), await openList(redis.url)];
    const [ended, live] = [logins(1)[0], logins(1)[0]] as [DenyListSubject, DenyListSubject];
    await list.deny(ended);
    redis.pause();
    await sleep(LEASE_MS + 50);
    for (const one of [list, other])
      expect([seen(one, ended), seen(one, live)]).toEqual([LeaseExpiredError.name, LeaseExpiredError.name]);
    redis.resume();
    for (const one of [list, other])
      await expect.poll(() => seen(one, live), { timeout: RECOVERY_MS }).toBe('live');
    await list.deny(live);
    expect(await acceptedInTime(other, [ended, live])).toBe(0);
  });

  test('a server: what it missed is never accepted when it goes on, though the stream was trimmed', async () => {
    const redis = await startRedis();
    const list = await openList(redis.url);
    const server = await openProcess(redis.url);
    const ask = async (of: readonly DenyListSubject[]) => {
      server.send({ ask: of.map(({ sid }) => sid) });
      return ((await server.reply()) as { answers: (boolean | string)[] }).answers;
    };
    const [ended, live] = [logins(50), logins(1)];
    expect(await ask([...ended, ...live])).not.toContain(true);
    server.pause();
    for (const login of ended) await list.deny(login);
    await redis.command('XTRIM', `${NAMESPACE}:denials`, 'MAXLEN', 0);
    await sleep(LEASE_MS + 50);
    // Asked before it has heard anything: the question already waits when it goes on.
    server.send({ ask: ended.map(({ sid }) => sid) });
    server.resume();
    const { answers } = (await server.reply()) as { answers: (boolean | string)[] };
    expect(answers).not.toContain(false);
    await expect.poll(() => ask(live), { timeout: RECOVERY_MS }).toEqual([false]);
    expect(await ask(ended)).toEqual(ended.map(() => true));
  });
});

describe('the stream', () => {
  test.each([
    ['trimmed', ['XTRIM', `${NAMESPACE}:denials`, 'MAXLEN', 0]],
    ['recreated', ['DEL', `${NAMESPACE}:denials`]],
  ] as const)('%s while a server was away: the snapshot is loaded again', async (_, command) => {
    const redis = await startRedis();
    const relay = await startRelay(redis.url);
    cleanups.push(relay.close);
    const [list, other] = [await openList(redis.url), await openList(relay.url)];
    for (const andMore of [0, 1]) {
      const ended = logins(20);
      relay.silence();
      for (const login of ended) await list.deny(login);
      await redis.command(command[0], ...command.slice(1));
      const more = logins(andMore);
      for (const login of more) await list.deny(login);
      relay.resume();
      const gone = [...ended, ...more];
      const isComplete = () => gone.every((login) => seen(other, login) === IS_DENIED);
      await expect.poll(isComplete, { timeout: RECOVERY_MS }).toBe(true);
      // It serves again, and goes on from there.
      const [next] = logins(1) as [DenyListSubject];
      expect(seen(other, next)).toBe('live');
      await list.deny(next);
      await expect.poll(() => seen(other, next), { timeout: LEASE_MS }).toBe(IS_DENIED);
    }
  });

  test('is trimmed of what no token can outlive, and the snapshot with it', async () => {
    const redis = await startRedis();
    let clockMs = Date.now();
    const context = contextFor(jwtBlacklist, {
      serviceUrl: redis.url,
      namespace: NAMESPACE,
      absoluteSeconds: 1,
      now: () => clockMs,
    });
    const list = await openPushedDenyList(context);
    cleanups.push(list.close);
    // Ids in the past, as of a stream that is older than the longest life and its tolerance. Whole nodes are trimmed.
    for (let index = 0; index < 300; index += 1)
      await redis.command('XADD', `${NAMESPACE}:old`, `1000-${index + 1}`, 'n', 0, 's', 'x', 'u', 0);
    await redis.command('RENAME', `${NAMESPACE}:old`, `${NAMESPACE}:denials`);
    const absoluteExpiryMs = clockMs + 1_000;
    for (const { sid } of logins(5)) await list.deny({ sid, absoluteExpiryMs });
    expect(Number(await redis.command('XLEN', `${NAMESPACE}:denials`))).toBeLessThan(110);
    expect(await redis.command('ZCARD', `${NAMESPACE}:denied`)).toBe(5);
    clockMs += 62_000;
    await list.deny({ sid: newSid(), absoluteExpiryMs: clockMs + 1_000 });
    expect(await redis.command('ZCARD', `${NAMESPACE}:denied`)).toBe(1);
  });

  test('a restart of Redis: what was ended before and after it is refused on every server', async () => {
    const redis = await startRedis('commit');
    const [list, other] = [await openList(redis.url), await openList(redis.url)];
    const before = logins(20);
    for (const login of before) await list.deny(login);
    await redis.kill();
    await redis.restart();
    const after = logins(5);
    const denied = () => list.deny(after[0] as DenyListSubject).then(() => true, String);
    await expect.poll(denied, { timeout: RECOVERY_MS }).toBe(true);
    for (const login of after) await list.deny(login);
    for (const one of [list, other]) {
      const refused = () => [...before, ...after].every((login) => seen(one, login) === IS_DENIED);
      await expect.poll(refused, { timeout: RECOVERY_MS }).toBe(true);
      expect(seen(one, logins(1)[0] as DenyListSubject)).toBe('live');
    }
  });

  test('lost: every server refuses everybody, for good', async () => {
    const redis = await startRedis();
    const list = await openList(redis.url);
    await redis.command('FLUSHALL');
    const [live] = logins(1) as [DenyListSubject];
    await expect.poll(() => seen(list, live), { timeout: LEASE_MS }).toBe('DenyListLostError');
    const fresh = await openList(redis.url);
    expect(seen(fresh, live)).toBe('live');
    expect(seen(list, live)).toBe('DenyListLostError');
  });
});

describe('between a denial and its announcement', () => {
  const ROUNDS = 25;
  const AT_WORK_MS = 100;

  /** Opens a server again and again while another ends logins; what it accepts of those ended before it opened. */
  async function missedAtOpening(fault: PushedFault): Promise<number> {
    const redis = await startRedis();
    const list = await openList(redis.url);
    const acknowledged: DenyListSubject[] = [];
    let isOver = false;
    const ending = (async () => {
      while (!isOver) {
        const some = logins(10);
        const replies = await Promise.allSettled(some.map((login) => list.deny(login)));
        // On a busy machine one may come too late: it is not acknowledged.
        for (const [index, { status }] of replies.entries())
          if (status === 'fulfilled') acknowledged.push(some[index] as DenyListSubject);
      }
    })();
    let missed = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      const opened = await openList(redis.url, fault);
      missed += await acceptedInTime(opened, acknowledged.slice(-1_000));
      if (missed > 0) break;
    }
    isOver = true;
    await ending;
    return missed;
  }

  test('a server that opens misses none', async () => {
    expect(await missedAtOpening('none')).toBe(0);
  });

  test('planted: a snapshot that is loaded before the place is noted is found out', async () => {
    expect(await missedAtOpening('loads-snapshot-first')).toBeGreaterThan(0);
  });

  /** Kills a server that ends many logins; how many of those that Redis denies another server accepts. */
  async function missedAfterKill(fault: PushedFault): Promise<number> {
    const redis = await startRedis();
    const list = await openList(redis.url);
    const server = await openProcess(redis.url, fault);
    const all = logins(20_000);
    server.send({ deny: all });
    await server.reply();
    // When all of them are at work.
    const announced = () => redis.command('XLEN', `${NAMESPACE}:denials`);
    await expect.poll(announced, { timeout: RECOVERY_MS }).toBeGreaterThan(0);
    await sleep(AT_WORK_MS);
    await server.kill();
    // What the process had sent is carried out all the same.
    await sleep(AT_WORK_MS);
    const keys = all.map(({ sid }) => `${NAMESPACE}:deny:${sid}`);
    const found = (await redis.command('MGET', ...keys)) as (string | null)[];
    const ended = all.filter((_, index) => found[index] !== null);
    expect(ended.length).toBeGreaterThan(0);
    await acceptedInTime(list, ended);
    // A copy that is being loaded again refuses everybody, and misses nothing.
    const [stranger] = logins(1) as [DenyListSubject];
    await expect.poll(() => seen(list, stranger), { timeout: RECOVERY_MS }).toBe('live');
    return accepted(list, ended);
  }

  test('a server that is killed leaves none that only some know of', async () => {
    expect(await missedAfterKill('none')).toBe(0);
  });

  test('planted: a denial that is announced by a second call is found out', async () => {
    expect(await missedAfterKill('announces-after')).toBeGreaterThan(0);
  });
});
