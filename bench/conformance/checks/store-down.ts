/** Check 48: the replies while the store is down, and that there are any. */

import { setTimeout as sleep } from 'node:timers/promises';
import type { OperationName } from '../../config/contract.ts';
import { boundMsOf, currentUser, describeReply, expectStatus, logIn } from '../acts.ts';
import type { Browser, Reply } from '../browser.ts';
import { firstFew, notApplicable, type Observation, verdict } from '../check.ts';
import type { OwnService, Scene } from '../scene.ts';
import { type OutageSite, openOutageSite, recover, untilServing, untilWritten } from './outage-site.ts';

/** Longest that a store that does not reply may delay a request. */
const ANSWER_WITHIN_MS = 3_000;

/** An outage is neither a logout nor a login, and the reply says so. */
const ONLY_UNAVAILABLE: readonly number[] = [503];
/** For a token that opens nothing anyway: the backend may or may not need the store to know that. */
const NOBODY: readonly number[] = [401, 503];

/** One request during the outage. */
interface Try {
  what: string;
  allowed: readonly number[];
  /** Whether a reply may delete the client's token. */
  mayEndSession: boolean;
  /** Whether it holds a live session, so that a 401 would be wrong. */
  isLive: boolean;
  send(): Promise<Reply>;
}

interface Outage {
  tries: number;
  slowestMs: number;
  faults: string[];
  /** Faults that take an outage for a session that does not exist. */
  misses: string[];
}

/** Kills the store, then freezes it, and each time tries every operation on every server and through the balancer. */
export async function observeStoreDown(scene: Scene): Promise<Observation> {
  const site = await openOutageSite(scene);
  const service = site?.own.service;
  if (site === undefined || service === undefined)
    return notApplicable('there is no store that can be stopped');
  const killed = await killedStore(site, service);
  const frozen = await frozenStore(site, service);
  const evidence = `killed: ${describeOutage(killed)}; frozen: ${describeOutage(frozen)}`;
  const isWell = killed.faults.length + frozen.faults.length === 0 && !killed.hadRestart;
  const misses = [...killed.misses, ...frozen.misses];
  if (misses.length === 0) return verdict(isWell, evidence);
  return {
    ...verdict(isWell, evidence),
    fault: `an outage was answered as a logout: ${firstFew(misses, 3)}`,
  };
}

type Seen = Outage & { recoveredMs: number; hadRestart: boolean };

async function killedStore(site: OutageSite, service: OwnService): Promise<Seen> {
  const tries = await prepare(site);
  await untilWritten(site.scene.subject);
  await service.kill();
  const outage = await untilNoticed(site.scene, tries).finally(service.start);
  const { tookMs, faults, hadRestart } = await recover(site);
  return { ...outage, faults: [...outage.faults, ...faults], recoveredMs: tookMs, hadRestart };
}

async function frozenStore(site: OutageSite, service: OwnService): Promise<Seen> {
  const tries = await prepare(site);
  const kept = await logIn(site.scene);
  service.pause();
  const outage = await untilNoticed(site.scene, tries).finally(service.resume);
  const { isServing, tookMs, faults: late } = await untilServing(site);
  const faults = [...outage.faults, ...late];
  if (isServing && (await currentUser(site.scene, kept.browser)) !== kept.user)
    faults.push('a session that no request used is gone after the thaw');
  return { ...outage, faults, recoveredMs: tookMs, hadRestart: false };
}

/** Logs users in, one for each request: a frozen store may still carry a request out later. */
async function prepare({ scene, everyServer }: OutageSite): Promise<Try[]> {
  const places = [
    { name: 'balancer', open: () => scene.browser() },
    ...everyServer.map((server) => ({ name: `server ${server + 1}`, open: () => scene.browserOf(server) })),
  ];
  const tries: Try[] = [];
  for (const { name, open } of places) tries.push(...(await triesAt(scene, name, open)));
  return tries;
}

async function triesAt(scene: Scene, place: string, open: () => Browser): Promise<Try[]> {
  const all: OperationName[] = ['read', 'update', 'rotate', 'list', 'logout'];
  const names = all.filter((name) => scene.contract.operations[name] !== undefined);
  if (scene.subject.traits.refresh === 'rotating') names.push('refresh');
  const tries: Try[] = [];
  for (const operation of names) {
    const { browser } = await logIn(scene, { browser: open() });
    tries.push({
      what: `${operation} at ${place}`,
      allowed: ONLY_UNAVAILABLE,
      mayEndSession: operation === 'logout',
      isLive: true,
      send: () => browser.perform(operation, { data: 'written during the outage' }),
    });
  }
  const stranger = open();
  tries.push({
    what: `login at ${place}`,
    allowed: ONLY_UNAVAILABLE,
    mayEndSession: true,
    isLive: false,
    send: () => stranger.perform('login', { user: scene.freshUser(), password: scene.password }),
  });
  return [...tries, ...(await worthlessTokens(scene, place, open))];
}

/** Reads with tokens that open nothing, and must not start to because they cannot be looked up. */
async function worthlessTokens(scene: Scene, place: string, open: () => Browser): Promise<Try[]> {
  const { browser, token } = await logIn(scene, { browser: open() });
  const ended = browser.holding(token);
  expectStatus(await browser.perform('logout'), 200, 'a logout');
  const middle = Math.floor(token.length / 2);
  const forged = `${token.slice(0, middle)}${token[middle] === 'A' ? 'B' : 'A'}${token.slice(middle + 1)}`;
  const holders = {
    'an ended': ended,
    'a forged': browser.holding(forged),
    'a garbage': browser.holding('x'),
  };
  return Object.entries(holders).map(([kind, holder]) => ({
    what: `read with ${kind} token at ${place}`,
    allowed: NOBODY,
    mayEndSession: true,
    isLive: false,
    send: () => holder.perform('read'),
  }));
}

/** Where a server holds a copy of what it would ask for, it may reply for so long as if there were no outage. */
async function untilNoticed(scene: Scene, tries: readonly Try[]): Promise<Outage> {
  await sleep(boundMsOf(scene));
  return carryOut(scene, tries);
}

/** All at once: a frozen store delays each of them up to its limit. */
async function carryOut(scene: Scene, tries: readonly Try[]): Promise<Outage> {
  const faults: string[] = [];
  const misses: string[] = [];
  let slowestMs = 0;
  await Promise.all(
    tries.map(async (one) => {
      const startMs = performance.now();
      // A missing reply is what this check observes: it is not a failure of the experiment.
      const reply = await one
        .send()
        .catch((error: unknown) => (error instanceof Error ? error : String(error)));
      const tookMs = Math.round(performance.now() - startMs);
      slowestMs = Math.max(slowestMs, tookMs);
      const fault = faultOf(scene, one, reply, tookMs);
      if (fault !== undefined) faults.push(`${one.what}: ${fault}`);
      if (fault !== undefined && isMiss(one, reply)) misses.push(`${one.what}: ${fault}`);
    }),
  );
  return { tries: tries.length, slowestMs, faults, misses };
}

/** Whether a live session is said not to exist. */
function isMiss({ isLive }: Try, reply: Reply | Error | string): boolean {
  return isLive && typeof reply === 'object' && 'status' in reply && reply.status === 401;
}

function faultOf(scene: Scene, one: Try, reply: Reply | Error | string, tookMs: number): string | undefined {
  if (reply instanceof Error || typeof reply === 'string') return `no reply within ${tookMs} ms`;
  if (!one.allowed.includes(reply.status)) return describeReply(reply);
  if (tookMs > ANSWER_WITHIN_MS) return `${reply.status} only after ${tookMs} ms`;
  const takesToken = reply.setCookies.some((line) => line.startsWith(`${scene.contract.cookie}=`));
  return takesToken && !one.mayEndSession ? `${reply.status} that changes the session cookie` : undefined;
}

function describeOutage({ tries, slowestMs, faults, recoveredMs, hadRestart }: Seen): string {
  const seen = faults.length === 0 ? '' : ` (${firstFew(faults, 4)})`;
  const back = hadRestart
    ? `not back by itself, for the deny list was lost: serving ${recoveredMs} ms after all servers were restarted by hand`
    : `serving again by itself after ${recoveredMs} ms`;
  return `${faults.length} faults in ${tries} requests${seen}, slowest ${slowestMs} ms, ${back}`;
}
