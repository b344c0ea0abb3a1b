import { assume, describeReply, expectStatus, logIn, refreshTokenIn } from '../acts.ts';
import { firstFew, type Observation, verdict } from '../check.ts';
import { type Forgery, type JwtParts, jwtParts, raised, segment, tampered, unsigned } from '../forge.ts';
import { doorsOf, forEachConcurrently } from '../offers.ts';
import type { Scene } from '../scene.ts';

/**
 * The forgeries of checks 26 and 27, applied to refresh tokens: none may be exchanged. The genuine one must still work
 * afterwards.
 */
export async function forgedRefreshes(scene: Scene, cookie: string): Promise<Observation> {
  const mine = await logIn(scene);
  const other = await logIn(scene);
  const token = refreshTokenIn(scene, mine.browser);
  const theirs = refreshTokenIn(scene, other.browser);
  assume(
    token !== undefined && theirs !== undefined,
    'expected a login in refresh mode to set a refresh token',
  );
  const parts = jwtParts(token);
  const forgeries = tampered(token, theirs);
  if (parts !== undefined) forgeries.push(...otherClaims(parts), ...unsigned(parts));
  const taken: string[] = [];
  const failed: string[] = [];
  const doors = doorsOf(scene);
  const offers = forgeries.map((forgery, index) => ({ ...forgery, door: doors[index % doors.length] }));
  await forEachConcurrently(offers, async ({ how, token: forged, door }) => {
    const browser = door?.browser ?? scene.browser();
    // Replaces the cookies that the browser at the door has received meanwhile.
    const reply = await browser.perform('refresh', {}, { headers: { cookie: `${cookie}=${forged}` } });
    if (reply.status < 400) taken.push(how);
    if (reply.status >= 500) failed.push(`${how}: ${describeReply(reply)}`);
  });
  // An accepted forgery has consumed the genuine token.
  if (taken.length === 0)
    expectStatus(await mine.browser.perform('refresh'), 200, 'the genuine exchange after the forged ones');
  const named = firstFew([...taken, ...failed], 3);
  const evidence =
    `${taken.length} of ${offers.length} forged refresh tokens exchanged, ${failed.length} answered with 5xx` +
    `${named === '' ? '' : ` (${named})`}`;
  return verdict(taken.length + failed.length === 0, evidence);
}

/** Another user, and an administrator, under the old signature and under an invalid one. */
function otherClaims({ headerText, payload, signatureText }: JwtParts): Forgery[] {
  const claims = [raised(payload), { ...payload, role: 'admin' }, { ...payload, sub: 'another' }];
  return claims.flatMap((changed) =>
    [signatureText, 'AAAA', ''].map((signature) => ({
      how: 'other claims, a wrong signature',
      token: `${headerText}.${segment(changed)}.${signature}`,
    })),
  );
}
