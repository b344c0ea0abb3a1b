import { createClient } from 'redis';
import type { ServerConfig } from '../../config.ts';
import type { OnError, Service } from './arm.ts';

type Client = ReturnType<typeof createClient>;

/** What connect-redis sends for a session. */
const COMMANDS = ['get', 'set', 'expire', 'del'] as const;

/**
 * The client that connect-redis asks for, with its defaults: one connection, which gathers the commands of a turn of the
 * event loop in one write. @throws Error without the URL of one Redis, or when it does not reply.
 */
export async function openRedis(
  { serviceUrl: url }: ServerConfig,
  onError: OnError,
): Promise<Service & { client: Client }> {
  if (url === undefined) throw new TypeError('expected the URL of Redis, got none');
  if (url.startsWith('redis-sentinel:')) throw oneRedis('Sentinels');
  const client: Client = createClient({ url });
  client.on('error', onError);
  let sent = 0;
  const counted = client as unknown as Record<string, (...args: unknown[]) => unknown>;
  for (const name of COMMANDS) {
    const command = client[name].bind(client) as (...args: unknown[]) => unknown;
    counted[name] = (...args) => {
      sent += 1;
      return command(...args);
    };
  }
  await client.connect();
  if (await isClusterNode(client)) {
    await client.close();
    throw oneRedis('a node of a cluster');
  }
  return { client, roundTrips: () => sent, close: () => client.close() };
}

const oneRedis = (got: string) =>
  new Error(
    `expected one Redis for the libraries, got ${got}. Remedy: name a Redis without cluster mode by redis://, or leave the URL out.`,
  );

/** A user without the right to INFO is not asked. */
async function isClusterNode(client: Client): Promise<boolean> {
  const info = await client.info('cluster').catch((error: unknown) => {
    if (error instanceof Error && error.message.startsWith('NOPERM')) return '';
    throw error;
  });
  return info.includes('cluster_enabled:1');
}
