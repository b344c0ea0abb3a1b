import type { OperationName } from '../../config/contract.ts';
import type { Values } from '../../load/operation.ts';
import { assume, ExperimentFailed, expectStatus, fieldOf, logIn, logInAtHome, times } from '../acts.ts';
import type { Reply } from '../browser.ts';
import { type Check, cannotHold, mustHold, notApplicable, verdict } from '../check.ts';
import type { Scene } from '../scene.ts';
import { roundsOf } from './logins.ts';

const TABS = 20;
const CONTESTS = 50;
const INCREMENTS = 3;
/** One of twenty concurrent attempts succeeds, so that the last is served within some hundred tries. */
const MAX_ATTEMPTS = 2000;

export const UPDATE_CHECK: Check = {
  id: '41',
  title: 'No update that was acknowledged is lost: of several with one version one wins',
  source: 'RFC 9110 §13.1.1',
  expect({ traits, options }) {
    if (traits.compareAndSwap) return mustHold;
    return cannotHold(
      options['write'] === 'lww'
        ? 'Of two tabs that save at once both are told that it was saved, and the work of one is lost.'
        : 'Each save returns a separate copy of the session: of two tabs that save at once both are told that ' +
            'it was saved, and the copy that the browser stores last undoes the other.',
    );
  },
  async observe(scene) {
    const { data, version } = scene.contract.fields;
    if (data === undefined || version === undefined)
      return notApplicable('the contract has no field of the data, or of its version');
    const act = await openTabs(scene);
    const contests = await times(roundsOf(scene, CONTESTS), (round) => contest(scene, act, round));
    const unfair = contests.filter(({ acknowledged }) => acknowledged !== 1).length;
    const changed = contests.filter(({ lost, acknowledged }) => acknowledged === 1 && lost > 0).length;
    const counted = await countTogether(scene, await openTabs(scene));
    const evidence =
      `in ${unfair} of ${contests.length} contests of ${TABS} updates of one version not exactly one was acknowledged, in ` +
      `${changed} its data was not what remained, and ${counted.lost} of ${counted.acknowledged} increments by ${TABS} ` +
      `tabs were lost${await lastWriteWins(scene)}`;
    return verdict(unfair + changed === 0 && counted.lost === 0, evidence);
  },
};

/** The rate of loss without the comparison, where the backend supports that. */
async function lastWriteWins(scene: Scene): Promise<string> {
  const { options } = scene.subject;
  if (scene.own === undefined || options['write'] === undefined || options['write'] === 'lww') return '';
  const site = await scene.variant({ name: 'lww', options: { ...options, write: 'lww' } });
  const { lost, acknowledged } = await countTogether(site, await openTabs(site));
  return `; ${lost} of ${acknowledged} acknowledged updates lost in last-write-wins mode`;
}

/** Performs an operation in one of the tabs. */
type Act = (tab: number, operation: OperationName, values?: Values) => Promise<Reply>;

/**
 * Tabs of one browser: one session, and one jar that keeps whichever token came last. Where servers share sessions the
 * balancer routes each tab; else all go to the server that has this session.
 */
async function openTabs(scene: Scene): Promise<Act> {
  const { shared } = scene.subject.traits;
  const login = shared ? await logIn(scene) : await logInAtHome(scene);
  let token = login.token;
  const tabs = Array.from({ length: TABS }, () => {
    if (shared) return scene.browser();
    const tab = login.browser.holding(token);
    for (const [name, value] of login.browser.cookies) tab.cookies.set(name, value);
    return tab;
  });
  return async (index, operation, values) => {
    const tab = tabs[index % TABS];
    if (tab === undefined) throw new RangeError(`expected a tab, got ${index}`);
    const sent = token;
    tab.cookies.set(scene.contract.cookie, sent);
    const reply = await tab.perform(operation, values);
    const kept = tab.token();
    if (kept !== undefined && kept !== sent) token = kept;
    return reply;
  };
}

/** The session's data and version. */
async function readData(scene: Scene, act: Act, tab: number): Promise<{ data: string; version: number }> {
  const reply = expectStatus(await act(tab, 'read'), 200, 'a read');
  const data = fieldOf(reply, scene.contract.fields.data ?? '');
  const version = fieldOf(reply, scene.contract.fields.version ?? '');
  assume(
    typeof data === 'string' && typeof version === 'number',
    'expected data and version of a session, got something else',
  );
  return { data, version };
}

/** True when it was acknowledged, false when another update came first. */
function wasTaken(reply: Reply): boolean {
  return expectStatus(reply, [200, 409], 'an update').status === 200;
}

/** Updates that were acknowledged, and how many of them did not remain. */
interface Tally {
  acknowledged: number;
  lost: number;
}

/** All tabs save their own text over the same version. */
async function contest(scene: Scene, act: Act, round: number): Promise<Tally> {
  const { version } = await readData(scene, act, 0);
  const texts = Array.from({ length: TABS }, (_, tab) => `contest.${round}.${tab}`);
  const replies = await Promise.all(texts.map((data, tab) => act(tab, 'update', { data, version })));
  const taken = texts.filter((_, tab) => replies[tab] !== undefined && wasTaken(replies[tab]));
  const { data } = await readData(scene, act, 0);
  return { acknowledged: taken.length, lost: taken.length - (taken.includes(data) ? 1 : 0) };
}

/** All tabs increment what they read, and read again on a conflict: the sum shows what was lost. */
async function countTogether(scene: Scene, act: Act): Promise<Tally> {
  expectStatus(await act(0, 'update', { data: 'count.0' }), 200, 'an update');
  const countIn = (data: string) => Number(/^count\.(\d+)$/.exec(data)?.[1] ?? Number.NaN);
  async function increment(tab: number): Promise<void> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      const { data, version } = await readData(scene, act, tab);
      const next = `count.${countIn(data) + 1}`;
      if (wasTaken(await act(tab, 'update', { data: next, version }))) return;
    }
    throw new ExperimentFailed(`expected an update to succeed within ${MAX_ATTEMPTS} tries, got conflicts`);
  }
  await Promise.all(Array.from({ length: TABS }, (_, tab) => times(INCREMENTS, () => increment(tab))));
  const acknowledged = TABS * INCREMENTS;
  const { data } = await readData(scene, act, 0);
  return { acknowledged, lost: acknowledged - countIn(data) };
}
