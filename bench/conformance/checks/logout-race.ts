/** Requests of a session that are in flight during its logout, and what survives of it. */

import { acceptedInTime, assume, type Copies, expectStatus, isOver, logIn, times } from '../acts.ts';
import type { Browser, Reply } from '../browser.ts';
import type { Scene } from '../scene.ts';
import { cookiesOf, isDeletion } from './tour.ts';

const CLIENTS = 6;
const REQUESTS_EACH = 3;

/** The requests that race with a logout; clients send these in turn. */
export type Racer = 'update' | 'read' | 'rotate';

/** Result of the races. */
export interface Races {
  tries: number;
  /** Races after which a token that was seen in them still opened the session. */
  alive: number;
  /** Requests served before the logout. */
  served: number;
  tokens: number;
}

/** Races one user's requests against the logout. @throws ExperimentFailed when the logout always came first. */
export async function racesOf(scene: Scene, racers: readonly Racer[], tries: number): Promise<Races> {
  const browser = scene.browser();
  const races: Races = { tries, alive: 0, served: 0, tokens: 0 };
  await times(tries, async () => {
    const { copies, served } = await raceLogout(scene, browser, racers);
    races.served += served;
    races.tokens += copies.length;
    const alive = await Promise.all(
      copies.map((copy) => acceptedInTime(scene, async () => ((await isOver(scene, copy)) ? 0 : 1))),
    );
    if (alive.includes(1)) races.alive += 1;
  });
  assume(races.served > 0, 'expected some requests to precede their logout, got none');
  return races;
}

/** Tokens issued in a race. */
interface Seen {
  tokens: Set<string>;
  refreshTokens: Set<string>;
  /** By rotations: each identifies a session that the logout did not name. */
  renamed: Set<string>;
}

function record(scene: Scene, seen: Seen, racer: Racer, reply: Reply): void {
  const { cookie, refreshCookie } = scene.contract;
  const valuesOf = (name: string) =>
    cookiesOf([{ operation: racer, reply }], [name])
      .filter((line) => !isDeletion(line) && line.value !== '')
      .map(({ value }) => value);
  for (const value of valuesOf(cookie)) {
    seen.tokens.add(value);
    if (racer === 'rotate') seen.renamed.add(value);
  }
  if (refreshCookie === undefined) return;
  for (const value of valuesOf(refreshCookie)) seen.refreshTokens.add(value);
}

/**
 * Several clients of one browser race with a logout of the same session. The logout is sent at a random moment: during
 * the first burst, or after some of the requests have completed.
 * @returns copies of every token that was seen, and how many requests were served.
 */
async function raceLogout(
  scene: Scene,
  browser: Browser,
  racers: readonly Racer[],
): Promise<{ copies: Copies[]; served: number }> {
  browser.cookies.clear();
  const login = await logIn(scene, { browser });
  const { token, refresh } = login;
  const seen: Seen = {
    tokens: new Set([token]),
    refreshTokens: new Set(refresh === undefined ? [] : [refresh]),
    renamed: new Set(),
  };
  const logoutPlace = Math.floor(scene.random() * (CLIENTS + 1));
  const repliesBefore = Math.floor(scene.random() * CLIENTS * (REQUESTS_EACH - 1));
  let served = 0;
  let replies = 0;
  let isOut = false;

  async function logOutWhenDue(): Promise<void> {
    if (isOut || replies < repliesBefore) return;
    isOut = true;
    record(scene, seen, 'update', expectStatus(await browser.perform('logout'), 200, 'a logout'));
  }
  async function client(index: number): Promise<void> {
    for (let request = 0; request < REQUESTS_EACH; request += 1) {
      // The browser knows that it is logged out: further requests do not belong to this session.
      if (browser.token() === undefined) return;
      const racer = racers[(index + request) % racers.length] ?? 'update';
      const reply = await browser.perform(racer, { data: `client ${index}, request ${request}` });
      replies += 1;
      record(scene, seen, racer, reply);
      // 401: the logout came first, or a server does not know the session. 409: another client came first.
      if (reply.status !== 401 && reply.status !== 409)
        expectStatus(reply, 200, `a ${racer} during a logout`);
      if (reply.status === 200) served += 1;
      await logOutWhenDue();
    }
  }

  const sent: Promise<void>[] = [];
  for (let place = 0; place <= CLIENTS; place += 1) {
    if (place === logoutPlace) sent.push(logOutWhenDue());
    if (place < CLIENTS) sent.push(client(place));
  }
  await Promise.all(sent);
  // A rotation before a logout with the old id creates a session under another id, which must be ended by that id, at
  // the server to which the browser is pinned.
  for (const renamed of seen.renamed) {
    if (scene.contract.refreshCookie !== undefined) browser.cookies.delete(scene.contract.refreshCookie);
    browser.cookies.set(scene.contract.cookie, renamed);
    expectStatus(await browser.perform('logout'), 200, 'a logout');
  }
  const alone = [...seen.tokens].map((value) => ({ token: value }));
  const renewing = [...seen.refreshTokens].map((value) => ({ token, refresh: value }));
  return { copies: [...alone, ...renewing], served };
}
