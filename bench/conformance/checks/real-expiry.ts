import { setTimeout as sleep } from 'node:timers/promises';
import { assume, countAccepting, expectStatus, isStillLoggedIn, logInAtHome } from '../acts.ts';
import type { Scene } from '../scene.ts';

/** Lifetimes of seconds, every read a touch; where tokens are renewed, several fit into the idle time. */
const SHORT = { idleSeconds: 3, absoluteSeconds: 5, touchIntervalSeconds: 0, accessSeconds: 1 };
/** Margin after an expiry, larger than any rounding. */
const AFTER_MS = 250;
const EVERY_MS = 400;
/**
 * With reads further apart the login in use could idle away: then the machine is too slow, and nothing was observed.
 */
const MAX_GAP_MS = 1500;

/** Observations with real clocks, so that the store's own expiry takes part. */
export interface RealLives {
  idleSeconds: number;
  absoluteSeconds: number;
  /** A login that was not used for longer than the idle time. */
  left: { accepted: number; of: number };
  /** Whether one that was read all the time was alive after the idle time. */
  renewed: boolean;
  /** The same login, after the absolute time. */
  used: { accepted: number; of: number };
  /** Whether the service still held the data of the first in the end; `undefined` where it never did. */
  inStore: boolean | undefined;
}

const observations = new WeakMap<Scene, Promise<RealLives>>();

/** Observed once for each backend, for it takes more than five seconds: checks 18 and 19 share the result. */
export function observeRealExpiry(scene: Scene): Promise<RealLives> {
  const known = observations.get(scene);
  if (known !== undefined) return known;
  const looking = observe(scene);
  observations.set(scene, looking);
  return looking;
}

async function observe(scene: Scene): Promise<RealLives> {
  const site = await scene.variant({ name: 'short', server: SHORT });
  const left = await logInAtHome(site);
  const canary = `left-alone-${String(site.random()).slice(2)}`;
  expectStatus(await left.browser.perform('update', { data: canary }), 200, 'an update');
  const leftToken = left.browser.token() ?? left.token;
  const held = await holds(site, canary);
  const used = await logInAtHome(site);
  const startMs = Date.now();

  /** Reads the login in use until a moment; returns when it was last seen alive. */
  async function use(untilMs: number): Promise<number> {
    let readMs = Date.now();
    let aliveMs = 0;
    while (Date.now() < untilMs) {
      if (await isStillLoggedIn(site, used.browser)) aliveMs = Date.now();
      assume(Date.now() - readMs <= MAX_GAP_MS, `expected reads within ${MAX_GAP_MS} ms, got slower ones`);
      readMs = Date.now();
      await sleep(EVERY_MS);
    }
    return aliveMs;
  }

  const idleOverMs = startMs + SHORT.idleSeconds * 1000;
  const aliveMs = await use(idleOverMs + AFTER_MS + EVERY_MS);
  const leftSeen = await countAccepting(site, leftToken);
  await use(startMs + SHORT.absoluteSeconds * 1000 + AFTER_MS);
  return {
    idleSeconds: SHORT.idleSeconds,
    absoluteSeconds: SHORT.absoluteSeconds,
    left: leftSeen,
    renewed: aliveMs > idleOverMs,
    used: await countAccepting(site, used.browser.token() ?? used.token),
    inStore: held === true ? await holds(site, canary) : undefined,
  };
}

/** Whether the service holds this text; `undefined` without a service. */
async function holds(site: Scene, text: string): Promise<boolean | undefined> {
  const dump = await site.own?.service?.dump();
  return dump?.includes(text);
}
