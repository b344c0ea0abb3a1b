import { randomBytes, randomInt } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { payloadFor } from '../../servers/protocol.ts';
import { capabilitiesOf, openStore } from '../open.ts';
import { defaultOptions } from '../options.ts';
import type { CreateResult, Durability, OpenContext, SessionStore, StoreDefinition } from '../store.ts';
import { traitsOf } from '../traits.ts';
import { describeFailedLogins } from './failed-logins.ts';
import { endsInTime, isRefused } from './in-step.ts';
import { describeRefresh } from './refresh.ts';

/**
 * The suite that every backend passes, on its real service. Nothing is skipped: where a trait says that a backend
 * cannot do something, the suite proves that it cannot.
 */
export interface SuiteSubject {
  definition: StoreDefinition;
  /** The backend's options; the others are default. */
  options?: Record<string, string>;
  durability?: Durability;
  /** For a backend that signs with an asymmetric algorithm. */
  privateKeyPem?: string;
  /** Starts the real service, or reuses one, and returns its URL; absent when there is none. */
  serviceUrl?: () => Promise<string>;
  /** Stops what `serviceUrl` started. */
  stopService?: () => Promise<void>;
}

const IDLE_SECONDS = 600;
const ABSOLUTE_SECONDS = 3600;
const TOUCH_SECONDS = 60;
/** Close to now, so that services which expire by their own clock keep entries alive: the test clock starts here. */
const START_MS = Math.ceil(Date.now() / 1000) * 1000;

export function describeStore(title: string, subject: SuiteSubject): void {
  describe(`store suite: ${title}`, () => {
    const options = { ...defaultOptions(subject.definition), ...subject.options };
    const durability = subject.durability ?? 'second';
    const traits = traitsOf(subject.definition, options, durability);
    // On the server that is asked; others may hear of it later.
    const endsAtOnce = endsInTime(traits);
    const expires = traits.expiry === 'idle-and-absolute';
    const secret = randomBytes(32);
    const namespace = `c${randomBytes(6).toString('hex')}`;
    const opened: SessionStore[] = [];
    let serviceUrl: string | undefined;
    let clockMs = START_MS;
    let store: SessionStore;
    let users = 0;

    const freshUser = () => `u${String(randomInt(1e6)).padStart(6, '0')}${users++}`;
    const context = (): OpenContext => ({
      options,
      durability,
      ...(serviceUrl === undefined ? {} : { serviceUrl }),
      namespace,
      poolSize: 4,
      idleSeconds: IDLE_SECONDS,
      absoluteSeconds: ABSOLUTE_SECONDS,
      touchIntervalSeconds: TOUCH_SECONDS,
      // Long enough for the rest of this suite; refresh.ts shortens it.
      accessSeconds: IDLE_SECONDS,
      secret,
      ...(subject.privateKeyPem === undefined ? {} : { privateKeyPem: subject.privateKeyPem }),
      maxTokenBytes: 4000,
      controlData: (userId) => payloadFor(userId, 0, 64),
      now: () => clockMs,
      onBackgroundError: (error) => {
        throw error;
      },
    });
    const open = async (changes: Partial<OpenContext> = {}) => {
      const instance = await openStore(subject.definition, { ...context(), ...changes });
      opened.push(instance);
      return instance;
    };
    const login = async (user: string, from = store) =>
      tokenOf(await from.create({ userId: user, role: 'user', data: payloadFor(user, 0, 64) }));

    beforeAll(async () => {
      serviceUrl = await subject.serviceUrl?.();
      store = await open();
    });
    afterAll(async () => {
      for (const instance of opened) await instance.close();
      await subject.stopService?.();
    });

    test('an open store offers what its definition says, and nothing else', () => {
      expect(new Set(capabilitiesOf(store))).toEqual(new Set(subject.definition.offers(options)));
      expect(store.users !== undefined).toBe(traits.userIndex);
      expect(store.refresh !== undefined).toBe(traits.refresh === 'rotating');
      expect(store.verifyCacheStats !== undefined).toBe(traits.verifyCache);
    });

    test('a created session is read back byte for byte', async () => {
      const user = freshUser();
      const data = payloadFor(user, 0, 64);
      const session = await store.read(tokenOf(await store.create({ userId: user, role: 'admin', data })));
      expect(session).toMatchObject({ userId: user, role: 'admin', data, version: 1 });
      if (traits.state === 'nowhere') return;
      expect(session?.createdAtMs).toBe(clockMs);
      expect(session?.absoluteExpiryMs).toBe(clockMs + ABSOLUTE_SECONDS * 1000);
      for (const odd of ['', 'nul \0 crlf \r\n "quotes" \\ back', 'grüße 🦊 \u2028', '{"b":1,"a":1.0}']) {
        const token = tokenOf(await store.create({ userId: user, role: 'user', data: odd }));
        expect((await store.read(token))?.data).toBe(odd);
      }
    });

    test('an anonymous session has no user, and is not a login', async () => {
      const session = await store.read(tokenOf(await store.create({ role: 'user', data: 'cart' })));
      expect(session).toBeDefined();
      expect(session?.userId).toBeUndefined();
    });

    test('64 KiB of data fit, or are refused loudly where the token holds them', async () => {
      const big = payloadFor('u0000001', 0, 65_536);
      const result = await store.create({ userId: 'u0000001', role: 'user', data: big });
      if (traits.dataInToken) expect(result).toEqual({ status: 'too-large' });
      else if (traits.state !== 'nowhere') expect((await store.read(tokenOf(result)))?.data).toBe(big);
      const token = await login(freshUser());
      const update = await store.update(token, big);
      expect(update.status).toBe(traits.dataInToken ? 'too-large' : 'ok');
    });

    test('tokens are unlike each other and carry at least 128 bits', async () => {
      const tokens = new Set<string>();
      const user = freshUser();
      for (let i = 0; i < 200; i += 1) tokens.add(await login(user));
      expect(tokens.size).toBe(traits.state === 'nowhere' ? 1 : 200);
      for (const token of tokens) expect(token.length).toBeGreaterThanOrEqual(22);
      await store.users?.revoke(user);
    });

    test('unknown, malformed and hostile tokens are absence', async () => {
      const real = await login(freshUser());
      const hostile = [
        '',
        ' ',
        '\0',
        'x',
        '*',
        '../../etc',
        "' or 1=1 --",
        '__proto__',
        'constructor',
        'a.b.c',
        '🦊'.repeat(43),
        'A'.repeat(43),
        `${real}x`,
        real.slice(0, -1),
        `${real}\r\n`,
        'x'.repeat(100_000),
        'eyJhbGciOiJub25lIn0.eyJzdWIiOiJ1MDAwMDAwMSJ9.',
      ]; // prettier-ignore
      for (const token of hostile) {
        if (traits.state === 'nowhere') continue;
        expect(await store.read(token), JSON.stringify(token.slice(0, 50))).toBeUndefined();
        expect((await store.update(token, 'x')).status).toBe('gone');
        expect(await store.touch(token)).toBeUndefined();
        expect(await store.rotate(token, {})).toBeUndefined();
        expect(await store.destroy(token)).toBe(false);
      }
      expect(await store.read(real)).toBeDefined();
    });

    test('idle expiry: live until the last moment, gone at it', async () => {
      const token = await login(freshUser());
      clockMs += IDLE_SECONDS * 1000 - 1000;
      expect(await store.read(token)).toBeDefined();
      clockMs += 1000;
      const gone = (await store.read(token)) === undefined;
      expect(gone).toBe(expires);
      if (!expires) return;
      expect((await store.update(token, 'x')).status).toBe('gone');
      expect(await store.touch(token)).toBeUndefined();
      expect(await store.rotate(token, {})).toBeUndefined();
    });

    test('touch: due after the throttle, moves the idle expiry, never the absolute one', async () => {
      let token = await login(freshUser());
      const bornMs = clockMs;
      expect((await store.read(token))?.touchDue).toBe(false);
      if (!expires) return;
      clockMs += TOUCH_SECONDS * 1000 - 1000;
      expect((await store.read(token))?.touchDue).toBe(false);
      clockMs += 1000;
      // Where a refresh token renews tokens, a touch is never due, and has no effect.
      expect((await store.read(token))?.touchDue).toBe(traits.refresh === 'none');
      if (traits.refresh === 'rotating') {
        expect(await store.touch(token)).toEqual({});
        return;
      }
      while (clockMs - bornMs < (ABSOLUTE_SECONDS - IDLE_SECONDS) * 1000) {
        const touched = await store.touch(token);
        expect(touched).toBeDefined();
        token = touched?.token ?? token;
        expect((await store.read(token))?.touchDue).toBe(false);
        clockMs += (IDLE_SECONDS - 60) * 1000;
        expect(await store.read(token)).toBeDefined();
      }
      token = (await store.touch(token))?.token ?? token;
      clockMs = bornMs + ABSOLUTE_SECONDS * 1000 - 1000;
      token = (await store.touch(token))?.token ?? token;
      expect(await store.read(token)).toMatchObject({ absoluteExpiryMs: bornMs + ABSOLUTE_SECONDS * 1000 });
      clockMs += 1000;
      expect(await store.read(token)).toBeUndefined();
    });

    test('update replaces the data and counts versions', async () => {
      const user = freshUser();
      const token = await login(user);
      const first = await store.update(token, payloadFor(user, 1, 64), 1);
      expect(first).toMatchObject({ status: 'ok', version: 2 });
      if (first.status !== 'ok' || traits.state === 'nowhere') return;
      const session = await store.read(first.token ?? token);
      expect(session).toMatchObject({ data: payloadFor(user, 1, 64), version: 2 });
      const stale = await store.update(token, payloadFor(user, 2, 64), 1);
      expect(stale.status).toBe(traits.compareAndSwap ? 'conflict' : 'ok');
      // Never a current version: versions count from 1.
      const never = await store.update(first.token ?? token, payloadFor(user, 3, 64), 0);
      expect(never.status).toBe(traits.compareAndSwap ? 'conflict' : 'ok');
      expect((await store.update(first.token ?? token, 'free')).status).toBe('ok');
    });

    test('of 20 parallel updates of one version one wins, or each does where nothing compares', async () => {
      const token = await login(freshUser());
      const results = await Promise.all(
        Array.from({ length: 20 }, (_, i) => store.update(token, `data ${i}`, 1)),
      );
      const won = results.filter((result) => result.status === 'ok').length;
      expect(won).toBe(traits.compareAndSwap ? 1 : 20);
    });

    test('logout: refused at once, in time on every server, or readable until expiry where nothing is kept', async () => {
      const other = await open();
      const token = await login(freshUser());
      expect(await store.destroy(token)).toBe(endsAtOnce);
      expect((await store.read(token)) === undefined).toBe(endsAtOnce);
      if (traits.shared) expect(await isRefused(other, token, traits)).toBe(endsAtOnce);
      expect(await store.destroy(token)).toBe(false);
      expect((await store.update(token, 'back?')).status).toBe(endsAtOnce ? 'gone' : 'ok');
      expect((await store.touch(token)) === undefined).toBe(endsAtOnce);
      expect((await store.rotate(token, {})) === undefined).toBe(endsAtOnce);
      expect((await store.read(token)) === undefined).toBe(endsAtOnce);
    });

    test('an update in flight during logout resurrects nothing (or always does, where logout only forgets)', async () => {
      let alive = 0;
      for (let i = 0; i < 200; i += 1) {
        const token = await login(freshUser());
        const [updated] = await Promise.all([store.update(token, `late ${i}`), store.destroy(token)]);
        const after = updated.status === 'ok' ? (updated.token ?? token) : token;
        if ((await store.read(after)) !== undefined || (await store.read(token)) !== undefined) alive += 1;
      }
      expect(alive).toBe(endsAtOnce ? 0 : 200);
    });

    test('servers share sessions exactly when the trait says so', async () => {
      const other = await open();
      const user = freshUser();
      const token = await login(user);
      expect((await other.read(token)) !== undefined).toBe(traits.shared);
    });

    test('a restart of the server keeps sessions exactly when the trait says so', async () => {
      const first = await openStore(subject.definition, context());
      const token = await login(freshUser(), first);
      await first.close();
      expect((await (await open()).read(token)) !== undefined).toBe(traits.survivesServerRestart);
    });

    test('rotate: a new token with the same data and absolute expiry; the old one ends', async () => {
      const user = freshUser();
      const anonymous = tokenOf(await store.create({ role: 'user', data: 'cart' }));
      const before = await store.read(anonymous);
      clockMs += 5000;
      const begun = await store.rotate(anonymous, { userId: user });
      const token = tokenOf(begun);
      const after = await store.read(token);
      expect(after).toMatchObject({ userId: user, role: 'user' });
      if (traits.state !== 'nowhere') {
        expect(token).not.toBe(anonymous);
        expect(after).toMatchObject({ data: 'cart', absoluteExpiryMs: before?.absoluteExpiryMs });
      }
      expect((await store.read(anonymous)) === undefined).toBe(traits.rotationEndsOld);
      const patch = { role: 'admin', data: 'new', refreshToken: refreshTokenOf(begun) } as const;
      const admin = tokenOf(await store.rotate(token, patch));
      expect(await store.read(admin)).toMatchObject({ userId: user, role: 'admin' });
      if (traits.state !== 'nowhere') expect((await store.read(admin))?.data).toBe('new');
      if (traits.userIndex) expect(await store.users?.list(user)).toHaveLength(1);
    });

    test('of 20 parallel rotations one wins', async () => {
      const begun = await store.create({ userId: freshUser(), role: 'user', data: 'd' });
      const [token, patch] = [tokenOf(begun), { refreshToken: refreshTokenOf(begun) }];
      const results = await Promise.all(Array.from({ length: 20 }, () => store.rotate(token, patch)));
      const won = results.filter((result) => result?.status === 'created');
      expect(won).toHaveLength(traits.rotationEndsOld ? 1 : 20);
      for (const winner of won) expect(await store.read(tokenOf(winner))).toBeDefined();
    });

    test('revoking a user ends all logins, or all but one, and nobody else', async () => {
      const [user, bystander] = [freshUser(), freshUser()];
      const tokens = [await login(user), await login(user), await login(user)] as const;
      const other = await login(bystander);
      const kept = await store.users?.revoke(user, tokens[2]);
      expect(kept).toBe(traits.userIndex ? 2 : undefined);
      const live = await Promise.all(tokens.map((token) => store.read(token)));
      expect(live.map((session) => session !== undefined)).toEqual(
        traits.userIndex ? [false, false, true] : [true, true, true],
      );
      expect(await store.users?.revoke(user)).toBe(traits.userIndex ? 1 : undefined);
      expect((await store.read(tokens[2])) === undefined).toBe(traits.userIndex);
      expect(await store.read(other)).toBeDefined();
    });

    test('a user lists and ends their own logins, and no others', async () => {
      const [user, bystander] = [freshUser(), freshUser()];
      const [first, second, foreign] = [await login(user), await login(user), await login(bystander)];
      const handles = await Promise.all([first, second].map(async (t) => (await store.read(t))?.handle));
      const list = await store.users?.list(user);
      if (!traits.userIndex) return;
      expect(new Set(list?.map((entry) => entry.handle))).toEqual(new Set(handles));
      expect(await store.read(list?.[0]?.handle ?? '')).toBeUndefined();
      expect(await store.users?.destroyLogin(bystander, handles[0] ?? '')).toBe(false);
      expect(await store.users?.destroyLogin(user, handles[0] ?? '')).toBe(true);
      expect(await store.users?.destroyLogin(user, handles[0] ?? '')).toBe(false);
      expect(await store.read(first)).toBeUndefined();
      expect(await store.read(second)).toBeDefined();
      expect(await store.read(foreign)).toBeDefined();
      expect(await store.users?.list(user)).toHaveLength(1);
    });

    test('the limit on logins evicts the oldest or refuses, and holds under 50 parallel logins', async () => {
      const limited = (user: string, onCap: 'evict' | 'refuse') =>
        store.create({ userId: user, role: 'user', data: 'd' }, { cap: 5, onCap });
      const results: CreateResult[][] = [];
      for (const onCap of ['evict', 'refuse'] as const) {
        const user = freshUser();
        const made = await Promise.all(Array.from({ length: 50 }, () => limited(user, onCap)));
        const created = made.filter((result) => result.status === 'created');
        const live = await Promise.all(created.map((result) => store.read(tokenOf(result))));
        const alive = live.filter((session) => session !== undefined).length;
        expect(alive).toBe(traits.userIndex ? 5 : 50);
        if (traits.userIndex) expect(await store.users?.list(user)).toHaveLength(5);
        results.push(created);
      }
      expect(results.map((created) => created.length)).toEqual(traits.userIndex ? [50, 5] : [50, 50]);
      const user = freshUser();
      const tokens: string[] = [];
      for (let i = 0; i < 6; i += 1) {
        clockMs += 1000;
        tokens.push(tokenOf(await limited(user, 'evict')));
      }
      const live = await Promise.all(tokens.map(async (token) => (await store.read(token)) !== undefined));
      expect(live).toEqual(traits.userIndex ? [false, true, true, true, true, true] : Array(6).fill(true));
    });

    test('expired logins count for nothing: not in the list, not against the limit', async () => {
      const user = freshUser();
      for (let i = 0; i < 5; i += 1) await login(user);
      clockMs += IDLE_SECONDS * 1000;
      const limit = { cap: 1, onCap: 'refuse' } as const;
      const result = await store.create({ userId: user, role: 'user', data: 'd' }, limit);
      expect(result.status).toBe('created');
      if (traits.userIndex) expect(await store.users?.list(user)).toHaveLength(1);
    });

    test('a disabled user loses the logins and gets no new ones, until enabled', async () => {
      const user = freshUser();
      const token = await login(user);
      const anonymous = tokenOf(await store.create({ role: 'user', data: 'cart' }));
      expect(await store.users?.setDisabled(user, true)).toBe(traits.userIndex ? 1 : undefined);
      expect((await store.read(token)) === undefined).toBe(traits.userIndex);
      const expected = traits.userIndex ? 'disabled' : 'created';
      expect((await store.create({ userId: user, role: 'user', data: 'd' })).status).toBe(expected);
      expect((await store.rotate(anonymous, { userId: user }))?.status).toBe(expected);
      await store.users?.setDisabled(user, false);
      expect(await login(user)).toBeDefined();
    });

    test('sweep removes what has expired and leaves what lives', async () => {
      const dead = await login(freshUser());
      clockMs += IDLE_SECONDS * 1000;
      const live = await login(freshUser());
      let removed = 1;
      for (let rounds = 0; rounds < 50 && removed > 0; rounds += 1) removed = (await store.sweep?.(100)) ?? 0;
      expect(removed).toBe(0);
      expect(await store.read(live)).toBeDefined();
      if (expires) expect(await store.read(dead)).toBeUndefined();
    });

    test('a read is one round trip where the service is asked, none elsewhere', async () => {
      const token = await login(freshUser());
      const before = store.roundTrips();
      for (let i = 0; i < 10; i += 1) await store.read(token);
      const asks =
        traits.state === 'store' ||
        (traits.state === 'client-and-store' && traits.revocation === 'immediate');
      expect(store.roundTrips() - before).toBe(asks ? 10 : 0);
    });

    const scene = {
      traits,
      idleSeconds: IDLE_SECONDS,
      absoluteSeconds: ABSOLUTE_SECONDS,
      open,
      freshUser,
      advance: (seconds: number) => {
        clockMs += seconds * 1000;
      },
    };
    describeRefresh(scene);
    describeFailedLogins(scene);
  });
}

/** The refresh token that a client in rotating mode presents along with its token. */
function refreshTokenOf(result: CreateResult | undefined): string | undefined {
  return result?.status === 'created' ? result.refreshToken : undefined;
}

/** The token of a result that must have one. */
function tokenOf(result: CreateResult | undefined): string {
  expect(result).toMatchObject({ status: 'created' });
  return result?.status === 'created' ? result.token : '';
}
