/** Checks 1 to 6: where session ids come from, when they change, and what they reveal. */

import {
  assume,
  countSurviving,
  currentUser,
  expectStatus,
  logIn,
  logInAtHome,
  shownName,
  times,
} from '../acts.ts';
import type { Browser } from '../browser.ts';
import {
  type Check,
  cannotHold,
  holds,
  judgeEach,
  mustHold,
  needsOwnSessions,
  notApplicable,
  type Observation,
  violated,
} from '../check.ts';
import type { Scene } from '../scene.ts';
import { CHOSEN_ID } from './chosen-id.ts';
import { type IssuedId, identifyingPart, judgeIds } from './randomness.ts';
import { homeBrowser, percentDecoded, TRIES_AT_HOME, triesOf } from './tour.ts';

const IDS = 10_000;
/** Of fewer the shape is not certain. */
const MIN_IDS = 1_000;
/** How long an external site is asked for ids, at full pace and at the pace of its contract. */
const EXTERNAL_MS = 20_000;
const PACED_MS = 600_000;
const VISITORS = 16;
const NAMED_LOGINS = 6;
/** A shorter name may occur in a random id by chance. */
const TELLING_CHARACTERS = 6;

export const IDENTITY_CHECKS: readonly Check[] = [
  {
    id: '1',
    title: 'A login gets a new session id',
    source: 'ASVS 5 V7.2.4',
    expect: () => mustHold,
    async observe(scene) {
      const kept = await times(TRIES_AT_HOME, async (turn) => {
        const browser = homeBrowser(scene, turn);
        const before = await firstId(scene, browser);
        return (await logIn(scene, { browser })).token === before;
      });
      return judgeEach(kept, 'logins kept the id from before');
    },
  },
  {
    id: '2a',
    title: 'The id from before a login never becomes that of a user',
    source: 'ASVS 5 V7.2.4; OWASP WSTG-SESS-03',
    expect: () => mustHold,
    async observe(scene) {
      const authenticated = await times(TRIES_AT_HOME, async (turn) => {
        const browser = homeBrowser(scene, turn);
        const before = await visit(browser);
        await logIn(scene, { browser });
        return isUser(scene, before);
      });
      return judgeEach(authenticated, 'ids from before a login were authenticated by it');
    },
  },
  {
    id: '2b',
    title: 'The id from before a login is dead after it',
    source: 'ASVS 5 V7.2.4; OWASP Session Management cheat sheet',
    expect: needsOwnSessions(({ rotationEndsOld }) => rotationEndsOld, {
      without: 'An id that was planted before the login lives on beside the new one, until it expires.',
      elsewhere:
        'The login lands on a server that does not know the visit, whose id lives on where it was made.',
    }),
    async observe(scene) {
      const browser = scene.browser();
      const alive = await times(triesOf(scene), async () => {
        browser.cookies.clear();
        const before = await visit(browser);
        await logIn(scene, { browser });
        return (await countSurviving(scene, before)).accepted > 0;
      });
      return judgeEach(alive, 'ids from before a login were still accepted after it');
    },
  },
  CHOSEN_ID,
  {
    id: '4a',
    title: 'A change of privilege gets a new session id',
    source: 'OWASP Session Management cheat sheet (renew the id after any privilege level change)',
    expect: () => mustHold,
    async observe(scene) {
      const kept = await times(TRIES_AT_HOME, async () => {
        const { browser, token, user } = await logInAtHome(scene);
        const shown = await shownName(scene, { browser, user });
        expectStatus(await browser.perform('rotate'), 200, 'a rotation where the session lives');
        const after = browser.token();
        assume((await currentUser(scene, browser)) === shown, 'expected a rotated session to keep its user');
        return after === token;
      });
      return judgeEach(kept, 'rotations kept the id');
    },
  },
  {
    id: '4b',
    title: 'The id from before a change of privilege is dead after it',
    source: 'OWASP Session Management cheat sheet (renew the id after any privilege level change)',
    expect: needsOwnSessions(
      ({ rotationEndsOld, revocation }) => rotationEndsOld && revocation !== 'at-refresh',
      {
        without: 'A stolen id outlives the change of privilege that should end it, until it expires.',
        elsewhere:
          'The change of privilege lands on a server that does not know the session, and is refused: the old id lives on.',
      },
    ),
    async observe(scene) {
      const browser = scene.browser();
      let refused = 0;
      const alive = await times(triesOf(scene), async () => {
        browser.cookies.clear();
        const { token } = await logIn(scene, { browser });
        const reply = await browser.perform('rotate');
        const { accepted } = await countSurviving(scene, token);
        // A miss leaves the old id alive, which counts; a miss that ended a session would be another property.
        if (reply.status === 401) refused += 1;
        if (reply.status !== 401 || accepted === 0) expectStatus(reply, 200, 'a rotation');
        return accepted > 0;
      });
      const what = `ids from before a rotation were still accepted after it (${refused} rotations were refused)`;
      return judgeEach(alive, what);
    },
  },
  {
    id: '5',
    title: 'Ids come from a CSPRNG: at least 128 bits, no pattern over 10,000 of them',
    source: 'ASVS 5 V7.2.3',
    expect: () => mustHold,
    async observe(scene) {
      // An external site may be slower than a check may take, where every id takes a login.
      if (scene.own !== undefined) return judgeIssued(await issueIds(scene, Number.POSITIVE_INFINITY));
      const isPaced = scene.contract.requestsPerSecond !== undefined;
      return judgeIssued(await issueIds(scene, isPaced ? PACED_MS : EXTERNAL_MS));
    },
  },
  {
    id: '6',
    title: 'An id carries no personal data',
    source: 'OWASP Session Management cheat sheet (session ID content)',
    expect: ({ traits }) =>
      traits.clientReadable
        ? cannotHold('Whoever sees a token, in a proxy’s log or on a borrowed device, reads whose it is.')
        : mustHold,
    async observe(scene) {
      const named = await times(NAMED_LOGINS, async () => {
        const { token, user } = await logInAtHome(scene);
        if (user.length < TELLING_CHARACTERS) return [];
        return [readings(token).some((text) => text.toLowerCase().includes(user.toLowerCase()))];
      });
      const judged = named.flat();
      if (judged.length === 0)
        return notApplicable(
          `no user has a name of ${TELLING_CHARACTERS} characters, which chance does not make`,
        );
      return judgeEach(judged, 'ids held the name of their user, plain or encoded');
    },
  },
];

/** An anonymous session's id. @throws MissingOperation where there are no sessions before a login. */
async function visit(browser: Browser): Promise<string> {
  expectStatus(await browser.perform('visit'), 200, 'a visit');
  return tokenOf(browser);
}

function tokenOf(browser: Browser): string {
  const token = browser.token();
  assume(token !== undefined, 'expected a visit to set the session cookie');
  return token;
}

/** The id of a browser before it logs in: an anonymous one or, where there is none, that of another login. */
async function firstId(scene: Scene, browser: Browser): Promise<string> {
  if (scene.contract.operations.visit !== undefined) return visit(browser);
  return (await logIn(scene, { browser })).token;
}

/** Whether any server accepts a token as that of a user. */
async function isUser(scene: Scene, token: string): Promise<boolean> {
  const asked = await times(scene.servers > 0 ? scene.servers : TRIES_AT_HOME, (turn) =>
    currentUser(scene, homeBrowser(scene, turn).holding(token)),
  );
  return asked.some((user) => typeof user === 'string');
}

/**
 * Fresh ids in the order of their replies, requested concurrently and each without a cookie: as many as the check wants,
 * or as come in this time.
 */
export async function issueIds(scene: Scene, limitMs: number): Promise<IssuedId[]> {
  const isAnonymous = scene.contract.operations.visit !== undefined;
  const issued: IssuedId[] = [];
  const endMs = performance.now() + limitMs;
  let left = IDS;
  async function visitor(browser: Browser): Promise<void> {
    while (left > 0 && performance.now() < endMs) {
      left -= 1;
      browser.cookies.clear();
      const reply = isAnonymous ? await browser.perform('visit') : (await logIn(scene, { browser })).reply;
      expectStatus(reply, 200, 'a visit');
      issued.push({ id: identifyingPart(tokenOf(browser)), server: scene.serverOf(reply) });
    }
  }
  await Promise.all(Array.from({ length: VISITORS }, () => visitor(scene.browser())));
  return issued;
}

/** Whether they look random; a few of them show nothing. */
export async function judgeIssued(issued: readonly IssuedId[]): Promise<Observation> {
  if (issued.length < MIN_IDS)
    return notApplicable(
      `the site made ${issued.length} ids in the time of the check: too few to see a pattern`,
    );
  const { shapeBits, findings } = await judgeIds(issued);
  const shape = `${issued.length} ids of ${Math.floor(shapeBits)} bits by their shape`;
  return findings.length === 0
    ? holds(`${shape}, all distinct and without a pattern`)
    : violated(`${shape}: ${findings.join('; ')}`);
}

/** A token, and its decoded parts. */
function readings(token: string): string[] {
  const plain = percentDecoded(token);
  const parts = [plain, ...plain.split(/[.:~|!]/)];
  return [
    ...parts,
    ...parts.map((part) => Buffer.from(part, 'base64url').toString('latin1')),
    ...parts.map((part) => Buffer.from(part, 'hex').toString('latin1')),
  ];
}
