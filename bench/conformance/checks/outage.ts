/** Checks 48 and 49: the store is down; servers and store are killed and restarted. */

import { countAccepting, currentUser, type Login, logIn, logInAtHome, times } from '../acts.ts';
import {
  type Check,
  cannotHold,
  doesNotApply,
  endsInTime,
  judge,
  judgeEach,
  mustHold,
  NO_STORE_TO_LOSE,
  notApplicable,
  type Observation,
} from '../check.ts';
import {
  losesDenyList,
  type OutageSite,
  openOutageSite,
  restartServers,
  restartStore,
  untilWritten,
  withoutServers,
} from './outage-site.ts';
import { observeRevocationSurvives } from './revocation-survives.ts';
import { observeStoreDown } from './store-down.ts';

const SESSIONS = 5;
/** More where a crash might lose only the last few. */
const SESSIONS_BEFORE_CRASH = 20;

const withoutStore = (because: string) => ({ ...doesNotApply(because), remark: NO_STORE_TO_LOSE });

const NOT_OURS = 'external servers cannot be killed';

/** The expectation where the processes can be killed. */
function ifOwn(expect: Check['expect']): Check['expect'] {
  return (subject) => (subject.balancer === 'foreign' ? doesNotApply(NOT_OURS) : expect(subject));
}

/** Runs an observation on the site that may be broken. */
function onOutageSite(observe: (site: OutageSite) => Promise<Observation>): Check['observe'] {
  return async (scene) => {
    const site = await openOutageSite(scene);
    return site === undefined ? notApplicable(NOT_OURS) : observe(site);
  };
}

const outlivesServers: Check['expect'] = ({ traits }) =>
  traits.survivesServerRestart
    ? mustHold
    : cannotHold(
        'Whoever was logged in at a server that crashes or is deployed anew is logged out, and what the session held is lost.',
      );

export const OUTAGE_CHECKS: readonly Check[] = [
  {
    id: '48',
    title:
      'While the store is down every request is answered with 503 within 3 s, nobody is let in, and it recovers by itself',
    source: 'ASVS 5 V16.5.2, V16.5.3',
    expect: ifOwn((subject) => {
      if (subject.service === undefined) return withoutStore('There is no store that could be down.');
      if (losesDenyList(subject))
        return cannotHold(
          'Durability none was chosen: a crash of the store loses the deny list, and the servers let nobody in until they are restarted by hand.',
        );
      if (subject.traits.revocation === 'at-refresh')
        return cannotHold(
          'While the store is down access tokens work until they are over, those of ended logins too; none is renewed.',
        );
      if (subject.options['on-outage'] !== 'open') return mustHold;
      return cannotHold(
        'fail-open was chosen: while the deny list is not available, a stolen token works again although its owner has logged out.',
      );
    }),
    observe: observeStoreDown,
  },
  {
    id: '49a',
    title: 'Sessions outlive kill -9 of the server that made them, on the other servers and on it',
    source: 'traits: survivesServerRestart',
    expect: ifOwn(outlivesServers),
    observe: onOutageSite(async (site) => {
      const { scene, everyServer } = site;
      const home = Math.floor(scene.random() * everyServer.length);
      const logins = await times(SESSIONS, () => logIn(scene, { at: home }));
      const others = everyServer.filter((server) => server !== home);
      const missing: boolean[] = [];
      const ask = async (server: number) => {
        const browser = scene.browserOf(server);
        for (const { token, user } of logins)
          missing.push((await currentUser(scene, browser.holding(token))) !== user);
      };
      await withoutServers(site, [home], () => times(others.length, (n) => ask(others[n] as number)));
      await ask(home);
      return judgeEach(
        missing,
        `reads of ${SESSIONS} sessions found none: on the others while their server was gone, and on it when it was back`,
      );
    }),
  },
  {
    id: '49b',
    title: 'Sessions outlive kill -9 of all servers',
    source: 'traits: survivesServerRestart',
    expect: ifOwn(outlivesServers),
    observe: onOutageSite(async (site) => {
      const logins = await times(SESSIONS, () => logInAtHome(site.scene));
      await restartServers(site, site.everyServer);
      return judgeReads(site, logins, '');
    }),
  },
  {
    id: '49c',
    title: 'Sessions that were acknowledged outlive kill -9 of the store',
    source: 'traits: survivesStoreCrash',
    expect: ifOwn(({ traits, durability }) => {
      if (traits.survivesStoreCrash === undefined) return withoutStore('There is no store that could crash.');
      if (traits.survivesStoreCrash) return mustHold;
      return cannotHold(
        traits.state === 'client-and-store'
          ? `Durability ${durability} was chosen: a crash of the store loses the deny list, so every token is refused and everyone must log in again.`
          : `Durability ${durability} was chosen: a crash of the store logs everyone out, and what the sessions held is lost.`,
      );
    }),
    observe: onOutageSite(async (site) => {
      const { service } = site.own;
      if (service === undefined) return notApplicable('there is no store that can be killed');
      const logins = await times(SESSIONS_BEFORE_CRASH, () => logInAtHome(site.scene));
      const waited = await untilWritten(site.scene.subject);
      await restartStore(site, service);
      return judgeReads(site, logins, `, after kill -9 of the store${waited}`);
    }),
  },
  {
    id: '49d',
    title: 'A logout or a ban is not undone by kill -9 of a server, of all servers, or of the store',
    source: 'ASVS 5 V7.4.1, V7.4.2',
    expect: ifOwn(({ traits }) => {
      if (endsInTime(traits)) return mustHold;
      if (traits.revocation === 'at-refresh')
        return cannotHold(
          'A logout only keeps a token from being renewed: until it is over it opens the session, before and after any restart.',
        );
      return cannotHold(
        'Nothing was revoked in the first place: a copy of the token opens the session after the logout, before and after any restart.',
      );
    }),
    observe: onOutageSite(observeRevocationSurvives),
  },
];

/** Reads each of these sessions at every server. */
async function judgeReads(
  { scene }: OutageSite,
  logins: readonly Login[],
  what: string,
): Promise<Observation> {
  const { accepted, of } = await countAccepting(scene, ...logins.map(({ token }) => token));
  return judge(of - accepted, of, `reads of ${logins.length} sessions found none, on every server${what}`);
}
