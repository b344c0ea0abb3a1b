import { assume, countAccepting, expectStatus, logInAtHome, times } from '../acts.ts';
import { judge, type Observation } from '../check.ts';
import type { Scene } from '../scene.ts';
import { logInEverywhere } from './logins.ts';
import { type OutageSite, restartServers, restartStore, untilWritten } from './outage-site.ts';

const SESSIONS = 5;

/** What was ended before the kills, and must stay ended. */
interface Ended {
  tokens: readonly string[];
  /** A user who was disabled; `undefined` where the backend does not keep that beyond the life of its servers. */
  banned: string | undefined;
}

/** Reads with the ended tokens and logins of the banned user: those that succeeded, and all. */
type Seen = Record<'accepted' | 'reads' | 'entered' | 'attempts', number>;

/** 49d: logs users out and disables one, kills servers and store, and observes after each kill. */
export async function observeRevocationSurvives(site: OutageSite): Promise<Observation> {
  const { scene, own, everyServer } = site;
  const { traits } = scene.subject;
  const logins = await times(SESSIONS, () => logInAtHome(scene));
  for (const { browser } of logins) expectStatus(await browser.perform('logout'), 200, 'a logout');
  const ended: Ended = { tokens: logins.map(({ token }) => token), banned: await ban(scene) };
  const home = logins[0]?.home ?? 0;
  const waited = await untilWritten(scene.subject);
  const seen: Seen = { accepted: 0, reads: 0, entered: 0, attempts: 0 };
  await restartServers(site, [home]);
  await observeEnded(scene, ended, seen);
  await restartServers(site, everyServer);
  await observeEnded(scene, ended, seen);
  const { service } = own;
  if (service !== undefined) {
    await restartStore(site, service);
    // A store that loses its data also forgets who was disabled; its sessions are lost with it.
    const isKept = traits.survivesStoreCrash === true;
    await observeEnded(scene, isKept ? ended : { ...ended, banned: undefined }, seen);
  }
  const killed =
    service === undefined ? 'a server and of all servers' : 'a server, of all servers and of the store';
  const banned =
    ended.banned === undefined ? '' : ` and ${seen.entered} of ${seen.attempts} logins of a disabled user`;
  return judge(
    seen.accepted + seen.entered,
    seen.reads + seen.attempts,
    `requests succeeded: ${seen.accepted} of ${seen.reads} reads with ${SESSIONS} logged-out tokens${banned}, on every ` +
      `server, after kill -9 of ${killed}${waited}`,
  );
}

async function ban(scene: Scene): Promise<string | undefined> {
  const { userIndex, survivesServerRestart } = scene.subject.traits;
  if (!userIndex || !survivesServerRestart) return undefined;
  const user = scene.freshUser();
  const admin = await scene.admin();
  expectStatus(await admin.perform('disable', { user, disabled: true }), 200, 'disabling an account');
  const { entered } = await logInEverywhere(scene, user);
  assume(entered === 0, 'expected a disabled user to be refused before anything is killed');
  return user;
}

async function observeEnded(scene: Scene, { tokens, banned }: Ended, seen: Seen): Promise<void> {
  const { accepted, of } = await countAccepting(scene, ...tokens);
  seen.accepted += accepted;
  seen.reads += of;
  if (banned === undefined) return;
  const { entered, attempts } = await logInEverywhere(scene, banned);
  seen.entered += entered;
  seen.attempts += attempts;
}
