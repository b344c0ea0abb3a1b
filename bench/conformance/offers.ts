/** Offers forged and hostile values as session tokens at every door of a site, and counts the results. */

import { assume, currentUser, logInAtHome } from './acts.ts';
import type { Browser } from './browser.ts';
import { type Check, firstFew, holds, notApplicable, type Observation, violated } from './check.ts';
import { jarOf, linesFor } from './credential.ts';
import { rawStatus } from './foreign-reply.ts';
import type { Forgery } from './forge.ts';
import type { Scene } from './scene.ts';

/** The result of offers. Texts say how a value was made, never the value. */
export interface Offered {
  values: number;
  offers: number;
  /** Each offer that opened a session. */
  accepted: readonly string[];
  /** Each offer that got a 5xx. */
  failed: readonly string[];
}

/** An entrance: through the balancer, or to one server past it. */
export interface Door {
  browser: Browser;
  server: number | undefined;
}

/**
 * The balancer, and each server that can be addressed. Open them once for many offers: each has its own connections.
 */
export function doorsOf(scene: Scene): Door[] {
  return placesOf(scene).map((server) => ({
    browser: server === undefined ? scene.browser() : scene.browserOf(server),
    server,
  }));
}

/** What node:http sends unchanged, and every balancer forwards. */
const SENDABLE = /^[\x20-\x7e]{0,8000}$/;
const ABREAST = 12;
/** A refusal has arrived by then; a closed connection ends the wait at once. */
const SILENCE_MS = 500;

/** Reads with each value as the token at each door. @param doors fewer than all of them. */
export async function offer(
  scene: Scene,
  forgeries: readonly Forgery[],
  doors: readonly Door[] = doorsOf(scene),
): Promise<Offered> {
  const accepted: string[] = [];
  const failed: string[] = [];
  const offers = forgeries.flatMap((forgery) => doors.map((door) => ({ ...forgery, door })));
  await forEachConcurrently(offers, async ({ how, token, door }) => {
    const statuses = await readWith(scene, door, token);
    if (statuses.some((status) => status >= 200 && status < 300)) accepted.push(how);
    if (statuses.some((status) => status >= 500)) failed.push(how);
  });
  return { values: forgeries.length, offers: offers.length, accepted, failed };
}

/** The statuses of a read with this token: more than one where the value ends the request and begins another. */
async function readWith(scene: Scene, { browser, server }: Door, token: string): Promise<readonly number[]> {
  if (SENDABLE.test(token)) return [(await browser.holding(token).perform('read')).status];
  const { contract } = scene;
  const { operations } = contract;
  const head = `${operations.read.method} ${operations.read.path} HTTP/1.1\r\nHost: site\r\nConnection: close\r\n`;
  return sendRaw(scene, server, `${head}${linesFor(jarOf(contract, token), contract)}\r\n`);
}

/** The balancer (`undefined`), and the number of each server that can be addressed. */
export function placesOf({ servers }: Scene): readonly (number | undefined)[] {
  return [undefined, ...Array.from({ length: servers }, (_, server) => server)];
}

/**
 * Sends text as UTF-8, bypassing the checks of node:http.
 * @returns the statuses of all replies: none when the connection was closed before.
 */
export async function sendRaw(scene: Scene, server: number | undefined, text: string): Promise<number[]> {
  const place = server === undefined ? {} : { server };
  const received = await scene.raw(Buffer.from(text), { silenceMs: SILENCE_MS, ...place });
  const replies = received.split(/^(?=HTTP\/1\.[01] \d{3})/m).filter((reply) => reply !== '');
  const { contract } = scene;
  return replies.flatMap((reply) => {
    const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(reply)?.[1]);
    if (Number.isNaN(status)) return [];
    return contract.foreign === undefined ? status : rawStatus(reply, status, contract, contract.foreign);
  });
}

/** Calls `act` for each item, with limited concurrency. */
export async function forEachConcurrently<T>(
  items: readonly T[],
  act: (item: T) => Promise<void>,
  width = ABREAST,
) {
  const queue = items.values();
  await Promise.all(
    Array.from({ length: width }, async () => {
      for (const item of queue) await act(item);
    }),
  );
}

/** In words: how many were accepted or failed, and the first few kinds. */
export function wordsOf({ values, offers, accepted, failed }: Offered, what: string): string {
  const named = firstFew([...accepted, ...failed], 3);
  const counts = `${values} ${what} in ${offers} offers: ${accepted.length} accepted, ${failed.length} got a 5xx`;
  return named === '' ? counts : `${counts} (${named})`;
}

/** Whether nothing was accepted and nothing broke. */
export function isInert({ accepted, failed }: Offered): boolean {
  return accepted.length + failed.length === 0;
}

/** Holds when all were refused; where the property does not apply, they must have had no effect either. */
export function refusal(scene: Scene, offered: Offered, what: string): Observation {
  const evidence = wordsOf(offered, what);
  if (!isInert(offered)) return violated(evidence);
  if (scene.subject.traits.dataInToken) return holds(evidence);
  return notApplicable(`${offered.values} ${what} inert on all servers`);
}

/** Observes while another user is logged in, who must still be logged in afterwards. */
export function besideBystander(observe: Check['observe']): Check['observe'] {
  return async (scene) => {
    const { browser } = await logInAtHome(scene);
    const before = await currentUser(scene, browser);
    assume(before !== undefined, 'expected a fresh login to be accepted');
    const observation = await observe(scene);
    if ((await currentUser(scene, browser)) === before) return observation;
    return violated(`${observation.evidence}; and a bystander's session did not survive it`);
  };
}
