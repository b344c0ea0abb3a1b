/** Steps that many checks take. Where a step must succeed and does not, the experiment has failed, not the backend. */

import type { Browser, Reply } from './browser.ts';
import type { Scene } from './scene.ts';

/** The experiment itself could not be carried out: neither a pass nor a fail. */
export class ExperimentFailed extends Error {}

/** A login, and all that is known of it. */
export interface Login {
  user: string;
  browser: Browser;
  token: string;
  /** The refresh token that came with it; `undefined` where the site gives none. */
  refresh: string | undefined;
  reply: Reply;
  /** The server that made it; `undefined` when it does not say. */
  home: number | undefined;
}

/**
 * Logs a fresh user in.
 * @param options.at one server, past the balancer. options.browser one that already holds cookies.
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
    throw new ExperimentFailed(`expected a login of a fresh user, got ${shown(reply)}`);
  return {
    user,
    browser,
    token,
    refresh: refreshTokenIn(scene, browser),
    reply,
    home: scene.serverOf(reply),
  };
}

/** The refresh token in a browser's jar; `undefined` without one, and where the contract names no cookie for it. */
export function refreshTokenIn({ contract }: Scene, { cookies }: Browser): string | undefined {
  return contract.refreshCookie === undefined ? undefined : cookies.get(contract.refreshCookie);
}

/**
 * A login whose further requests go to the server that made it: for what is a property of one server, wherever its
 * sessions live. Behind a balancer of somebody else's it is a login as any other.
 */
export async function logInAtHome(scene: Scene, user?: string): Promise<Login> {
  const at = scene.servers > 0 ? Math.floor(scene.random() * scene.servers) : undefined;
  return logIn(scene, { ...(user === undefined ? {} : { user }), ...(at === undefined ? {} : { at }) });
}

/** Fails the experiment unless the reply has this status. */
export function need(reply: Reply, status: number, what: string): Reply {
  if (reply.status === status) return reply;
  throw new ExperimentFailed(`expected ${what} to be answered with ${status}, got ${shown(reply)}`);
}

/** A field of a JSON reply, dots for nesting; `undefined` when it is not there or the body is no JSON. */
export function fieldOf(reply: Reply, path: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(reply.body);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  for (const key of path.split('.')) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Record<string, unknown>)[key];
  }
  return value;
}

/** Whom a browser is to the site: a user's name, null for an anonymous session, `undefined` for nobody. */
export async function whoIs(scene: Scene, browser: Browser): Promise<string | null | undefined> {
  const reply = await browser.perform('read');
  if (reply.status === 401) return undefined;
  if (reply.status !== 200) throw new ExperimentFailed(`expected 200 or 401 to a read, got ${shown(reply)}`);
  const user = fieldOf(reply, scene.contract.fields.user);
  return typeof user === 'string' ? user : null;
}

/**
 * Whether a browser's session goes on, as its user would find out: where tokens are short and renewed by a refresh token,
 * the client renews its own and asks again.
 */
export async function goesOn(scene: Scene, browser: Browser): Promise<boolean> {
  if ((await whoIs(scene, browser)) !== undefined) return true;
  if (scene.subject.traits.refresh !== 'rotating') return false;
  return isRenewal(await browser.perform('refresh')) && (await whoIs(scene, browser)) !== undefined;
}

/** Whether a refresh was granted. @throws ExperimentFailed when it was neither granted nor refused. */
function isRenewal(reply: Reply): boolean {
  if (reply.status === 200 || reply.status === 401) return reply.status === 200;
  throw new ExperimentFailed(`expected 200 or 401 to a refresh, got ${shown(reply)}`);
}

/** Requests through a balancer whose servers cannot be talked to one by one: enough to meet each of a few. */
const BLIND_READS = 9;

/** New browsers that meet each of the servers: one before each, or many before the balancer. */
function everywhere(scene: Scene): Browser[] {
  const { servers } = scene;
  return servers > 0
    ? Array.from({ length: servers }, (_, server) => scene.browserOf(server))
    : Array.from({ length: BLIND_READS }, () => scene.browser());
}

/**
 * On how many of the servers a token opens a session, asked one by one; where they cannot be, through the balancer.
 * @returns `of` is how many were asked.
 */
export async function acceptedBy(scene: Scene, token: string): Promise<{ accepted: number; of: number }> {
  const browsers = everywhere(scene);
  let accepted = 0;
  for (const browser of browsers) {
    if ((await whoIs(scene, browser.holding(token))) !== undefined) accepted += 1;
  }
  return { accepted, of: browsers.length };
}

/** Copies of the tokens of a login, as a thief would have them. */
export type Copies = Pick<Login, 'token'> & { refresh?: string | undefined };

/** How many of the servers give a new token for the refresh token; 0 for a login without one. A use ends the token. */
export async function renewedBy(scene: Scene, { token, refresh }: Copies): Promise<number> {
  const { refreshCookie } = scene.contract;
  if (refresh === undefined || refreshCookie === undefined) return 0;
  let renewed = 0;
  for (const browser of everywhere(scene)) {
    const thief = browser.holding(token);
    thief.cookies.set(refreshCookie, refresh);
    if (isRenewal(await thief.perform('refresh'))) renewed += 1;
  }
  return renewed;
}

/**
 * Whether a login is over for all who hold copies of its tokens: no server takes the token, or gives a new one for the
 * refresh token. That one is tried only where the token opens nothing, so that a login that lives is left as it is.
 */
export async function isOver(scene: Scene, copies: Copies): Promise<boolean> {
  if ((await acceptedBy(scene, copies.token)).accepted > 0) return false;
  return (await renewedBy(scene, copies)) === 0;
}

/** Several of something, each in turn. */
export async function times<T>(count: number, act: (index: number) => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  for (let index = 0; index < count; index += 1) results.push(await act(index));
  return results;
}

/** A reply in a few words, without anything secret: its body is left out unless it is one of our short error codes. */
export function shown(reply: Reply): string {
  const error = fieldOf(reply, 'error');
  return `${reply.status}${typeof error === 'string' ? ` ${error.slice(0, 40)}` : ''}`;
}
