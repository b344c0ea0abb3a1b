import { beforeAll, describe, expect, test } from 'vitest';
import type { OpenContext, SessionStore } from '../store.ts';
import type { Traits } from '../traits.ts';
import { isRefused } from './in-step.ts';
import { offered } from './offered.ts';

/** What a part of the suite needs from the rest. */
export interface ConformanceScene {
  traits: Traits;
  idleSeconds: number;
  absoluteSeconds: number;
  /** Opens one more server of the same run; the suite closes it. */
  open(changes?: Partial<OpenContext>): Promise<SessionStore>;
  freshUser(): string;
  /** Advances the injected clock. */
  advance(seconds: number): void;
}

interface Pair {
  token: string;
  refreshToken: string;
}

/** The part of the suite on refresh tokens. */
export function describeRefresh(scene: ConformanceScene): void {
  if (scene.traits.refresh === 'rotating') describeRotation(scene);
  else describeNoRefresh(scene);
}

function describeNoRefresh({ open, freshUser }: ConformanceScene): void {
  test('no refresh token is issued, and none is taken', async () => {
    const store = await open();
    const created = await store.create({ userId: freshUser(), role: 'user', data: 'd' });
    const patch = { refreshToken: 'not looked at' };
    const rotated = await store.rotate(created.status === 'created' ? created.token : '', patch);
    expect(rotated?.status).toBe('created');
    for (const result of [created, rotated])
      expect(result?.status === 'created' && result.refreshToken).toBeUndefined();
    expect(store.refresh).toBeUndefined();
  });
}

const ACCESS_SECONDS = 60;

function describeRotation({
  traits,
  open,
  freshUser,
  advance,
  idleSeconds,
  absoluteSeconds,
}: ConformanceScene): void {
  describe('refresh tokens', () => {
    let store: SessionStore;
    let other: SessionStore;
    beforeAll(async () => {
      [store, other] = [
        await open({ accessSeconds: ACCESS_SECONDS }),
        await open({ accessSeconds: ACCESS_SECONDS }),
      ];
    });

    const login = async (userId = freshUser(), data = 'd'): Promise<Pair> =>
      pairOf(await store.create({ userId, role: 'user', data }));
    const refreshed = async (refreshToken: string, token?: string, from = store): Promise<Pair> =>
      pairOf(await offered(from, 'refresh')(refreshToken, token));
    const isLive = async (token: string) =>
      (await store.read(token)) !== undefined && (await other.read(token)) !== undefined;
    const isDead = async (token: string) =>
      (await isRefused(store, token, traits)) && (await isRefused(other, token, traits));

    test('a login gets one, also by rotation; an anonymous session does not, and lives on by touch', async () => {
      const first = await login();
      const anonymous = await store.create({ role: 'user', data: 'cart' });
      if (anonymous.status !== 'created') throw new Error('expected a session');
      expect(anonymous.refreshToken).toBeUndefined();
      advance(ACCESS_SECONDS);
      expect((await store.read(anonymous.token))?.touchDue).toBe(true);
      expect((await store.touch(anonymous.token))?.token).toBeDefined();
      const second = pairOf(await store.rotate(anonymous.token, { userId: freshUser() }));
      expect(new Set([first.token, first.refreshToken, second.token, second.refreshToken]).size).toBe(4);
    });

    test('one is exchanged for new tokens of the same login, on any server', async () => {
      const user = freshUser();
      const first = await login(user);
      const second = await refreshed(first.refreshToken, undefined, other);
      const [before, after] = [await store.read(first.token), await store.read(second.token)];
      expect(after).toMatchObject({ userId: user, role: 'user', data: 'd', handle: before?.handle });
      expect(after?.absoluteExpiryMs).toBe(before?.absoluteExpiryMs);
      expect(await offered(store, 'users').list(user)).toHaveLength(1);
      expect(await isLive((await refreshed(second.refreshToken)).token)).toBe(true);
    });

    test('of 20 parallel uses of one, one wins, and the reuse ends the login, but no other', async () => {
      const user = freshUser();
      const bystander = await login(user);
      const { token, refreshToken } = await login(user);
      const uses = Array.from({ length: 20 }, (_, i) =>
        offered(i % 2 === 0 ? store : other, 'refresh')(refreshToken),
      );
      const results = await Promise.all(uses);
      const won = results.filter((result) => result.status === 'refreshed');
      expect(won).toHaveLength(1);
      expect(results.filter((result) => result.status === 'reused').length).toBeGreaterThanOrEqual(1);
      expect(await isDead(token)).toBe(true);
      for (const winner of won) {
        expect(await isDead(winner.token)).toBe(true);
        expect(await offered(other, 'refresh')(winner.refreshToken)).toEqual({ status: 'gone' });
      }
      expect(await isLive(bystander.token)).toBe(true);
      expect(await offered(store, 'users').list(user)).toHaveLength(1);
      expect(await isLive((await refreshed(bystander.refreshToken)).token)).toBe(true);
    });

    test('a second use, however late, ends the login', async () => {
      const first = await login();
      const second = await refreshed(first.refreshToken);
      const third = await refreshed(second.refreshToken);
      expect(await offered(other, 'refresh')(first.refreshToken)).toEqual({ status: 'reused' });
      for (const { token, refreshToken } of [first, second, third]) {
        expect(await isDead(token)).toBe(true);
        expect(await offered(store, 'refresh')(refreshToken)).toEqual({ status: 'gone' });
      }
    });

    test('a refresh token is not a session token, nor the reverse', async () => {
      const { token, refreshToken } = await login();
      expect(await isDead(refreshToken)).toBe(true);
      expect(await store.update(refreshToken, 'x')).toEqual({ status: 'gone' });
      expect(await store.touch(refreshToken)).toBeUndefined();
      expect(await store.rotate(refreshToken, {})).toBeUndefined();
      for (const text of ['', 'x', 'a.b.c', token, `${refreshToken}x`, refreshToken.slice(0, -1)])
        expect(await offered(store, 'refresh')(text)).toEqual({ status: 'gone' });
      expect(await isLive(token)).toBe(true);
      expect(await isLive((await refreshed(refreshToken)).token)).toBe(true);
    });

    test('a token lives briefly, its login until it idles away or its absolute expiry', async () => {
      let pair = await login();
      advance(ACCESS_SECONDS - 1);
      expect(await store.read(pair.token)).toMatchObject({ touchDue: false });
      advance(1);
      expect(await isDead(pair.token)).toBe(true);
      expect(await store.update(pair.token, 'x')).toEqual({ status: 'gone' });
      expect(await store.rotate(pair.token, {})).toBeUndefined();
      expect(await store.touch(pair.token)).toBeUndefined();

      let age = ACCESS_SECONDS;
      for (const step = idleSeconds - 1; age + step < absoluteSeconds; age += step) {
        pair = await refreshed(pair.refreshToken);
        expect(await isLive(pair.token)).toBe(true);
        advance(step);
      }
      pair = await refreshed(pair.refreshToken);
      advance(absoluteSeconds - age - 1);
      pair = await refreshed(pair.refreshToken);
      expect(await isLive(pair.token)).toBe(true);
      advance(1);
      expect(await isDead(pair.token)).toBe(true);
      expect(await offered(store, 'refresh')(pair.refreshToken)).toEqual({ status: 'gone' });

      const idle = await login();
      advance(idleSeconds);
      expect(await offered(store, 'refresh')(idle.refreshToken)).toEqual({ status: 'gone' });
    });

    test('the data is that of the last token, though it is over; without it, of the last login or renewal', async () => {
      const first = await login();
      const updated = await store.update(first.token, 'new');
      if (updated.status !== 'ok' || updated.token === undefined) throw new Error('expected a token');
      const stranger = await login(freshUser(), 'stranger');
      advance(ACCESS_SECONDS);
      expect(await isDead(updated.token)).toBe(true);
      const second = await refreshed(first.refreshToken, updated.token);
      expect(await store.read(second.token)).toMatchObject({ data: 'new', version: 2 });
      const third = await refreshed(second.refreshToken);
      expect(await store.read(third.token)).toMatchObject({ data: 'new', version: 2 });
      const fourth = await refreshed(third.refreshToken, stranger.token);
      expect(await store.read(fourth.token)).toMatchObject({ data: 'new' });
      await store.update(fourth.token, 'lost');
      const fifth = await refreshed(fourth.refreshToken, 'garbage');
      expect(await store.read(fifth.token)).toMatchObject({ data: 'new' });
    });

    test('logout ends it, by a token that is over and by the refresh token too; so does every revocation', async () => {
      const user = freshUser();
      const endings: ((pair: Pair) => Promise<unknown>)[] = [
        ({ token }) => other.destroy(token),
        ({ refreshToken }) => other.destroy(refreshToken),
        async ({ token }) =>
          offered(other, 'users').destroyLogin(user, (await store.read(token))?.handle ?? ''),
        () => offered(other, 'users').revoke(user),
        () => offered(other, 'users').setDisabled(user, true),
      ];
      for (const end of endings) {
        const pair = await login(user);
        expect(await end(pair)).toBeTruthy();
        expect(await isDead(pair.token)).toBe(true);
        expect(await offered(store, 'refresh')(pair.refreshToken)).toEqual({ status: 'gone' });
      }
      const late = await login();
      advance(ACCESS_SECONDS);
      expect(await other.destroy(late.token)).toBe(true);
      expect(await store.destroy(late.token)).toBe(false);
      expect(await offered(store, 'refresh')(late.refreshToken)).toEqual({ status: 'gone' });
    });
  });
}

/** The tokens of a result that must have both. */
function pairOf(result: { status: string; token?: string; refreshToken?: string } | undefined): Pair {
  const { token, refreshToken } = result ?? {};
  if (token === undefined || refreshToken === undefined)
    throw new Error(`expected a token and a refresh token, got ${result?.status}`);
  return { token, refreshToken };
}
