import type { FastifyInstance } from 'fastify';
import { describe, expect, expectTypeOf, test } from 'vitest';
import { STORES } from '../stores/registry.ts';
import type { ClockMessage } from './clock.ts';
import { parseServerConfig, type ServerConfig } from './config.ts';
import recorded from './fixtures/exchange-07d888b.json' with { type: 'json' };
import {
  type CONFIG_KEYS,
  ENDPOINTS,
  HANDICAP_KEYS,
  type MESSAGES_BY_IPC,
  REFUSALS,
  REGISTRY_ENTRY,
  type REQUESTS_BY_IPC,
  REQUIRED_CONFIG_KEYS,
  SERVER_ENTRY,
} from './frozen.ts';
import { checkHandicap } from './handicap.ts';
import { type Handicap, payloadFor, type ReadyMessage, userName } from './protocol.ts';
import type { RouteContext } from './route-context.ts';
import { registerRoutes } from './routes.ts';
import type { StatsMessage, StatsRequest } from './stats.ts';

type KeysOf<T> = Exclude<keyof T, 'type'>;

// Checked by tsc.
test('keys of the configuration and of the messages are those of the list', () => {
  expectTypeOf<keyof ServerConfig>().toEqualTypeOf<(typeof CONFIG_KEYS)[number]>();
  expectTypeOf<keyof Handicap>().toEqualTypeOf<(typeof HANDICAP_KEYS)[number]>();
  expectTypeOf<KeysOf<StatsRequest>>().toEqualTypeOf<(typeof REQUESTS_BY_IPC.stats)[number]>();
  expectTypeOf<KeysOf<ClockMessage>>().toEqualTypeOf<(typeof REQUESTS_BY_IPC.clock)[number]>();
  expectTypeOf<KeysOf<ReadyMessage>>().toEqualTypeOf<(typeof MESSAGES_BY_IPC.ready)[number]>();
  expectTypeOf<KeysOf<StatsMessage>>().toEqualTypeOf<(typeof MESSAGES_BY_IPC.stats)[number]>();
});

describe('what a server is told', () => {
  const minimal = Object.fromEntries(REQUIRED_CONFIG_KEYS.map((key) => [key, 'x']));

  test('the required keys are enough, and none of them may be missing', () => {
    expect(parseServerConfig(JSON.stringify(minimal))).toMatchObject(minimal);
    for (const key of REQUIRED_CONFIG_KEYS)
      expect(() => parseServerConfig(JSON.stringify({ ...minimal, [key]: undefined }))).toThrow(key);
  });

  test('each handicap is known', () => {
    const handicap = Object.fromEntries(HANDICAP_KEYS.map((key) => [key, 1]));
    expect(checkHandicap(handicap)).toEqual(handicap);
  });

  test('a base has its server and its list of backends where they are looked for', async () => {
    expect([SERVER_ENTRY, REGISTRY_ENTRY]).toEqual(['servers/main.ts', 'stores/registry.ts']);
    expect(Object.keys(await import('../stores/registry.ts'))).toContain('STORES');
    expect(STORES.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['none', 'memory', 'redis', 'postgres', 'jwt', 'jwt-blacklist']),
    );
    for (const { options } of STORES)
      for (const { values } of Object.values(options)) expect(values.length).toBeGreaterThan(0);
  });
});

interface Schema {
  body?: { properties: object };
  response: Record<number | string, { properties: object }>;
}

/** Every route with the keys of its bodies, as they are registered. */
function registered() {
  const found: Record<string, { request?: string[]; reply: string[] }> = {};
  const on =
    (method: string) =>
    (path: string, { schema }: { schema: Schema }) => {
      const reply = Object.keys(schema.response[200]?.properties ?? {});
      const request = schema.body === undefined ? {} : { request: Object.keys(schema.body.properties) };
      found[`${method} ${path}`] = { ...request, reply };
    };
  const app = { get: on('GET'), post: on('POST'), patch: on('PATCH'), delete: on('DELETE') };
  registerRoutes(app as unknown as FastifyInstance, { config: { loginCap: 0 } } as RouteContext);
  return found;
}

describe('what travels over HTTP', () => {
  test('the endpoints are those of the list, and so are the keys of their bodies', () => {
    expect(registered()).toEqual(ENDPOINTS);
  });

  test('each refusal that was recorded is in the list, and most of the list was recorded', () => {
    const replies = Object.values(recorded).flatMap((one) => one.replies);
    const words = new Set(replies.map((line) => /\{"error":"(\w+)"\}$/.exec(line)?.[1]).filter(Boolean));
    expect(REFUSALS).toEqual(expect.arrayContaining([...words]));
    expect(REFUSALS.filter((word) => !words.has(word))).toEqual(['internal', 'store_unavailable']);
  });

  test('session data of a user at a revision', () => {
    const lines = Object.values(recorded).flatMap((one) => one.replies);
    const data = payloadFor(userName(2), 0, 64);
    expect(lines.filter((line) => line.startsWith('GET /session |') && line.includes(data))).toHaveLength(4);
  });
});
