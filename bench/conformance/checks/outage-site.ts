/** The site that the checks of outages break: kills, restarts, and the wait until it serves again. */

import { setTimeout as sleep } from 'node:timers/promises';
import { assume, describeReply } from '../acts.ts';
import type { Subject } from '../check.ts';
import { OUTAGE, type OwnService, type Scene, type SiteProcesses } from '../scene.ts';

/** Interval and limit of the wait for recovery. */
const POLL_MS = 250;
const RECOVERY_LIMIT_MS = 15_000;

/**
 * Upper bound, with a margin, on how long an acknowledged write at durability `second` stays in the process, which
 * loses it in a crash. Redis: up to 2 s behind a slow fsync. Postgres: three times `wal_writer_delay`, 0.6 s.
 */
const SECOND_WRITTEN_WITHIN_MS = 2_500;

/** A site that is separate from the one of other checks. */
export interface OutageSite {
  scene: Scene;
  own: SiteProcesses;
  /** Numbers of all its servers. */
  everyServer: readonly number[];
}

/** The one site of all these checks; `undefined` for external servers. */
export async function openOutageSite(scene: Scene): Promise<OutageSite | undefined> {
  if (scene.processes === undefined) return undefined;
  const site = await scene.variant({ name: OUTAGE });
  const { processes } = site;
  assume(processes !== undefined && site.servers > 0, 'expected a variant of our site to be ours as well');
  return { scene: site, own: processes, everyServer: Array.from({ length: site.servers }, (_, n) => n) };
}

/** Kills servers, observes while they are down, and restarts them in any case. */
export async function withoutServers<T>(
  { own }: OutageSite,
  servers: readonly number[],
  observe: () => Promise<T>,
): Promise<T> {
  await Promise.all(servers.map((server) => own.killServer(server)));
  try {
    return await observe();
  } finally {
    await Promise.all(servers.map((server) => own.startServer(server)));
  }
}

/** `kill -9` of servers, and their restart. */
export function restartServers(site: OutageSite, servers: readonly number[]): Promise<void> {
  return withoutServers(site, servers, async () => undefined);
}

/** Waits until acknowledged writes have the durability that was chosen. Returns the wait in words; '' for none. */
export async function untilWritten({ durability }: Subject): Promise<string> {
  if (durability !== 'second') return '';
  await sleep(SECOND_WRITTEN_WITHIN_MS);
  return `, ${SECOND_WRITTEN_WITHIN_MS} ms after the last write`;
}

/**
 * `kill -9` of the store, its restart, and the wait until all servers serve again.
 * @throws ExperimentFailed when they do not.
 */
export async function restartStore(site: OutageSite, service: OwnService): Promise<void> {
  await service.kill();
  await service.start();
  await recoverFromCrash(site);
  const { isServing, faults } = await untilServing(site);
  assume(isServing, `the site does not serve again: ${[...faults].join('; ')}`);
}

/** Whether a crash of the store loses the list of ended tokens. */
export function losesDenyList({ traits, durability }: Pick<Subject, 'traits' | 'durability'>): boolean {
  return traits.state === 'client-and-store' && durability === 'none';
}

/**
 * The manual step after the store has lost its deny list: servers that knew the lost one refuse every token until they
 * are restarted, for they can no longer tell which logins have ended.
 */
async function recoverFromCrash(site: OutageSite): Promise<void> {
  if (losesDenyList(site.scene.subject)) await restartServers(site, site.everyServer);
}

export interface Recovery {
  isServing: boolean;
  tookMs: number;
  /** Replies that no outage excuses: all except 200 and 503, and the last one of a server that does not recover. */
  faults: ReadonlySet<string>;
}

/** Waits until each server logs a user in and reads the session, for at most {@link RECOVERY_LIMIT_MS}. */
export async function untilServing({ scene, everyServer }: OutageSite): Promise<Recovery> {
  const startMs = performance.now();
  const faults = new Set<string>();
  const serving = await Promise.all(everyServer.map((server) => serves(scene, server, startMs, faults)));
  return { isServing: !serving.includes(false), tookMs: Math.round(performance.now() - startMs), faults };
}

/**
 * Waits for the site to recover by itself. Where the deny list is lost with the store, it may need a restart by hand,
 * so that the rest can be observed.
 */
export async function recover(site: OutageSite): Promise<Recovery & { hadRestart: boolean }> {
  const alone = await untilServing(site);
  if (alone.isServing || !losesDenyList(site.scene.subject)) return { ...alone, hadRestart: false };
  await restartServers(site, site.everyServer);
  const helped = await untilServing(site);
  return { ...helped, faults: new Set([...alone.faults, ...helped.faults]), hadRestart: true };
}

async function serves(scene: Scene, server: number, startMs: number, faults: Set<string>): Promise<boolean> {
  for (const browser = scene.browserOf(server); ; await sleep(POLL_MS)) {
    const login = await browser.perform('login', { user: scene.freshUser(), password: scene.password });
    const reply = login.status === 200 ? await browser.perform('read') : login;
    if (reply.status === 200) return true;
    if (reply.status !== 503) faults.add(`${describeReply(reply)} while it recovered`);
    if (performance.now() - startMs < RECOVERY_LIMIT_MS) continue;
    faults.add(
      `server ${server + 1} still replies ${describeReply(reply)} after ${RECOVERY_LIMIT_MS / 1000} s`,
    );
    return false;
  }
}
