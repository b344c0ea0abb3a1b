/** Checks 7 to 13 and 17: how the token travels, and how a logout deletes it in the browser. */

import { SERVICES, SESSION_STORES } from '../../../stores/registry.ts';
import type { OperationName } from '../../config/contract.ts';
import { type Check, judge, judgeEach, mustHold, ofCookie } from '../check.ts';
import type { Scene } from '../scene.ts';
import { ID_OUTSIDE_COOKIE } from './outside-cookie.ts';
import {
  cookiesOf,
  isDeletion,
  mentions,
  type SetCookie,
  secretCookies,
  type Tour,
  tokensOf,
  tours,
} from './tour.ts';

const words = (text: string): readonly string[] => text.trim().split(/\s+/);

/** Prefixes of the default session cookies of frameworks, in lower case. */
const FRAMEWORK_COOKIES = words(`
  jsessionid phpsessid connect.sid asp.net_sessionid aspsessionid .aspxauth .aspnetcore. cfid
  cftoken cfglobals laravel_session ci_session cakephp play_session rack.session symfony sessionid
  koa.sess koa:sess express:sess sails.sid beaker.session ring-session wordpress_ sess_
  better-auth authjs next-auth
`);

/** Names that reveal the product, the language or the store. */
const PRODUCTS = [
  ...words(`
    express fastify koa hapi node php asp java tomcat jetty spring django flask python rails rack
    ruby laravel symfony memcache mysql mongo session-bench bench
  `),
  ...[...SERVICES, ...SESSION_STORES].map(({ name }) => name),
];

/** A rule that holds for every line of Set-Cookie, from visit to logout, with one of these names. */
const everyLine =
  (
    names: (scene: Scene) => readonly string[],
    fault: string,
    rule: (cookie: SetCookie) => boolean,
  ): Check['observe'] =>
  async (scene) => {
    // A deletion sets nothing that a script could read or another site could send.
    const lines = (await tours(scene))
      .flatMap((steps) => cookiesOf(steps, names(scene)))
      .filter((cookie) => !isDeletion(cookie));
    return judge(
      lines.filter((line) => !rule(line)).length,
      lines.length,
      `lines that set the cookie were ${fault}`,
    );
  };

export const COOKIE_CHECKS: readonly Check[] = [
  ofCookie({
    id: '7',
    title: 'The session cookie is HttpOnly, on every line that sets it',
    source: 'ASVS 5 V3.3.4',
    expect: () => mustHold,
    observe: everyLine(secretCookies, 'without HttpOnly', ({ attributes }) => attributes.has('httponly')),
  }),
  ofCookie({
    id: '8',
    title: 'The session cookie is Secure, on every line that sets it',
    source: 'ASVS 5 V3.3.1',
    expect: () => mustHold,
    observe: everyLine(secretCookies, 'without Secure', ({ attributes }) => attributes.has('secure')),
  }),
  ofCookie({
    id: '9',
    title: 'The session cookie names SameSite=Lax or Strict, on every line that sets it',
    source: 'ASVS 5 V3.3.2',
    expect: () => mustHold,
    observe: everyLine(secretCookies, 'without SameSite=Lax or Strict', ({ attributes }) =>
      /^(lax|strict)$/i.test(attributes.get('samesite') ?? ''),
    ),
  }),
  ofCookie({
    id: '10',
    title: 'The session cookie has the prefix __Host-, Path=/ and no Domain',
    source: 'ASVS 5 V3.3.3; RFC 6265bis §4.1.3.2',
    expect: () => mustHold,
    observe: everyLine(
      ({ contract }) => [contract.cookie],
      'without the prefix __Host-, with another Path or with a Domain',
      ({ name, attributes }) =>
        name.startsWith('__Host-') && attributes.get('path') === '/' && !attributes.has('domain'),
    ),
  }),
  ofCookie({
    id: '11',
    title: 'The name of the session cookie reveals nothing of what is behind it',
    source: 'OWASP Session Management cheat sheet (session ID name fingerprinting)',
    expect: () => mustHold,
    async observe(scene) {
      const lines = (await tours(scene)).flatMap((steps) => steps.flatMap(({ reply }) => reply.setCookies));
      // Other cookies count too: a framework's own cookie beside a renamed one reveals as much.
      const names = [...new Set(lines.map((line) => line.slice(0, line.indexOf('=')).trim()))];
      const telling = names.filter(
        (name) => isFrameworkName(name) || (secretCookies(scene).includes(name) && namesProduct(name)),
      );
      return judge(
        telling.length,
        names.length,
        'names of cookies are those of a framework or name a product',
      );
    },
  }),
  ID_OUTSIDE_COOKIE,
  {
    id: '13',
    title: 'A token in a cookie is not in the body of a reply as well',
    source: 'ASVS 5 V3.3.4',
    expect: () => mustHold,
    async observe(scene) {
      let bodies = 0;
      let holding = 0;
      for (const steps of await tours(scene)) {
        const tokens = tokensOf(scene, steps);
        bodies += steps.length;
        holding += steps.filter(({ reply }) => tokens.some((token) => mentions(reply.body, token))).length;
      }
      return judge(holding, bodies, 'bodies held a token');
    },
  },
  ofCookie({
    id: '17',
    title: 'The cookie that a logout deletes keeps its name, Path and Secure',
    source: 'RFC 6265bis §5.7',
    expect: () => mustHold,
    async observe(scene) {
      const logouts = await tours(scene);
      return judgeEach(
        logouts.map((steps) => !deletesWhatItSet(scene, steps)),
        'logouts did not delete the session cookie under its name, Path and Secure',
      );
    },
  }),
];

function isFrameworkName(name: string): boolean {
  return FRAMEWORK_COOKIES.some((known) => withoutPrefix(name).startsWith(known));
}

/** At the beginning of a word only: `track` is not Rack. */
function namesProduct(name: string): boolean {
  const words = [withoutPrefix(name), ...withoutPrefix(name).split(/[^a-z0-9]+/)];
  return words.some((word) => PRODUCTS.some((product) => word.startsWith(product)));
}

function withoutPrefix(name: string): string {
  return name.replace(/^__(Host|Secure)-/i, '').toLowerCase();
}

/**
 * A browser deletes a cookie only under the name, Path and Domain with which it was set, and a line without Secure
 * cannot change a cookie that has it (RFC 6265bis §5.7).
 */
function deletesWhatItSet({ contract, own }: Scene, steps: Tour): boolean {
  const linesOf = (name: OperationName) =>
    cookiesOf(
      steps.filter(({ operation }) => operation === name),
      [contract.cookie],
    );
  const [set, last] = [linesOf('login').at(-1), linesOf('logout').at(-1)];
  if (set === undefined || last === undefined) return false;
  // An external site may put the cookie of a new anonymous session in its place: the old token is forgotten as well.
  const issued = steps.filter(({ operation }) => operation !== 'logout');
  const isReplaced =
    own === undefined &&
    last.value !== '' &&
    cookiesOf(issued, [contract.cookie]).every(({ value }) => value !== last.value);
  if (!isDeletion(last) && !isReplaced) return false;
  const isSame = (attribute: string) => last.attributes.get(attribute) === set.attributes.get(attribute);
  const isSecureEnough =
    last.attributes.has('secure') || (own === undefined && !set.attributes.has('secure'));
  return isSame('path') && isSame('domain') && isSecureEnough;
}
