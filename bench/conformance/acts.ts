/** Steps that checks take in a scene. When one that must succeed does not, the experiment has failed, not the backend. */

import { setTimeout as sleep } from 'node:timers/promises';
import { fieldIn, isName } from '../load/json-field.ts';
import type { Browser, Reply } from './browser.ts';
import type { Scene } from './scene.ts';

/** The experiment could not be carried out: neither a pass nor a fail. */
export class ExperimentFailed extends Error {}

/** Fails the experiment unless a precondition holds, as `assume` does in frameworks for tests. */
export function assume(isMet: boolean, message: string): asserts isMet {
  if (!isMet) throw new ExperimentFailed(message);
}

/** A login, with everything that is known about it. */
export interface Login {
  user: string;
  browser: Browser;
  token: string;
  /** The refresh token that came with it; `undefined` where the site issues none. */
  refresh: string | undefined;
  reply: Reply;
  /** The server that created it; `undefined` when replies do not name it. */
  home: number | undefined;
}

/**
 * Logs a fresh user in.
 * @param options.at one server, past the balancer. options.browser one that already has cookies.
 */
export async function logIn(
  scene: Scene,
  options: { user?: string; at?: number; browser?: Browser } = {},
): Promise<Login> {
  const user = options.user ?? scene.freshUser();
  const browser =
    options.browser ?? (options.at === undefined ? scene.browser() : scene.browserOf(options.at));
  const reply = await browser.perform('login', { user, password: scene.password });
  const token = browser.token();
  if (reply.status !== 200 || token === undefined)
    throw new ExperimentFailed(`expected a login of a fresh user, got ${describeReply(reply)}`);
  return {
    user,
    browser,
    token,
    refresh: refreshTokenIn(scene, browser),
    reply,
    home: scene.serverOf(reply),
  };
}

/** The refresh token in a browser's jar; `undefined` without one, and where the contract has no cookie for it. */
export function refreshTokenIn({ contract }: Scene, { cookies }: Browser): string | undefined {
  return contract.refreshCookie === undefined ? undefined : cookies.get(contract.refreshCookie);
}

/**
 * A login whose further requests go to the server that created it: for properties of a single server, wherever its
 * sessions are kept. Behind an external balancer it is an ordinary login.
 */
export async function logInAtHome(scene: Scene): Promise<Login> {
  return logIn(scene, scene.servers > 0 ? { at: Math.floor(scene.random() * scene.servers) } : {});
}

/** Fails the experiment unless the reply has this status, or one of these. */
export function expectStatus(reply: Reply, status: number | readonly number[], what: string): Reply {
  const expected = [status].flat();
  if (expected.includes(reply.status)) return reply;
  throw new ExperimentFailed(
    `expected status ${expected.join(' or ')} for ${what}, got ${describeReply(reply)}`,
  );
}

/** A field of a JSON reply, as {@link fieldIn} finds it. */
export const fieldOf = (reply: Reply, path: string): unknown => fieldIn(reply.body, path);

/** The user of a browser's session: a name, null for an anonymous session, `undefined` without a session. */
export async function currentUser(scene: Scene, browser: Browser): Promise<string | null | undefined> {
  const reply = expectStatus(await browser.perform('read'), [200, 401], 'a read');
  if (reply.status === 401) return undefined;
  const user = fieldOf(reply, scene.contract.fields.user);
  return isName(user) ? String(user) : null;
}

/** What a read shows of the user of a login: on some sites it is another name, or a number. */
export async function shownName(
  scene: Scene,
  { browser, user }: Pick<Login, 'browser' | 'user'>,
): Promise<string> {
  if (scene.contract.foreign?.showsOther !== true) return user;
  return (await currentUser(scene, browser)) ?? user;
}

/**
 * Whether a browser's session is still alive for its user: where tokens are short-lived and renewed by a refresh token,
 * the client refreshes and tries again.
 */
export async function isStillLoggedIn(scene: Scene, browser: Browser): Promise<boolean> {
  if ((await currentUser(scene, browser)) !== undefined) return true;
  if (scene.subject.traits.refresh !== 'rotating') return false;
  return isRenewal(await browser.perform('refresh')) && (await currentUser(scene, browser)) !== undefined;
}

/** Whether a refresh was granted. @throws ExperimentFailed when it was neither granted nor refused. */
function isRenewal(reply: Reply): boolean {
  return expectStatus(reply, [200, 401], 'a refresh').status === 200;
}

/** Requests through a balancer whose servers cannot be addressed: enough to reach each of a few. */
const BLIND_READS = 9;
/** Interval at which servers are asked again while they may not have heard of a revocation. */
const ASK_AGAIN_MS = 10;

/** A new browser at each server; where servers cannot be addressed, `blind` browsers at the balancer. */
export function browsersAtServers({ servers, browserOf, browser }: Scene, blind = 1): Browser[] {
  if (servers > 0) return Array.from({ length: servers }, (_, server) => browserOf(server));
  return Array.from({ length: blind }, () => browser());
}

/**
 * The number of servers on which a token opens a session; where servers cannot be addressed, of requests to the
 * balancer. Of several tokens, the sum.
 * @returns `of` is the number of reads.
 */
export async function countAccepting(
  scene: Scene,
  ...tokens: string[]
): Promise<{ accepted: number; of: number }> {
  const browsers = browsersAtServers(scene, BLIND_READS);
  let accepted = 0;
  for (const token of tokens) {
    for (const browser of browsers)
      if ((await currentUser(scene, browser.holding(token))) !== undefined) accepted += 1;
  }
  return { accepted, of: tokens.length * browsers.length };
}

/** The longest that a server may accept what has been ended, ms: 0 where that is refused at once, or only when it expires. */
export const boundMsOf = ({ subject }: Scene): number => subject.traits.revocationBoundMs ?? 0;

/**
 * How many are still accepted once what has been ended must be refused everywhere. Where the traits give servers time
 * to hear of it, asks until no more than `allowed` are, or the time is over.
 */
export async function acceptedInTime(
  scene: Scene,
  count: () => Promise<number>,
  allowed = 0,
): Promise<number> {
  const limitMs = performance.now() + boundMsOf(scene);
  for (;;) {
    const accepted = await count();
    if (accepted <= allowed || performance.now() >= limitMs) return accepted;
    await sleep(ASK_AGAIN_MS);
  }
}

/** As {@link countAccepting}, of what has been ended. */
export async function countSurviving(scene: Scene, ...tokens: string[]) {
  let of = 0;
  const accepted = await acceptedInTime(scene, async () => {
    const seen = await countAccepting(scene, ...tokens);
    of = seen.of;
    return seen.accepted;
  });
  return { accepted, of };
}

/** Copies of the tokens of a login, as a thief would have them. */
export type Copies = Pick<Login, 'token'> & { refresh?: string | undefined };

/** How many servers exchange the refresh token; 0 for a login without one. A use ends the token. */
export async function countRenewing(scene: Scene, { token, refresh }: Copies): Promise<number> {
  if (refresh === undefined) return 0;
  let renewed = 0;
  for (const browser of browsersAtServers(scene, BLIND_READS)) {
    const thief = holdingBoth(scene, browser, { token, refresh });
    if (isRenewal(await thief.perform('refresh'))) renewed += 1;
  }
  return renewed;
}

/** Another browser at the same address, whose jar holds only these tokens. */
export function holdingBoth({ contract }: Scene, browser: Browser, { token, refresh }: Copies): Browser {
  const holder = browser.holding(token);
  if (contract.refreshCookie !== undefined && refresh !== undefined)
    holder.cookies.set(contract.refreshCookie, refresh);
  return holder;
}

/**
 * Whether a login has ended for every holder of its tokens: no server accepts the token, or exchanges the refresh
 * token. The latter is only tried when the token opens nothing, so that a live login is left unchanged.
 */
export async function isOver(scene: Scene, copies: Copies): Promise<boolean> {
  if ((await countAccepting(scene, copies.token)).accepted > 0) return false;
  return (await countRenewing(scene, copies)) === 0;
}

/** The sum of each field that is a number, over the rounds of a check: one at least. */
export function totalsOf<T extends object>(rounds: readonly T[]): Totals<T> {
  const totals: Record<string, number> = {};
  for (const round of rounds) {
    for (const [field, value] of Object.entries(round))
      if (typeof value === 'number') totals[field] = (totals[field] ?? 0) + value;
  }
  return totals as Totals<T>;
}

type Totals<T> = { [Field in keyof T as T[Field] extends number ? Field : never]: number };

/** Runs `act` this many times, one after the other. */
export async function times<T>(count: number, act: (index: number) => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  for (let index = 0; index < count; index += 1) results.push(await act(index));
  return results;
}

/** A reply in a few words, without secrets: of its body only a short error code is included. */
export function describeReply(reply: Reply): string {
  const error = fieldOf(reply, 'error');
  return `${reply.status}${typeof error === 'string' ? ` ${error.slice(0, 40)}` : ''}`;
}
