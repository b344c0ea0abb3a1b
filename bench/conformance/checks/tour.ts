/** A session's life from the first visit to the logout, with the cookies and tokens of its replies. */

import type { OperationName } from '../../config/contract.ts';
import { isOver } from '../../load/cookies.ts';
import type { Values } from '../../load/operation.ts';
import { expectStatus, logIn } from '../acts.ts';
import type { Browser, Reply } from '../browser.ts';
import { seesOwnSessions } from '../check.ts';
import type { Scene } from '../scene.ts';

/** Minimum of tries of what chance may hide: enough to reach each of a few servers. */
const MIN_TRIES = 9;

/** How often a check tries what depends on chance. */
export function triesOf(scene: Scene): number {
  return Math.max(MIN_TRIES, scene.tries);
}

/**
 * How often a check tries what one server does alone, which does not depend on chance. Each server is reached several
 * times.
 */
export const TRIES_AT_HOME = 9;

/** A browser that talks to one server, each in turn; behind an external balancer an ordinary one. */
export function homeBrowser(scene: Scene, turn: number): Browser {
  return scene.servers > 0 ? scene.browserOf(turn % scene.servers) : scene.browser();
}

/** A line of Set-Cookie (RFC 6265bis §5.6). */
export interface SetCookie {
  name: string;
  value: string;
  /** By name in lower case; '' for one without a value. */
  attributes: ReadonlyMap<string, string>;
  line: string;
}

function parseSetCookie(line: string): SetCookie {
  const [pair = '', ...rest] = line.split(';');
  const at = pair.indexOf('=');
  const attributes = rest.map((attribute): [string, string] => {
    const [name = '', ...value] = attribute.split('=');
    return [name.trim().toLowerCase(), value.join('=').trim()];
  });
  return {
    name: pair.slice(0, at).trim(),
    value: pair.slice(at + 1).trim(),
    attributes: new Map(attributes),
    line,
  };
}

/** Whether a line makes the browser delete the cookie. */
export const isDeletion = ({ line }: SetCookie): boolean => isOver(line);

export interface Step {
  operation: OperationName;
  reply: Reply;
}

/** One session's life. */
export type Tour = readonly Step[];

/**
 * Two tours: through the balancer, where a server that does not know the session may refuse requests between login and
 * logout, and at one server, where nothing may be refused. Operations that the contract lacks are omitted.
 */
export async function tours(scene: Scene): Promise<Tour[]> {
  const home = homeBrowser(scene, Math.floor(scene.random() * Math.max(1, scene.servers)));
  // External servers that cannot be addressed may scatter the second one, too.
  const isWhole = scene.servers > 0 || seesOwnSessions(scene.subject);
  return [await tour(scene, scene.browser(), false), await tour(scene, home, isWhole)];
}

async function tour(scene: Scene, browser: Browser, isWhole: boolean): Promise<Tour> {
  const { operations } = scene.contract;
  const steps: Step[] = [];
  async function step(operation: OperationName, mayBeRefused: boolean, values?: Values): Promise<void> {
    if (operations[operation] === undefined) return;
    const reply = await browser.perform(operation, values);
    if (!(mayBeRefused && reply.status === 401)) expectStatus(reply, 200, `the operation ${operation}`);
    steps.push({ operation, reply });
  }
  await step('visit', false);
  const { reply } = await logIn(scene, { browser });
  steps.push({ operation: 'login', reply });
  await step('read', !isWhole);
  await step('update', !isWhole, { data: 'kept' });
  await step('rotate', !isWhole);
  if (scene.subject.traits.refresh === 'rotating') await step('refresh', !isWhole);
  await step('logout', false);
  return steps;
}

/** The lines of Set-Cookie with these names in some replies. */
export function cookiesOf(steps: readonly Step[], names: readonly string[]): SetCookie[] {
  return steps
    .flatMap(({ reply }) => reply.setCookies)
    .map(parseSetCookie)
    .filter(({ name }) => names.includes(name));
}

/** Names of the cookies that hold a secret of the session. */
export function secretCookies({ contract }: Scene): string[] {
  return contract.refreshCookie === undefined ? [contract.cookie] : [contract.cookie, contract.refreshCookie];
}

/** Every token issued in these replies. */
export function tokensOf(scene: Scene, steps: readonly Step[]): string[] {
  const values = cookiesOf(steps, secretCookies(scene)).filter((cookie) => !isDeletion(cookie));
  return [...new Set(values.map(({ value }) => value).filter((value) => value !== ''))];
}

/** Undoes percent-encoding; a text that is not encoded is unchanged. */
export function percentDecoded(text: string): string {
  return text.replaceAll(/%([0-9a-f]{2})/gi, (_, code: string) =>
    String.fromCharCode(Number.parseInt(code, 16)),
  );
}

/** Whether a text contains a token, however it is escaped in URLs, HTML or JSON. @param before what must precede it. */
export function mentions(text: string, token: string, before: readonly string[] = ['']): boolean {
  const spellings = new Set([token, percentDecoded(token), encodeURIComponent(token)]);
  const plain = text.replaceAll('\\/', '/');
  return [...spellings].some((spelling) => before.some((mark) => plain.includes(mark + spelling)));
}
