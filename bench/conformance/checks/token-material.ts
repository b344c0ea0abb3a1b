import { assume, countAccepting, type Login, logInAtHome } from '../acts.ts';
import { DoesNotApply } from '../browser.ts';
import { doesNotApply, type Expectation, mustHold, type Subject } from '../check.ts';
import { type JwtParts, jwtParts, plausibleJwt } from '../forge.ts';
import type { Scene } from '../scene.ts';

/** A check of the content of a token: an opaque id has none. */
export function ofToken({ traits }: Subject): Expectation {
  return traits.dataInToken ? mustHold : doesNotApply('The id is opaque: nothing in it is parsed.');
}

/**
 * A login, and a token to forge from: its own where it is signed, else one that looks like those of other sites.
 * @throws ExperimentFailed when the token opens no session, or should be a JSON Web Token of ours and is not;
 * DoesNotApply where others have tokens of another form.
 */
export async function material(scene: Scene): Promise<{ login: Login; parts: JwtParts }> {
  const login = await logInAtHome(scene);
  const { accepted } = await countAccepting(scene, login.token);
  assume(accepted > 0, 'expected a genuine token to be accepted somewhere');
  const isSigned = scene.subject.traits.dataInToken;
  const parts = jwtParts(isSigned ? login.token : plausibleJwt(login.user));
  // An encrypted cookie, of a library or an external site, holds the data too.
  if (parts === undefined && scene.own === undefined)
    throw new DoesNotApply('the token is not a JSON Web Token');
  assume(parts !== undefined, 'expected the token to be a signed JSON Web Token');
  return { login, parts };
}
