import type { AddressInfo } from 'node:net';
import { createApp } from '../../servers/app.ts';
import { parseServerConfig } from '../../servers/config.ts';
import { payloadFor } from '../../servers/protocol.ts';
import { bearerTransport, cookieTransport } from '../../servers/session-plugin.ts';
import { openStore } from '../../stores/open.ts';
import { defaultOptions } from '../../stores/options.ts';
import type { StoreDefinition } from '../../stores/store.ts';

/** Session servers that count their sessions. Their users' password is `p`. */
const closers: (() => Promise<unknown>)[] = [];

export async function closeServers(): Promise<void> {
  for (const close of closers.splice(0)) await close();
}

export interface ServedSessions {
  url: string;
  /** Tokens of the live sessions. */
  live: Set<string>;
  /** Logouts of sessions that were not live. */
  missed: number;
  touches: number;
}

/** The real endpoints on a backend in this process. */
export async function serveSessions(
  definition: StoreDefinition,
  payloadBytes: number,
  by: 'cookie' | 'bearer',
  touchIntervalSeconds = 600,
): Promise<ServedSessions> {
  const transport = by === 'bearer' ? bearerTransport() : cookieTransport();
  const config = parseServerConfig(
    JSON.stringify({
      id: 's1',
      store: definition.name,
      secret: 'x',
      password: 'p',
      adminPassword: 'a',
      payloadBytes,
    }),
  );
  const onError = (error: unknown) => {
    throw error;
  };
  const store = await openStore(definition, {
    options: defaultOptions(definition),
    durability: 'second',
    namespace: 'test',
    poolSize: 1,
    idleSeconds: 600,
    absoluteSeconds: 3_600,
    touchIntervalSeconds,
    accessSeconds: 60,
    secret: new Uint8Array(32).fill(7),
    maxTokenBytes: transport.maxTokenBytes,
    controlData: (user) => payloadFor(user, 0, payloadBytes),
    now: Date.now,
    onBackgroundError: onError,
  });
  const served: ServedSessions = { url: '', live: new Set(), missed: 0, touches: 0 };
  const watched: typeof store = {
    ...store,
    async create(session, limit) {
      const result = await store.create(session, limit);
      if (result.status === 'created') served.live.add(result.token);
      return result;
    },
    touch(token) {
      served.touches += 1;
      return store.touch(token);
    },
    async destroy(token) {
      if (!served.live.delete(token)) served.missed += 1;
      return store.destroy(token);
    },
  };
  const app = createApp({ config, store: watched, transport, onError });
  closers.push(
    () => app.close(),
    () => store.close(),
  );
  await app.listen({ host: '127.0.0.1', port: 0 });
  served.url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
  return served;
}
