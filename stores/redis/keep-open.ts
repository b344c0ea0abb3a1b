import { Cluster, type Redis } from 'ioredis';

/** Looks in the time after which Redis closes an idle connection: at most two pass before a PING. */
const LOOKS = 3;

/**
 * Keeps an idle connection open where the setting `timeout` of Redis would close it: a request that meets the end, or
 * comes while another connection is made, would fail. A connection in use gets no PING, but for those to a cluster, of
 * which none is known to be in use. The returned function ends it.
 * @param sent the commands sent so far; PING does not count.
 */
export async function keepOpen(client: Redis | Cluster, sent: () => number): Promise<() => void> {
  if (!(client instanceof Cluster)) return keepConnectionOpen(client, sent);
  const letGo = await Promise.all(client.nodes('master').map((node) => keepConnectionOpen(node, () => 0)));
  return () => {
    for (const one of letGo) one();
  };
}

async function keepConnectionOpen(client: Redis, sent: () => number): Promise<() => void> {
  const seconds = await idleTimeoutOf(client);
  if (seconds === undefined || seconds === 0) return () => undefined;
  let before = sent();
  const timer = setInterval(
    () => {
      // An outage is reported by the client itself.
      if (sent() === before && client.status === 'ready') client.ping().catch(() => undefined);
      before = sent();
    },
    (seconds * 1000) / LOOKS,
  );
  timer.unref();
  return () => clearInterval(timer);
}

/** In seconds, 0 for never; `undefined` when it may not be read. */
export async function idleTimeoutOf(client: Redis): Promise<number | undefined> {
  try {
    const reply = await client.config('GET', 'timeout');
    const seconds = Number(Array.isArray(reply) ? reply[1] : Number.NaN);
    return Number.isFinite(seconds) ? seconds : undefined;
  } catch (error) {
    if (error instanceof Error && error.name === 'ReplyError') return undefined;
    throw error;
  }
}
