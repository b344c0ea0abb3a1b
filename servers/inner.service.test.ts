import { afterEach, describe, expect, test } from 'vitest';
import { jwt } from '../stores/jwt/backend.ts';
import { memory } from '../stores/memory/backend.ts';
import { openStore } from '../stores/open.ts';
import { defaultOptions } from '../stores/options.ts';
import type { OpenContext, SessionStore, StoreDefinition } from '../stores/store.ts';
import { createApp } from './app.ts';
import { parseServerConfig } from './config.ts';
import { type Inner, openInner } from './inner.ts';
import {
  INNER_PATH,
  INNER_TOKEN_HEADER,
  INNER_TOKEN_SECONDS,
  type InnerPlan,
  SESSION_COOKIE,
} from './protocol.ts';
import { cookieTransport } from './session-plugin.ts';

/** Servers in front and within, over real sockets. */
const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

let nowMs = Date.now();
const contextOf = (definition: StoreDefinition): OpenContext => ({
  ...{ options: defaultOptions(definition), durability: 'second', namespace: 'inner', poolSize: 1 },
  ...{ idleSeconds: 86_400, absoluteSeconds: 86_400, touchIntervalSeconds: 86_400, accessSeconds: 60 },
  ...{ secret: new Uint8Array(32).fill(7), maxTokenBytes: 4_000, controlData: () => '', now: () => nowMs },
  onBackgroundError: (error) => {
    throw error;
  },
});

interface Running {
  url: string;
  inner: Inner;
}

/** A server on this store, which others may share; `inner` is its part. */
async function serve(store: SessionStore, definition: StoreDefinition, plan: InnerPlan): Promise<Running> {
  const given = {
    id: 's',
    store: definition.name,
    secret: 's'.repeat(44),
    password: 'pw',
    adminPassword: 'pw',
  };
  const config = { ...parseServerConfig(JSON.stringify(given)), inner: plan };
  const inner = await openInner(plan, contextOf(definition));
  const app = createApp({ config, store, transport: cookieTransport(), inner, onError: () => undefined });
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  closers.push(async () => {
    await app.close();
    await inner.close();
  });
  return { url, inner };
}

/** A server in front of two others, which have its store where `shared`, and a login. */
async function fanOut(definition: StoreDefinition, check: InnerPlan['check'], isShared = true) {
  const open = () => openStore(definition, contextOf(definition));
  const store = await open();
  const within = [
    await serve(isShared ? store : await open(), definition, { check }),
    await serve(isShared ? store : await open(), definition, { check }),
  ];
  const front = await serve(store, definition, { check, urls: within.map(({ url }) => url) });
  const created = await store.create({ userId: 'u1', role: 'user', data: 'd' });
  if (created.status !== 'created') throw new Error(created.status);
  const cookie = `${SESSION_COOKIE}=${created.token}`;
  const read = async (url = front.url, path = '/session', headers: Record<string, string> = { cookie }) => {
    const reply = await fetch(url + path, { headers });
    return `${reply.status} ${await reply.text()}`;
  };
  return { store, front, within, token: created.token, cookie, read };
}

const WHOLE = '200 {"user":"u1","role":"user","version":1,"data":"d"}';

describe.each([
  ['ask', memory],
  ['token', memory],
  ['ask', jwt],
  ['token', jwt],
] as const)('inner services that check by %s', (check, definition) => {
  test(`${definition.name}: a read is confirmed by each of them, and one that none knows is refused`, async () => {
    const { within, read } = await fanOut(definition, check);
    expect(await read()).toBe(WHOLE);
    expect(await read(undefined, '/session', { cookie: `${SESSION_COOKIE}=x` })).toMatch(/^401 /);
    // What is within is not in front.
    expect(await read(undefined, INNER_PATH)).toMatch(/^404 /);
    for (const { url } of within)
      expect(await read(url, INNER_PATH)).toBe(
        check === 'ask' ? '200 {"user":"u1"}' : '401 {"error":"unauthenticated"}',
      );
  });
});

test('an inner service that asks a store of its own does not know the session, and the read is refused', async () => {
  const { read } = await fanOut(memory, 'ask', false);
  expect(await read()).toMatch(/^401 /);
  const passed = await fanOut(memory, 'token', false);
  expect(await passed.read()).toBe(WHOLE);
});

test('one that is down is an outage, and never a logout', async () => {
  const { store } = await fanOut(memory, 'ask');
  const front = await serve(store, memory, { check: 'ask', urls: ['http://127.0.0.1:1'] });
  const created = await store.create({ userId: 'u1', role: 'user', data: 'd' });
  const cookie = `${SESSION_COOKIE}=${created.status === 'created' ? created.token : ''}`;
  const reply = await fetch(`${front.url}/session`, { headers: { cookie } });
  expect([reply.status, await reply.text()]).toEqual([503, '{"error":"store_unavailable"}']);
});

test('a passed token that leaks works within for its 60 s, also after the logout, and nowhere else', async () => {
  nowMs = Date.now();
  const { store, front, within, token, read } = await fanOut(memory, 'token');
  // What the server in front sends: seen by an inner service that keeps it.
  let kept = '';
  const spy = createApp({
    ...{ store, transport: cookieTransport(), onError: () => undefined },
    config: parseServerConfig(
      JSON.stringify({ id: 'i', store: 'memory', secret: 'x', password: 'x', adminPassword: 'x' }),
    ),
  });
  spy.get(INNER_PATH, (request, reply) => {
    kept = String(request.headers[INNER_TOKEN_HEADER]);
    expect(request.headers.cookie).toBeUndefined();
    return reply.send({ user: 'u1' });
  });
  const url = await spy.listen({ host: '127.0.0.1', port: 0 });
  closers.push(() => spy.close());
  const leaking = await serve(store, memory, { check: 'token', urls: [url] });
  expect(await read(leaking.url)).toBe(WHOLE);
  const stolen = { [INNER_TOKEN_HEADER]: kept };
  const [inner] = within;
  expect(kept.split('.')).toHaveLength(3);
  await store.destroy(token);
  expect(await read()).toMatch(/^401 /);
  expect(await read(inner?.url, INNER_PATH, stolen)).toBe('200 {"user":"u1"}');
  // It is not a session.
  expect(await read(front.url, '/session', { cookie: `${SESSION_COOKIE}=${kept}` })).toMatch(/^401 /);
  nowMs += (INNER_TOKEN_SECONDS - 2) * 1000;
  expect(await read(inner?.url, INNER_PATH, stolen)).toBe('200 {"user":"u1"}');
  nowMs += 3_000;
  expect(await read(inner?.url, INNER_PATH, stolen)).toMatch(/^401 /);
});

test('a token of a browser does not pass for one of a server in front', async () => {
  const { within, token, read } = await fanOut(jwt, 'token');
  expect(await read(within[0]?.url, INNER_PATH, { [INNER_TOKEN_HEADER]: token })).toMatch(/^401 /);
});
