/** Checks 14 to 16: what a logout ends, checked on every server. */

import {
  assume,
  boundMsOf,
  countAccepting,
  countRenewing,
  countSurviving,
  describeReply,
  expectStatus,
  type Login,
  logIn,
  times,
  totalsOf,
} from '../acts.ts';
import type { Browser } from '../browser.ts';
import { type Check, endsInTime, inStatedTime, judge, judgeEach, needsOwnSessions } from '../check.ts';
import type { Scene } from '../scene.ts';
import { racesOf } from './logout-race.ts';
import { refreshSite } from './refresh-site.ts';
import { triesOf } from './tour.ts';

/** Few: whether the refresh token ends does not depend on chance. */
const REFRESH_LOGOUTS = 3;

/** Of each kind, on the site where reads write. */
const TOUCH_RACES = 12;

/** @param seen as in {@link needsOwnSessions}. */
function endsEverywhere(seen: { without: string; elsewhere: string }): Check['expect'] {
  const expect = needsOwnSessions(endsInTime, seen);
  return (subject) => inStatedTime(expect(subject), subject.traits);
}

export const LOGOUT_CHECKS: readonly Check[] = [
  {
    id: '14',
    title: 'A logout kills the session on every server',
    source: 'ASVS 5 V7.4.1',
    expect: endsEverywhere({
      without: 'A stolen token works on every server until it expires, though its user has logged out.',
      elsewhere:
        'Most logouts land on a server that does not know the session: where it was made, it lives on.',
    }),
    async observe(scene) {
      const seen = await afterLogouts(scene, triesOf(scene));
      const site = await refreshSite(scene);
      const renewing = site === undefined ? undefined : await afterLogouts(site, REFRESH_LOGOUTS);
      const what =
        `logouts left the login alive (its token taken by ${seen.accepting} of ${seen.asked} servers asked, its refresh ` +
        `token by ${seen.renewing})`;
      const inRefreshMode =
        renewing === undefined
          ? ''
          : `, and ${renewing.alive} of ${renewing.logouts} in refresh mode, where ${renewing.renewing} refresh tokens still worked`;
      return judge(
        seen.alive + (renewing?.alive ?? 0),
        seen.logouts + (renewing?.logouts ?? 0),
        what + inRefreshMode,
      );
    },
  },
  {
    id: '15',
    title: 'A request that is replayed after the logout gets 401',
    source: 'ASVS 5 V7.4.1; OWASP WSTG-SESS-06',
    expect: endsEverywhere({
      without: 'Whoever has copied the cookie keeps reading and changing the session after the logout.',
      elsewhere:
        'Of the requests with a copied cookie, those that reach the server that made the session are served after the logout.',
    }),
    async observe(scene) {
      const browser = scene.browser();
      const outcomes = await times(triesOf(scene), async () => {
        const login = await loggedOut(scene, browser);
        // A server that has yet to hear of the logout would serve the first replay, and not the others.
        if (boundMsOf(scene) > 0) await countSurviving(scene, login.token);
        // The user's own browser with all its cookies, and an attacker's that copied only what opens the session.
        return [
          ...(await replays(scene, browser, login)),
          ...(await replays(scene, browser.holding(login.token), login)),
        ];
      });
      return judgeEach(outcomes.flat(), `replays were served over ${outcomes.length} logouts`);
    },
  },
  {
    id: '16',
    title: 'A request in flight during the logout does not bring the session back',
    source: 'ASVS 5 V7.4.1; expressjs/session#632; tj/connect-redis#328',
    expect: endsEverywhere({
      without: 'The tokens issued to updates in flight work on, as does the old one, until they expire.',
      elsewhere: 'Updates and logout land on different servers: where the session was made, it lives on.',
    }),
    async observe(scene) {
      const updates = await racesOf(scene, ['update'], triesOf(scene));
      const races = [{ name: 'updates', ...updates }];
      if (scene.own !== undefined) {
        // Every read writes there, too.
        const site = await scene.variant({ name: 'touching', server: { touchIntervalSeconds: 0 } });
        const touches = await racesOf(site, ['read'], Math.min(TOUCH_RACES, triesOf(scene)));
        const rotations = await racesOf(site, ['rotate', 'read'], Math.min(TOUCH_RACES, triesOf(scene)));
        races.push({ name: 'touches', ...touches }, { name: 'rotations and touches', ...rotations });
      }
      const words = races.map(
        ({ name, alive, tries, served, tokens }) =>
          `${alive} of ${tries} with ${name} (${served} served, ${tokens} tokens seen)`,
      );
      const { alive, tries } = totalsOf(races);
      return judge(alive, tries, `races left a token accepted: ${words.join(', ')}`);
    },
  },
];

/** Logs out this many times, and tries the copies at every server. */
async function afterLogouts(scene: Scene, logouts: number) {
  const browser = scene.browser();
  const seen = { logouts, asked: 0, accepting: 0, renewing: 0, alive: 0 };
  await times(logouts, async () => {
    const login = await loggedOut(scene, browser);
    const { accepted, of } = await countSurviving(scene, login.token);
    const renewed = accepted > 0 ? 0 : await countRenewing(scene, login);
    seen.asked += of;
    seen.accepting += accepted;
    seen.renewing += renewed;
    if (accepted + renewed > 0) seen.alive += 1;
  });
  return seen;
}

/** A login whose token was accepted, and that has since been logged out through the balancer. */
async function loggedOut(scene: Scene, browser: Browser): Promise<Login> {
  browser.cookies.clear();
  const login = await logIn(scene, { browser });
  const { accepted } = await countAccepting(scene, login.token);
  assume(accepted > 0, 'expected a fresh token to be accepted by a server');
  expectStatus(await browser.perform('logout'), 200, 'a logout');
  return login;
}

/** Sends requests of a session that has ended; returns for each whether it was served. */
async function replays(scene: Scene, browser: Browser, { token, refresh }: Login): Promise<boolean[]> {
  const { operations, cookie, refreshCookie } = scene.contract;
  // As many reads as it takes to reach each of a few servers.
  const reads = Array.from({ length: Math.max(3, scene.servers) }, () => 'read' as const);
  const writes = (['update', 'rotate'] as const).filter((name) => operations[name] !== undefined);
  // Last, so that a new token does not serve later requests.
  const renewals = refresh === undefined ? [] : (['refresh'] as const);
  const outcomes: boolean[] = [];
  for (const operation of [...reads, ...writes, ...renewals]) {
    browser.cookies.set(cookie, token);
    if (refresh !== undefined && refreshCookie !== undefined) browser.cookies.set(refreshCookie, refresh);
    const reply = await browser.perform(operation, { data: 'replayed' });
    assume(reply.status < 500, `expected a reply to a replay, got ${describeReply(reply)}`);
    // A defence against cross-site writes may refuse before the session is read.
    const isRefused = reply.status === 401 || (operation !== 'read' && reply.status === 403);
    outcomes.push(!isRefused);
  }
  return outcomes;
}
