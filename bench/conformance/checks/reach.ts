/** Checks 54 to 58: where a session can be used and by whom, and what of it lasts. */

import { setTimeout as sleep } from 'node:timers/promises';
import { readsWithoutStore } from '../../../stores/traits.ts';
import {
  boundMsOf,
  countSurviving,
  currentUser,
  expectStatus,
  fieldOf,
  type Login,
  logIn,
  logInAtHome,
  times,
} from '../acts.ts';
import {
  type Check,
  cannotHold,
  doesNotApply,
  holds,
  judge,
  judgeEach,
  mustHold,
  NO_STORE_TO_LOSE,
  notApplicable,
  type Observation,
  seesOwnSessions,
  violated,
} from '../check.ts';
import type { Scene } from '../scene.ts';
import { openOutageSite, recover, untilWritten } from './outage-site.ts';
import { cookiesOf, isDeletion, mentions, secretCookies, TRIES_AT_HOME, tours, triesOf } from './tour.ts';

/** Requests that follow a login: enough to come by each of a few servers. */
const NEXT_REQUESTS = 3;
const LOGINS = 5;

const NOT_OUR_STORE = 'the store of an external site cannot be killed';
const NOT_OUR_KEYS = 'the keys of an external site are not known here';

export const REACH_CHECKS: readonly Check[] = [
  {
    id: '54',
    title: 'The next request finds the session, on whichever server it lands',
    source: '12factor.net VI (processes share nothing)',
    expect: (subject) =>
      seesOwnSessions(subject)
        ? mustHold
        : cannotHold(
            'Most requests land on a server that does not know the login: the user is asked to log in again and again.',
          ),
    async observe(scene) {
      const lost = await times(triesOf(scene), async () => {
        const { browser, user } = await logIn(scene);
        return times(NEXT_REQUESTS, async () => (await currentUser(scene, browser)) !== user);
      });
      return judgeEach(lost.flat(), 'requests after a login, through the balancer, did not find its session');
    },
  },
  {
    id: '55',
    title: 'Reads go on while the store is down',
    source: 'traits: state',
    expect(subject) {
      if (subject.balancer === 'foreign') return doesNotApply(NOT_OUR_STORE);
      if (subject.service === undefined) return { ...mustHold, remark: NO_STORE_TO_LOSE };
      if (readsWithoutStore(subject.traits, subject.options)) return mustHold;
      return cannotHold(
        'While the store is down nobody gets what the session holds: every request that needs it is answered with 503.',
      );
    },
    observe: observeReadsWithoutStore,
  },
  {
    id: '56',
    title: 'Another service can tell who is logged in, without asking the store or the site',
    source: 'RFC 7519 §1; RFC 9068 §4',
    expect({ balancer, traits }) {
      if (balancer === 'foreign') return doesNotApply(NOT_OUR_KEYS);
      if (!traits.dataInToken)
        return cannotHold('The id says nothing by itself: every service asks the store, or the site.');
      if (traits.revocation === 'at-expiry' || traits.revocation === 'at-refresh') return mustHold;
      return cannotHold(
        'The token proves who logged in, not that the login still lives: a service that does not ask lets a logged-out one in.',
      );
    },
    async observe(scene) {
      if (scene.own === undefined) return notApplicable(NOT_OUR_KEYS);
      const seen = await times(LOGINS, () => askByKey(scene));
      return summedUp(seen);
    },
  },
  {
    id: '57',
    title: 'What a visitor put into the cart is there after the login, under a new id',
    source: 'OWASP Session Management cheat sheet (renew the id after any privilege level change)',
    expect: (subject) =>
      seesOwnSessions(subject)
        ? mustHold
        : cannotHold('The login lands on a server that does not know the visit: the cart is lost.'),
    async observe(scene) {
      const field = scene.contract.fields.data;
      if (field === undefined) return notApplicable('the contract does not say where a read shows the data');
      const lost = await times(TRIES_AT_HOME, (turn) =>
        losesCart(scene, field, `cart-${turn}-${scene.random()}`),
      );
      return judgeEach(lost, 'carts were gone after the login, or lay under the old id');
    },
  },
  {
    id: '58',
    title: 'A script on the page cannot read the credential',
    source: 'ASVS 5 V3.3.4; OWASP HTML5 Security cheat sheet (local storage)',
    expect: ({ transport }) =>
      transport === 'cookie'
        ? mustHold
        : cannotHold(
            'The page keeps the token itself: a script that was smuggled in reads it and sends it away.',
          ),
    async observe(scene) {
      const seen = (await tours(scene)).flatMap((steps) => {
        const tokens = cookiesOf(steps, secretCookies(scene)).filter((cookie) => !isDeletion(cookie));
        const bodies = steps.map(({ reply }) => reply.body);
        return tokens.map(
          ({ value, attributes }) =>
            !attributes.has('httponly') || bodies.some((body) => mentions(body, value)),
        );
      });
      return judgeEach(seen, 'credentials that were issued could be read by a script');
    },
  },
];

/** Whether a login loses what the visitor had put into the session, or keeps the visitor's id. */
async function losesCart(scene: Scene, field: string, cart: string): Promise<boolean> {
  const browser = scene.browser();
  expectStatus(await browser.perform('visit'), 200, 'a visit');
  const before = browser.token();
  // A server that does not know the visit refuses the cart: what the visitor sees is that it is lost.
  expectStatus(await browser.perform('update', { data: cart }), [200, 401], 'an update of a visit');
  await logIn(scene, { browser });
  const reply = expectStatus(await browser.perform('read'), [200, 401], 'a read after the login');
  return fieldOf(reply, field) !== cart || browser.token() === before;
}

async function observeReadsWithoutStore(scene: Scene): Promise<Observation> {
  const site = await openOutageSite(scene);
  const service = site?.own.service;
  if (site === undefined) return notApplicable(NOT_OUR_STORE);
  // One by its URL, which is not ours to kill.
  if (service === undefined && site.scene.subject.service !== undefined)
    return notApplicable('there is no store that can be stopped');
  const logins = await times(LOGINS, () => logInAtHome(site.scene));
  if (service === undefined) return readsOf(logins, `, ${NO_STORE_TO_LOSE}`);
  await untilWritten(site.scene.subject);
  await service.kill();
  // A server that holds a copy of what it would ask for replies for so long.
  await sleep(boundMsOf(site.scene));
  try {
    return await readsOf(logins, ' while the store was down');
  } finally {
    await service.start();
    await recover(site);
  }
}

/** Reads each login where it lives: a session of one server is not missing on another. */
async function readsOf(logins: readonly Login[], when: string): Promise<Observation> {
  const replies = await Promise.all(logins.map(({ browser }) => browser.perform('read')));
  const failed = replies.filter(({ status }) => status !== 200).length;
  return judge(failed, replies.length, `reads were not answered${when}`);
}

interface ByKey {
  /** What the token says by the key alone: that this user is logged in. */
  isNamed: boolean;
  /** Whether the site still accepts the token after the logout. */
  isAccepted: boolean;
}

/** What a service with the key and nothing else finds, and whether the site says the same once the login is over. */
async function askByKey(scene: Scene): Promise<ByKey> {
  const { browser, token, user } = await logInAtHome(scene);
  const claims = scene.own?.claimsByKey(token);
  expectStatus(await browser.perform('logout'), 200, 'a logout');
  const { accepted } = await countSurviving(scene, token);
  const isLive = Number(claims?.['exp']) * 1000 > Date.now();
  return { isNamed: isLive && claims?.['sub'] === user, isAccepted: accepted > 0 };
}

function summedUp(seen: readonly ByKey[]): Observation {
  const count = (is: (one: ByKey) => boolean) => seen.filter(is).length;
  const unnamed = count(({ isNamed }) => !isNamed);
  if (unnamed > 0) return violated(`${unnamed} of ${seen.length} credentials say nothing without the store`);
  const stale = count(({ isAccepted }) => !isAccepted);
  if (stale === 0) return holds(`${seen.length} tokens named their user by the key alone, as the site did`);
  return violated(`${stale} of ${seen.length} tokens named a user whom the site had logged out`);
}
