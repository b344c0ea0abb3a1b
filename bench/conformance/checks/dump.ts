/** Check 47: a thief of the store's content cannot derive a session from it. */

import { assume, type Login, logIn, times } from '../acts.ts';
import { type Check, doesNotApply, mustHold, notApplicable, type Subject, verdict } from '../check.ts';
import { type Forgery, jwtParts, signedBySecret } from '../forge.ts';
import { besideBystander, isInert, offer, wordsOf } from '../offers.ts';

const LOGINS = 5;
/** Texts of the dump that are tried as tokens, and as signing secrets. */
const MAX_CANDIDATES = 1_500;
const MAX_SECRETS = 150;
/** Texts this close to the name of one of our users are tried first: a dump may hold thousands of sessions. */
const NEAR_CHARACTERS = 800;

const ID_LIKE = /[A-Za-z0-9_+/=-]{20,}/g;
const HEX = /[0-9a-f]{32,}/gi;

/** Parts of a token that would serve as the whole, or prove that it was stored. */
function telltales(token: string): string[] {
  const bytes = Buffer.from(token, 'base64url');
  const parts = token.split('.').filter((part) => part.length >= 20);
  const signature = jwtParts(token)?.signatureText;
  const signed = signature === undefined ? [] : [Buffer.from(signature, 'base64url')];
  const binary = [bytes, ...signed].flatMap((raw) => [raw.toString('hex'), raw.toString('base64')]);
  // All tokens under one key begin alike, with a header that identifies nobody.
  const telling = signature === undefined ? parts : parts.slice(1);
  return [token, ...telling, ...binary].filter((text) => text.length >= 20);
}

/** Everything in the dump that looks like an id, those near our users first. */
function idsOf(dump: string, users: readonly string[]): string[] {
  const near = users.flatMap((user) => {
    const at = dump.indexOf(user);
    return at < 0 ? [] : [dump.slice(Math.max(0, at - NEAR_CHARACTERS), at + NEAR_CHARACTERS)];
  });
  const found = [...near, dump].flatMap((text) => [
    ...Array.from(text.matchAll(HEX), ([match]) => match),
    ...Array.from(text.matchAll(ID_LIKE), ([match]) => match),
  ]);
  return [...new Set(found)].slice(0, MAX_CANDIDATES);
}

/** An id as stored, and in other encodings of the same bytes. */
function rewritten(id: string): Forgery[] {
  const isHex = /^([0-9a-f]{2})+$/i.test(id);
  const bytes = isHex ? Buffer.from(id, 'hex') : Buffer.from(id, 'base64');
  const texts = isHex
    ? [id, bytes.toString('base64url'), bytes.toString('base64'), bytes.toString('latin1')]
    : [id, id.replaceAll('+', '-').replaceAll('/', '_'), bytes.toString('hex'), bytes.toString('latin1')];
  return [...new Set(texts)]
    .filter((text) => /^[\x21-\x7e]{8,4000}$/.test(text))
    .map((token) => ({ how: 'a text of the dump', token }));
}

/** A genuine token signed again, with texts of the dump as the secret. */
function resigned(token: string, ids: readonly string[]): Forgery[] {
  const parts = jwtParts(token);
  if (parts === undefined) return [];
  return ids.slice(0, MAX_SECRETS).flatMap((id) =>
    [id, Buffer.from(id, 'base64url'), Buffer.from(id, 'hex')].map((secret) => ({
      how: 'signed with a text of the dump',
      token: signedBySecret({ ...parts.header, alg: 'HS256' }, { ...parts.payload, role: 'admin' }, secret),
    })),
  );
}

const noDump = ({ service }: Subject) =>
  service === undefined
    ? 'There is no store beside the servers that could be dumped.'
    : 'the service cannot be dumped';

export const DUMP_CHECK: Check = {
  id: '47',
  title: 'A dump of the store holds no usable id',
  source: 'OWASP Session Management cheat sheet, ASVS 5 V7.2',
  expect: (subject) => (subject.service === undefined ? doesNotApply(noDump(subject)) : mustHold),
  observe: besideBystander(async (scene) => {
    const service = scene.own?.service;
    if (service === undefined) return notApplicable(noDump(scene.subject));
    const logins: Login[] = await times(LOGINS, () => logIn(scene));
    const dump = await service.dump();
    const missing = logins.filter(({ user }) => !dump.includes(user)).length;
    assume(missing === 0, `expected the dump to name all ${LOGINS} users, ${missing} are missing`);
    const kept = logins.filter(({ token }) => telltales(token).some((text) => dump.includes(text))).length;
    const ids = idsOf(
      dump,
      logins.map(({ user }) => user),
    );
    const forgeries = [...ids.flatMap(rewritten), ...resigned((logins[0] as Login).token, ids)];
    const doors = [{ browser: scene.browser(), server: undefined }];
    const offered = await offer(scene, forgeries, doors);
    const evidence =
      `${kept} of ${LOGINS} live tokens, or parts of them, in a dump of ${dump.length} characters; ` +
      wordsOf(offered, `tokens made from ${ids.length} texts of it`);
    return verdict(kept === 0 && isInert(offered), evidence);
  }),
};
