import type { Redis } from 'ioredis';

/** What a Redis says when it is asked about itself; what it refuses to say is `undefined`. */

export type Info = ReadonlyMap<string, string>;

/** A section of INFO as a map; `undefined` when it is not permitted. */
export async function readInfo(
  redis: Redis,
  section: 'server' | 'replication' | 'cluster' | 'persistence' | 'memory' | 'sentinel',
): Promise<Map<string, string> | undefined> {
  const text = await ifAnswered(redis.info(section));
  if (text === undefined) return undefined;
  return new Map(text.split(/\r?\n/).map((line) => line.split(/:(.*)/s).slice(0, 2) as [string, string]));
}

/** `undefined` for an error of the service itself: it refuses the command, or lacks it. @throws every other error. */
export async function ifAnswered<T>(reply: Promise<T>): Promise<T | undefined> {
  try {
    return await reply;
  } catch (error) {
    if (
      error instanceof Error &&
      error.name === 'ReplyError' &&
      !/^(NOAUTH|WRONGPASS|DENIED)/.test(error.message)
    ) {
      return undefined;
    }
    throw error;
  }
}
