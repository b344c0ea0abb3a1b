/** Checks 30 to 32: time, audience, issuer and type, which a genuine signature does not settle. */

import { assume, countAccepting, expectStatus, logInAtHome } from '../acts.ts';
import { type Check, holds, type Observation, verdict, violated } from '../check.ts';
import { type Claims, type Forgery, type JwtParts, segment } from '../forge.ts';
import { besideBystander, doorsOf, isInert, offer, refusal, wordsOf } from '../offers.ts';
import type { Scene } from '../scene.ts';
import { refreshVariant } from './refresh-site.ts';
import { material, ofToken } from './token-material.ts';

/** A token with other claims, or another header; `undefined` removes one. */
interface Edit {
  how: string;
  payload?: Claims;
  header?: Claims;
  /** A site may accept it when it is signed with its key. */
  isRight?: true;
}

/** Keeps the old signature. */
function edited({ header, payload, signatureText }: JwtParts, edit: Edit): Forgery {
  const headerText = segment({ ...header, ...edit.header });
  const payloadText = segment({ ...payload, ...edit.payload });
  return { how: edit.how, token: `${headerText}.${payloadText}.${signatureText}` };
}

/** Checks the claims of tokens that have any; other backends are offered the same edits, which mean nothing to them. */
async function observeClaims(
  scene: Scene,
  editsOf: (parts: JwtParts) => readonly Edit[],
  observe: (scene: Scene, parts: JwtParts) => Promise<Observation>,
): Promise<Observation> {
  const { login, parts } = await material(scene);
  const edits = editsOf(parts);
  const forged = edits.map((edit) => edited(parts, edit));
  const refused = refusal(scene, await offer(scene, forged), 'tokens with edited claims');
  if (refused.outcome !== 'pass') return refused;
  const genuine = await observeGenuine(scene, login.token, parts, edits);
  if (genuine.outcome !== 'pass') return genuine;
  const observed = await observe(scene, parts);
  return { ...observed, evidence: `${observed.evidence}; ${refused.evidence}; ${genuine.evidence}` };
}

/**
 * The same edits under the site's own key: now only the claims are wrong. This detects a server that never checks a
 * claim because the signature is wrong anyway.
 */
async function observeGenuine(
  scene: Scene,
  token: string,
  { header, payload }: JwtParts,
  edits: readonly Edit[],
): Promise<Observation> {
  const { own } = scene;
  if (own === undefined) return holds('the signing key of the site is not known');
  const signed = (how: string, edit: Omit<Edit, 'how'>): Forgery => {
    const made = own.signedAs({ ...payload, ...edit.payload }, { ...header, ...edit.header });
    assume(made !== undefined, 'expected the site to have a key that signs its tokens');
    return { how: `${how}, genuinely signed`, token: made };
  };
  const wrong = edits.filter(({ isRight }) => isRight !== true);
  const forged = wrong.map((edit) => signed(edit.how, edit));
  const offered = await offer(scene, forged);
  // Last, so that nothing above was refused because the login had ended, or because the key is not the site's.
  const control = await countAccepting(scene, signed('unchanged', {}).token);
  const original = await countAccepting(scene, token);
  assume(
    control.accepted > 0 && control.accepted === original.accepted,
    'expected unchanged claims under the genuine key to be accepted like the token itself',
  );
  const evidence = wordsOf(offered, 'edited tokens under the genuine key');
  return verdict(isInert(offered), evidence);
}

const YEAR_SECONDS = 31_536_000;

const timeEdits = (): readonly Edit[] => {
  const now = Math.floor(Date.now() / 1000);
  return [
    { how: 'exp put off', payload: { exp: now + YEAR_SECONDS }, isRight: true },
    { how: 'exp in the past', payload: { exp: now - 60 } },
    { how: 'no exp', payload: { exp: undefined } },
    { how: 'exp as text', payload: { exp: String(now + YEAR_SECONDS) } },
    { how: 'nbf in the future', payload: { nbf: now + YEAR_SECONDS } },
    { how: 'no nbf', payload: { nbf: undefined } },
    { how: 'no times at all', payload: { exp: undefined, nbf: undefined, iat: undefined } },
  ];
};

/** Lifetime of a token in seconds when its times are complete and consistent, else what is wrong with them. */
function lifetimeOf(scene: Scene, { payload }: JwtParts): number | string {
  const [exp, nbf, iat] = [payload['exp'], payload['nbf'], payload['iat']];
  if (typeof exp !== 'number' || typeof nbf !== 'number' || typeof iat !== 'number')
    return 'the token lacks one of exp, nbf and iat as a number';
  const idleSeconds = scene.own?.config.idleSeconds ?? Number.POSITIVE_INFINITY;
  if (nbf > iat || exp <= iat || exp - iat > idleSeconds)
    return `the token lives ${exp - iat} s, over the idle time of ${idleSeconds} s, or its times contradict each other`;
  return exp - iat;
}

/** Seconds before its expiry at which a token must still be valid: longer than a few requests take on any machine. */
const MARGIN_SECONDS = 30;

async function observeTimes(scene: Scene, parts: JwtParts): Promise<Observation> {
  const lifetime = lifetimeOf(scene, parts);
  if (typeof lifetime === 'string') return violated(lifetime);
  const numbers = `exp, nbf and iat are there, ${lifetime} s from issue to end`;
  if (scene.own === undefined) return holds(`${numbers}; the clock of the site cannot be moved`);
  const site = await scene.variant({ name: 'token-times' });
  const { login, parts: fresh } = await material(site);
  const seconds = lifetimeOf(site, fresh);
  assume(
    typeof seconds !== 'string' && seconds > MARGIN_SECONDS && site.own !== undefined,
    `expected the variant's tokens to live over ${MARGIN_SECONDS} s`,
  );
  await site.own.advanceClock((seconds - MARGIN_SECONDS) * 1000);
  const before = await countAccepting(site, login.token);
  await site.own.advanceClock(MARGIN_SECONDS * 1000);
  const after = await countAccepting(site, login.token);
  const evidence =
    `${numbers}; ${MARGIN_SECONDS} s before its exp a token is accepted by ${before.accepted} of ${before.of} servers, ` +
    `from its exp on by ${after.accepted}`;
  return verdict(before.accepted === before.of && after.accepted === 0, evidence);
}

const audienceEdits = ({ payload }: JwtParts): readonly Edit[] => [
  { how: 'another aud', payload: { aud: 'another' } },
  { how: 'a list of aud', payload: { aud: [payload['aud'], 'another'] }, isRight: true },
  { how: 'a list of other aud', payload: { aud: ['another', 'third'] } },
  { how: 'no aud', payload: { aud: undefined } },
  { how: 'another iss', payload: { iss: 'another' } },
  { how: 'no iss', payload: { iss: undefined } },
];

/** A token of a neighbour that signs with the same key: only its audience distinguishes it. */
async function observeAudience(scene: Scene, { payload }: JwtParts): Promise<Observation> {
  const { aud, iss } = payload;
  if (aud === undefined || typeof iss !== 'string') return violated('the token has no audience or no issuer');
  if (scene.own === undefined)
    return holds('aud and iss are there; a neighbour of the site cannot be started');
  const neighbour = await scene.variant({ name: 'neighbour' });
  const { login, parts } = await material(neighbour);
  assume(
    JSON.stringify(parts.payload['aud']) !== JSON.stringify(aud),
    'expected a neighbour to have another audience',
  );
  const offered = await offer(scene, [{ how: 'for another audience', token: login.token }]);
  const evidence = `aud and iss are there; ${wordsOf(offered, 'genuine token of a neighbour')}`;
  return verdict(isInert(offered), evidence);
}

const typeEdits = (): readonly Edit[] => [
  ...['JWT', 'at+jwt', 'application/at+jwt', 'refresh+jwt', '', null, undefined].map((typ) => ({
    how: `typ ${typ === undefined ? 'missing' : JSON.stringify(typ)}`,
    header: { typ },
  })),
  { how: 'cty', header: { cty: 'JWT' }, isRight: true },
];

async function observeType(scene: Scene, { header }: JwtParts): Promise<Observation> {
  const { typ } = header;
  if (typeof typ !== 'string' || /^(application\/)?jwt$/i.test(typ))
    return violated('the header has no specific type, so any token under the same key passes for a session');
  const named = `the header names the type ${typ.slice(0, 30)}`;
  if (scene.own === undefined || scene.subject.refreshing === undefined) return holds(named);
  const site = await refreshVariant(scene);
  const crossed = await observeCrossed(site);
  return { ...crossed, evidence: `${named}; ${crossed.evidence}` };
}

/** A refresh token in place of a session token, and the reverse, both genuine and live. */
async function observeCrossed(site: Scene): Promise<Observation> {
  const { browser, token } = await logInAtHome(site);
  const name = site.contract.refreshCookie;
  const refreshToken = name === undefined ? undefined : browser.cookies.get(name);
  assume(refreshToken !== undefined, 'expected a login in refresh mode to set a refresh token');
  const offered = await offer(site, [{ how: 'a refresh token as session', token: refreshToken }]);
  let exchanged = 0;
  const doors = doorsOf(site);
  for (const door of doors) {
    const headers = { cookie: `${name}=${token}` };
    const reply = await door.browser.perform('refresh', {}, { headers });
    if (reply.status < 400 || reply.status >= 500) exchanged += 1;
  }
  expectStatus(await browser.perform('refresh'), 200, 'the genuine exchange');
  const evidence =
    `in refresh mode, ${wordsOf(offered, 'refresh token as session token')}; ` +
    `${exchanged} of ${doors.length} session tokens taken for a refresh token`;
  return verdict(isInert(offered) && exchanged === 0, evidence);
}

const check = (
  id: string,
  title: string,
  source: string,
  edits: (parts: JwtParts) => readonly Edit[],
  observe: (scene: Scene, parts: JwtParts) => Promise<Observation>,
): Check => ({
  id,
  title,
  source,
  expect: ofToken,
  observe: besideBystander((scene) => observeClaims(scene, edits, observe)),
});

export const CLAIM_CHECKS: readonly Check[] = [
  check('30', 'A token holds exp and nbf, and ends at its exp', 'ASVS 5 V9.2.1', timeEdits, observeTimes),
  check(
    '31',
    'A token for another audience, or of another issuer, is refused',
    'ASVS 5 V9.2.3',
    audienceEdits,
    observeAudience,
  ),
  check('32', 'A token of another type is refused', 'RFC 9068 §4, RFC 8725 §3.11', typeEdits, observeType),
];
