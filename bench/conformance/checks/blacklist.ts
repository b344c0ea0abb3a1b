/** Checks 33 to 35: a signed token that was ended early stays ended, on every server and in every spelling. */

import { setTimeout as sleep } from 'node:timers/promises';
import {
  acceptedInTime,
  assume,
  boundMsOf,
  countAccepting,
  describeReply,
  expectStatus,
  logInAtHome,
  times,
} from '../acts.ts';
import {
  allOf,
  type Check,
  doesNotApply,
  inStatedTime,
  judge,
  mustHold,
  notApplicable,
  type Observation,
  type Subject,
  verdict,
} from '../check.ts';
import { besideBystander, type Door, doorsOf, forEachConcurrently, offer } from '../offers.ts';
import type { Scene } from '../scene.ts';
import { cookieSpellings, ecdsaTwin, signatureSpellings } from '../spellings.ts';

const NO_LIST: Readonly<Record<Subject['traits']['state'], string>> = {
  nowhere: 'no session is kept, so none is ended',
  server: 'The session itself is removed: there is no list of ended tokens.',
  store: 'The session itself is removed: there is no list of ended tokens.',
  client: 'A signed token is checked alone: there is no list of ended ones.',
  'client-and-store': '',
};

const hasList = ({ traits }: Subject) => traits.state === 'client-and-store';

const ofList: Check['expect'] = (subject) => {
  if (!hasList(subject)) return doesNotApply(NO_LIST[subject.traits.state]);
  if (endsAtRefresh(subject)) return { ...mustHold, remark: 'once the access token is over' };
  return inStatedTime(mustHold, subject.traits);
};

const endsAtRefresh = ({ traits }: Subject) => traits.revocation === 'at-refresh';

/** Where access tokens are to be over, a site whose clock the check moves. */
function siteOf(scene: Scene): Promise<Scene> | Scene {
  return scene.own !== undefined && endsAtRefresh(scene.subject) ? scene.variant({ name: 'over' }) : scene;
}

function whereListed(observe: Check['observe']): Check['observe'] {
  return async (scene) =>
    hasList(scene.subject)
      ? besideBystander(async () => observe(await siteOf(scene)))(scene)
      : notApplicable(NO_LIST[scene.subject.traits.state]);
}

/** Bound of a revocation that has one which the traits do not state. */
const USUAL_BOUND_MS = 5_000;
const MIN_LOGINS = 30;
const MAX_LOGINS = 300;
const READS = 2;

/** Ends the login of a token through one door. */
async function logOut({ browser }: Door, token: string): Promise<void> {
  const reply = await browser.holding(token).perform('logout');
  assume(reply.status < 400, `expected a logout, got ${describeReply(reply)}`);
}

/** Waits until every door refuses a token that was ended, at most for the bound of the traits; in words. */
async function untilBound(scene: Scene, doors: readonly Door[], token: string): Promise<string> {
  const boundMs = boundMsOf(scene);
  if (boundMs > 0) {
    await acceptedInTime(scene, () => stillOpen(doors, token));
    return `within ${boundMs} ms`;
  }
  if (endsAtRefresh(scene.subject) && scene.own !== undefined) {
    const { accessSeconds } = scene.own.config;
    await scene.own.advanceClock(accessSeconds * 1_000);
    return `within ${accessSeconds} s`;
  }
  if (scene.subject.traits.revocation !== 'bounded') return 'at once';
  await sleep(USUAL_BOUND_MS);
  return `within ${USUAL_BOUND_MS} ms`;
}

/** @returns at how many doors a token still opens a session; all are read at once. */
async function stillOpen(doors: readonly Door[], token: string): Promise<number> {
  const replies = await Promise.all(doors.map(({ browser }) => browser.holding(token).perform('read')));
  return replies.filter((reply) => expectStatus(reply, [200, 401], 'a read').status === 200).length;
}

async function expectOpen(doors: readonly Door[], token: string): Promise<void> {
  const open = await stillOpen(doors, token);
  assume(
    open === doors.length,
    `expected a live token to be accepted everywhere, got ${open} of ${doors.length}`,
  );
}

/** The same token in another spelling: accepted or not while its login is alive, never once it has ended. */
async function malleate(site: Scene): Promise<Observation> {
  const { token } = await logInAtHome(site);
  const twin = ecdsaTwin(token);
  assume(
    site.subject.options['alg'] !== 'ES256' || twin !== undefined,
    'expected the ES256 variant to sign by ES256',
  );
  const spelled = [
    ...signatureSpellings(token),
    ...cookieSpellings(token),
    ...(twin === undefined ? [] : [twin]),
  ];
  const doors = doorsOf(site);
  await expectOpen(doors, token);
  const before = await offer(site, spelled, doors);
  await logOut(doors[0] as Door, token);
  await untilBound(site, doors, token);
  const genuine = await stillOpen(doors, token);
  const after = await offer(site, spelled, doors);
  const alg = site.subject.options['alg'] ?? 'signed';
  const evidence =
    `${alg}: ${spelled.length} spellings of a token, accepted ${before.accepted.length} of ${before.offers} times ` +
    `while it lived and ${after.accepted.length + genuine} times after its logout`;
  const isRefused = after.accepted.length + genuine === 0;
  return verdict(isRefused && before.failed.length + after.failed.length === 0, evidence);
}

/** Reads of a token before it is ended: often enough that any cache of verified tokens holds it. */
const WARM_READS = 200;
const WARM_LOGINS = 4;

export const BLACKLIST_CHECKS: readonly Check[] = [
  {
    id: '33',
    title: 'A blacklisted token is refused on all servers within the stated bound',
    source: 'ASVS 5 V7.4.1, OWASP JWT cheat sheet',
    expect: ofList,
    observe: whereListed(async (scene) => {
      const doors = doorsOf(scene);
      const logins = Math.min(Math.max(scene.tries, MIN_LOGINS), MAX_LOGINS);
      let reads = 0;
      let violations = 0;
      let when = '';
      for (let turn = 0; turn < logins; turn += 1) {
        const { token } = await logInAtHome(scene);
        await expectOpen(doors, token);
        await logOut(doors[turn % doors.length] as Door, token);
        when = await untilBound(scene, doors, token);
        for (let read = 0; read < READS; read += 1) {
          violations += await stillOpen(doors, token);
          reads += doors.length;
        }
        // Each further one would take the whole of the bound.
        if (violations > 0 && boundMsOf(scene) > 0) break;
      }
      const what = `reads by up to ${logins} ended tokens on all servers, ${when} of the reply to the logout, accepted`;
      return judge(violations, reads, what);
    }),
  },
  {
    id: '34',
    title: 'The blacklist holds against a malleated signature',
    source: 'OWASP JWT cheat sheet, RFC 7515 §10.1',
    expect: ofList,
    observe: whereListed(async (scene) => {
      const sites = [scene];
      const { options } = scene.subject;
      if (scene.own !== undefined && options['alg'] !== undefined)
        sites.push(await scene.variant({ name: 'ES256', options: { ...options, alg: 'ES256' } }));
      return allOf(await times(sites.length, (index) => malleate(sites[index] as Scene)));
    }),
  },
  {
    id: '35',
    title: 'A verify cache cannot bypass revocation',
    source: 'ASVS 5 V7.4.1',
    expect: ofList,
    observe: whereListed(async (scene) => {
      const doors = doorsOf(scene);
      let violations = 0;
      let tries = 0;
      let when = '';
      for (let turn = 0; turn < WARM_LOGINS; turn += 1) {
        const { token } = await logInAtHome(scene);
        const visits = doors.flatMap((door) => Array.from({ length: WARM_READS }, () => door));
        await forEachConcurrently(visits, (door) => expectOpen([door], token));
        await logOut(doors[turn % doors.length] as Door, token);
        when = await untilBound(scene, doors, token);
        const next = await stillOpen(doors, token);
        const later = await countAccepting(scene, token);
        violations += next + later.accepted;
        tries += doors.length + later.of;
      }
      const what = `next reads accepted, ${when} of the logout, of tokens read ${WARM_READS} times on each server before`;
      return judge(violations, tries, what);
    }),
  },
];
