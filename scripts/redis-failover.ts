/**
 * What a failover of Redis loses: logins and logouts run against a cluster of six, or a primary with a replica and three
 * Sentinels, and the primary is killed (`kill -9`). Counts the acknowledged logins that are gone afterwards, the
 * acknowledged logouts whose token is valid again, and the time in which no read of that primary's keys was answered.
 * What was not acknowledged counts for nothing. Each call adds rows, one for each failover.
 * Usage: pnpm exec tsx scripts/redis-failover.ts [--kind cluster,sentinel] [--rounds 10] [--in-flight 32]
 * [--link-lost 0] [--rows FILE]. With --link-lost, its replica gets nothing for so many milliseconds before.
 */

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { ignoreClosedPipes } from '../bench/commands/closed-pipe.ts';
import { openStore } from '../stores/open.ts';
import { redis } from '../stores/redis/backend.ts';
import { SOON_REPLACED, startClusterFixture } from '../stores/redis/cluster-fixture.ts';
import type { RedisFixture } from '../stores/redis/fixture.ts';
import { startSentinelFixture } from '../stores/redis/sentinel-fixture.ts';
import { taggedSpaces } from '../stores/redis/spaces.ts';
import { REDIS_URL } from '../stores/redis/url.ts';
import { readServiceUrl } from '../stores/service-url.ts';
import { type SessionStore, StoreUnavailableError } from '../stores/store.ts';
import { contextFor } from '../stores/suite/context.ts';

ignoreClosedPipes();

const { values } = parseArgs({
  options: {
    kind: { type: 'string', default: 'cluster,sentinel' },
    rounds: { type: 'string', default: '10' },
    'in-flight': { type: 'string', default: '32' },
    'link-lost': { type: 'string', default: '0' },
    rows: { type: 'string' },
  },
});
const inFlight = Number(values['in-flight']);
const linkLostMs = Number(values['link-lost']);
const NAMESPACE = 'sb_failover';
const USERS = 500;
const BEFORE_MS = 2_000;
const AFTER_MS = 1_000;
const LIMIT_MS = 60_000;
const PROBE_MS = 5;
const HEAD =
  'date,kind,round,in_flight,link_lost_ms,redis,logins,logouts,lost_logins,revived_logouts,outages,silent_ms,wrong_reads';

interface Rig {
  url: string;
  nodes: readonly RedisFixture[];
  /** The node that a session of this token is on. */
  primaryOf(token: string): Promise<RedisFixture>;
  stop(): Promise<void>;
}

async function startRig(kind: string): Promise<Rig> {
  if (kind === 'sentinel') {
    const fixture = await startSentinelFixture('second');
    const read = readServiceUrl(fixture.url, REDIS_URL);
    if ('fault' in read) throw new Error(read.fault.got);
    const nodes = [fixture.primary, fixture.replica];
    return { url: read.url, nodes, primaryOf: async () => fixture.primary, stop: fixture.stop };
  }
  const fixture = await startClusterFixture('second', SOON_REPLACED);
  return {
    url: fixture.url,
    nodes: fixture.nodes,
    primaryOf(token) {
      const place = taggedSpaces(NAMESPACE).placeOf(token);
      return fixture.primaryOf(`${place?.space.sessions}${place?.id}`);
    },
    stop: fixture.stop,
  };
}

/** What has been acknowledged, and how the store answered. */
class Ledger {
  readonly loggedIn = new Set<string>();
  readonly loggedOut = new Set<string>();
  /** Calls that ended in an outage: their sessions may be in either state. */
  readonly unknown = new Set<string>();
  outages = 0;
  wrongReads = 0;
  isOver = false;

  async logInAndOut(store: SessionStore, worker: number): Promise<void> {
    let mine: string | undefined;
    for (let step = 0; !this.isOver; step += 1) {
      const token = mine;
      // Every other login stays.
      mine =
        token === undefined ? await this.logIn(store, `user${(worker * 7_919 + step) % USERS}`) : undefined;
      if (token !== undefined && step % 4 === 1) await this.logOut(store, token);
    }
  }

  private async logIn(store: SessionStore, userId: string): Promise<string | undefined> {
    const made = await this.ask(store.create({ userId, role: 'user', data: 'd' }));
    if (made?.status !== 'created') return undefined;
    this.loggedIn.add(made.token);
    return made.token;
  }

  private async logOut(store: SessionStore, token: string): Promise<void> {
    this.loggedIn.delete(token);
    const ended = await this.ask(store.destroy(token));
    (ended === true ? this.loggedOut : this.unknown).add(token);
  }

  /** `undefined` in an outage. @throws every other error. */
  async ask<T>(call: Promise<T>): Promise<T | undefined> {
    try {
      return await call;
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
      this.outages += 1;
      // Refused at once: a busy loop would take the processor that the election needs.
      await sleep(PROBE_MS);
      return undefined;
    }
  }
}

async function failOver(kind: string, round: number): Promise<(string | number)[]> {
  const rig = await startRig(kind);
  const onBackgroundError = () => undefined;
  const context = contextFor(redis, { serviceUrl: rig.url, namespace: NAMESPACE, onBackgroundError });
  const store = await openStore(redis, context);
  try {
    const ledger = new Ledger();
    const watched = await store.create({ userId: 'watched', role: 'user', data: 'd' });
    if (watched.status !== 'created') throw new Error(`expected a login, got ${watched.status}`);
    const victim = await rig.primaryOf(watched.token);
    const version = /redis_version:(\S+)/.exec(String(await victim.command('INFO', 'server')))?.[1] ?? '';
    const load = Promise.all(
      Array.from({ length: inFlight }, (_, worker) => ledger.logInAndOut(store, worker)),
    );
    await sleep(BEFORE_MS);
    const replica = await cutReplica(rig, victim);
    await sleep(linkLostMs);
    await victim.kill();
    replica?.resume();
    const silentMs = await silence(store, watched.token, ledger);
    await sleep(AFTER_MS);
    ledger.isOver = true;
    await load;
    const { loggedIn, loggedOut, outages, wrongReads } = ledger;
    const lost = (await alive(store, loggedIn)).filter((isAlive) => !isAlive).length;
    const revived = (await alive(store, loggedOut)).filter((isAlive) => isAlive).length;
    const date = new Date().toISOString().slice(0, 16);
    const counts = [loggedIn.size + loggedOut.size, loggedOut.size, lost, revived, outages];
    return [date, kind, round, inFlight, linkLostMs, version, ...counts, Math.round(silentMs), wrongReads];
  } finally {
    await store.close();
    await rig.stop();
  }
}

/** Freezes the replica and closes its connection: what is written now is lost with the primary. */
async function cutReplica({ nodes }: Rig, victim: RedisFixture): Promise<RedisFixture | undefined> {
  if (linkLostMs === 0) return undefined;
  const [, , [[, port] = []] = []] = (await victim.command('ROLE')) as [string, number, [string, string][]];
  const replica = nodes.find(({ url }) => new URL(url).port === port);
  replica?.pause();
  await victim.command('CLIENT', 'KILL', 'TYPE', 'replica');
  return replica;
}

/** Milliseconds from the kill to the first answer. A session that was replicated long ago must not be a miss. */
async function silence(store: SessionStore, token: string, ledger: Ledger): Promise<number> {
  const startMs = performance.now();
  while (performance.now() - startMs < LIMIT_MS) {
    const answer = await store.read(token).then(
      (session) => session !== undefined,
      (error: unknown) => {
        if (error instanceof StoreUnavailableError) return undefined;
        throw error;
      },
    );
    if (answer === true) return performance.now() - startMs;
    if (answer === false) ledger.wrongReads += 1;
    await sleep(PROBE_MS);
  }
  throw new Error(`expected an answer within ${LIMIT_MS} ms of the kill, got none`);
}

async function alive(store: SessionStore, tokens: Iterable<string>): Promise<boolean[]> {
  const rest = [...tokens];
  const results: boolean[] = [];
  while (rest.length > 0)
    results.push(
      ...(await Promise.all(
        rest.splice(0, 50).map(async (token) => (await store.read(token)) !== undefined),
      )),
    );
  return results;
}

for (const kind of values.kind.split(','))
  for (let round = 1; round <= Number(values.rounds); round += 1) {
    const row = (await failOver(kind, round)).join(',');
    console.log(row);
    if (values.rows === undefined) continue;
    const before = existsSync(values.rows) ? readFileSync(values.rows, 'utf8') : `${HEAD}\r\n`;
    writeFileSync(values.rows, `${before}${row}\r\n`);
  }
