/** Check 3: an id that a client supplies, never issued or already ended, is not adopted. */

import { randomBytes, randomUUID } from 'node:crypto';
import { countAccepting, currentUser, expectStatus, logIn, logInAtHome, shownName, times } from '../acts.ts';
import { type Check, judgeEach, mustHold } from '../check.ts';
import type { Scene } from '../scene.ts';
import { homeBrowser } from './tour.ts';

export const CHOSEN_ID: Check = {
  id: '3',
  title: 'An id that the client chose is never adopted',
  source: 'OWASP Session Management cheat sheet (strict session management); OWASP WSTG-SESS-03',
  expect: () => mustHold,
  async observe(scene) {
    const issued = (await logInAtHome(scene)).token;
    const made = inventedIds(issued);
    const adopted = await times(made.length, (turn) => adoptsInvented(scene, made[turn] ?? '', turn));
    const turns = Math.max(3, scene.servers);
    const revived = await times(turns, (turn) => adoptsEnded(scene, turn));
    return judgeEach(
      [...adopted, ...revived],
      `brought ids were adopted (${made.length} made up, ${turns} of ended logins)`,
    );
  },
};

/** Ids that were never issued, in common shapes, and one that differs from a real one in a character. */
function inventedIds(issued: string): string[] {
  const middle = Math.floor(issued.length / 2);
  const other = issued.charAt(middle) === 'A' ? 'B' : 'A';
  return [
    randomBytes(32).toString('base64url'),
    randomBytes(16).toString('base64url'),
    randomBytes(16).toString('hex'),
    randomBytes(32).toString('hex'),
    randomUUID(),
    'chosen-by-the-client',
    'A'.repeat(issued.length),
    `${issued.slice(0, middle)}${other}${issued.slice(middle + 1)}`,
    issued.slice(0, -1),
  ];
}

/** Whether a visit or a login with this id keeps it, or any server accepts it afterwards. */
async function adoptsInvented(scene: Scene, id: string, turn: number): Promise<boolean> {
  const { cookie, operations } = scene.contract;
  const browser = homeBrowser(scene, turn);
  let isKept = false;
  if (operations.visit !== undefined) {
    browser.cookies.set(cookie, id);
    expectStatus(await browser.perform('visit'), 200, 'a visit with an id that nobody issued');
    isKept = browser.token() === id;
  }
  browser.cookies.set(cookie, id);
  isKept = (await logIn(scene, { browser })).token === id || isKept;
  return (await countAccepting(scene, id)).accepted > 0 || isKept;
}

/** Whether a login with the id of an ended one keeps it, or makes it that of the new user. */
async function adoptsEnded(scene: Scene, turn: number): Promise<boolean> {
  const browser = homeBrowser(scene, turn);
  const { token: id } = await logIn(scene, { browser });
  expectStatus(await browser.perform('logout'), 200, 'a logout');
  browser.cookies.set(scene.contract.cookie, id);
  const { token, user } = await logIn(scene, { browser });
  const shown = await shownName(scene, { browser, user });
  const asked = await times(Math.max(1, scene.servers), (server) =>
    currentUser(scene, homeBrowser(scene, server).holding(id)),
  );
  return token === id || asked.includes(shown);
}
