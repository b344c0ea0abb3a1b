import { setTimeout as sleep } from 'node:timers/promises';
import { fieldOf, type Login, logInAtHome, times } from '../acts.ts';
import { jwtParts } from '../forge.ts';
import type { Scene } from '../scene.ts';

const LOGINS = 3;
/** A line may reach the file shortly after the reply to the login. */
const WRITTEN_WITHIN_MS = 3_000;
const POLL_MS = 50;
/** A shorter handle may occur in a log by chance. */
const TELLING_CHARACTERS = 16;

/** What one of our sites logged about some logins. */
export interface LoginLog {
  logins: number;
  /** Lines about logins since before the first. */
  lines: number;
  /** Clear names of these users and their sessions, which must not appear. */
  names: readonly string[];
}

/** Logs users in and waits for the lines; `undefined` where the log cannot be read. */
export async function logOfLogins(scene: Scene): Promise<LoginLog | undefined> {
  const { own } = scene;
  if (own === undefined) return undefined;
  const linesNow = () => own.written().match(/"event":"login"/g)?.length ?? 0;
  const before = linesNow();
  const logins = await times(LOGINS, () => logInAtHome(scene));
  const deadlineMs = performance.now() + WRITTEN_WITHIN_MS;
  while (linesNow() < before + LOGINS && performance.now() < deadlineMs) await sleep(POLL_MS);
  const names: string[] = [];
  for (const login of logins) names.push(login.user, ...(await handlesOf(scene, login)));
  return { logins: LOGINS, lines: linesNow() - before, names };
}

/** The site's names for a session: in its list of logins, and in its token where that is signed. */
async function handlesOf(scene: Scene, { browser, token }: Login): Promise<string[]> {
  const { list } = scene.contract.operations;
  const listed = list === undefined ? undefined : fieldOf(await browser.perform('list'), 'logins');
  const handles = Array.isArray(listed) ? listed.map((one: { handle?: unknown }) => one?.handle) : [];
  return [...handles, jwtParts(token)?.payload['sid']].filter(
    (handle): handle is string => typeof handle === 'string' && handle.length >= TELLING_CHARACTERS,
  );
}
