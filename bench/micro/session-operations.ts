import type { CreateResult, SessionStore } from '../../stores/store.ts';
import type { Traits } from '../../stores/traits.ts';
import type { Operation } from './measure.ts';

/** Data of each session. */
export const DATA_BYTES = 256;
/** Number of sessions while a store is measured: enough that no two calls in flight use the same. */
export const SESSIONS = 1_000;
/** Concurrent reads, as in one server under load. */
const IN_FLIGHT = 64;
const DATA = 'd'.repeat(DATA_BYTES);
const CHANGED = 'c'.repeat(DATA_BYTES);

interface Known {
  token: string;
  version: number;
}

/**
 * The operations of one open store, through the contract. `waits`: it has a service, so that concurrent reads are
 * meaningful; without one, a single thread cannot have anything in flight.
 * @throws what the store throws while the sessions are created.
 */
export async function sessionOperations(
  label: string,
  store: SessionStore,
  traits: Traits,
  waits: boolean,
): Promise<Operation[]> {
  const known: Known[] = (await createMany(store, SESSIONS)).map((token) => ({ token, version: 1 }));
  let turn = 0;
  const next = (): Known => known[turn++ % SESSIONS] as Known;

  const readOne = async () => {
    const session = await store.read(next().token);
    if (session === undefined) throw new Error('expected a live session, got none');
    return session;
  };
  const operation = (name: string, run: () => unknown): Operation => ({
    name: `${label}: ${name}`,
    kind: 'async',
    run,
  });
  return [
    createOperation(operation, store, traits),
    operation('read', readOne),
    ...(waits ? [{ ...operation(`read, ${IN_FLIGHT} in flight`, readOne), inFlight: IN_FLIGHT }] : []),
    operation('update', () => updateOne(store, traits, next())),
    operation('touch', async () => {
      const session = next();
      const touched = await store.touch(session.token);
      if (touched === undefined) throw new Error('expected a live session, got none');
      if (touched.token !== undefined) session.token = touched.token;
    }),
    destroyOperation(operation, store, traits),
  ];
}

type Name = (name: string, run: () => unknown) => Operation;

/** Created sessions are removed again, untimed, so that the store's size stays the same. */
function createOperation(operation: Name, store: SessionStore, traits: Traits): Operation {
  const made: string[] = [];
  let user = 0;
  const keeps = traits.state === 'server' || traits.state === 'store';
  return {
    ...operation('create', async () => {
      made.push(tokenOf(await createOne(store, user++ % SESSIONS)));
    }),
    async finish() {
      const gone = made.splice(0);
      if (keeps) for (const token of gone) await store.destroy(token);
    },
  };
}

/** Each call ends a session that was created for it, untimed. */
function destroyOperation(operation: Name, store: SessionStore, traits: Traits): Operation {
  const doomed: string[] = [];
  const endsAtOnce = traits.revocation === 'immediate';
  return {
    ...operation('destroy', async () => {
      const ended = await store.destroy(doomed.pop() ?? '');
      if (!ended && endsAtOnce) throw new Error('expected a live session to end, got false');
    }),
    async prepare(count) {
      doomed.push(...(await createMany(store, count)));
    },
  };
}

/** With the version where the store compares, as a server would after its read. */
async function updateOne(store: SessionStore, traits: Traits, session: Known): Promise<void> {
  const version = traits.compareAndSwap ? session.version : undefined;
  const updated = await store.update(session.token, CHANGED, version);
  if (updated.status !== 'ok') throw new Error(`an update ended as ${updated.status}`);
  session.version = updated.version;
  if (updated.token !== undefined) session.token = updated.token;
}

async function createMany(store: SessionStore, count: number): Promise<string[]> {
  const tokens: string[] = [];
  while (tokens.length < count) {
    const size = Math.min(IN_FLIGHT, count - tokens.length);
    const first = tokens.length;
    const results = await Promise.all(
      Array.from({ length: size }, (_, index) => createOne(store, first + index)),
    );
    tokens.push(...results.map(tokenOf));
  }
  return tokens;
}

function createOne(store: SessionStore, user: number): Promise<CreateResult> {
  return store.create({ userId: `u${String(user).padStart(7, '0')}`, role: 'user', data: DATA });
}

function tokenOf(result: CreateResult): string {
  if (result.status !== 'created') throw new Error(`a login ended as ${result.status}`);
  return result.token;
}
