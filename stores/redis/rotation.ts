/** A rotation into the account of a user whose keys are in another slot of a cluster: no one script reaches both. */

import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { StoreUnavailableError } from '../store.ts';
import type { RedisConnection } from './connection.ts';
import type { NewPlace, Place } from './spaces.ts';
import { decodeValue, encodeData } from './value.ts';

/**
 * How long an owner that failed keeps others from rotating the session: three commands take at most 900 ms. Others wait,
 * for the limit may refuse the owner, and then the session is theirs.
 */
const CLAIM_MS = 1_000;
const CLAIM_POLL_MS = 5;

export interface Move {
  old: Place;
  next: NewPlace;
  nowMs: number;
  idleMs: number;
  /** Whether the data is that of the old session, so that an update in flight must not be lost. */
  keepsData: boolean;
  /** Creates the session in its new place, from the stored text of the old one; the reply of the script. */
  create(old: string): Promise<unknown>;
}

/**
 * The reply of `create`; `undefined` when the old session has ended, or another rotation has it. Where the limit
 * refuses, or the user is disabled, the old session stays. An outage in between leaves the old session, and perhaps a
 * new one whose token nobody holds. One that ends the old session at the last moment has evicted what `create` evicted.
 * @throws StoreUnavailableError as every call.
 */
export async function moveSession(connection: RedisConnection, move: Move): Promise<unknown> {
  const { run } = connection;
  const { old, next, nowMs, idleMs } = move;
  const owner = randomBytes(12).toString('base64url');
  const keys = [old.space.sessions + old.id, `${old.space.name}:c:${old.id}`];
  const claimed = await claim(connection, [...keys, nowMs, idleMs, owner, CLAIM_MS]);
  if (typeof claimed !== 'string') return undefined;
  const reply = await move.create(claimed);
  if (!Array.isArray(reply) || reply[0] !== 'created') {
    await run('rotate', 'releaseSession', keys[1] ?? '', owner);
    return reply;
  }
  const index = `${old.space.name}:u:`;
  const ended = await run('rotate', 'yieldSession', ...keys, nowMs, idleMs, owner, index, old.id);
  const newKey = next.space.sessions + next.id;
  if (typeof ended !== 'string') {
    await run('rotate', 'destroySession', newKey, `${next.space.name}:u:`, next.id, nowMs, idleMs);
    return undefined;
  }
  const [before, last] = [decodeValue(claimed), decodeValue(ended)];
  // A touch that came between changes the stored text as well: to the new session it means nothing.
  if (move.keepsData && last.version !== before.version) await takeOver(last.data);
  return reply;

  /** An update came between. */
  async function takeOver(data: string): Promise<void> {
    const { encoding, text } = encodeData(data);
    await run('rotate', 'updateSession', newKey, nowMs, idleMs, '', encoding, text);
  }
}

/** The stored text; nothing when the session has ended. @throws StoreUnavailableError when others have it for too long. */
async function claim({ run }: RedisConnection, args: (string | number)[]): Promise<unknown> {
  for (
    const startMs = performance.now();
    performance.now() - startMs < 2 * CLAIM_MS;
    await sleep(CLAIM_POLL_MS)
  ) {
    const reply = await run('rotate', 'claimSession', ...args);
    if (reply !== 0) return reply;
  }
  throw new StoreUnavailableError('rotate', new Error('expected the end of other rotations, got none'));
}
