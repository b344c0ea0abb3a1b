import { COMMON_TRAITS } from '../config/contract.ts';
import type { Wire } from '../config/wire.ts';
import { redactUrl } from '../errors.ts';
import { exchange } from '../load/client.ts';
import { addressOf, openAgent } from '../load/wire.ts';
import { plain } from '../results/text.ts';
import { unreachable } from './unreachable.ts';

/** What stands where only the owner of a site knows the value. */
export const TO_FILL_IN = 'FILL IN';
const MAX_REDIRECTS = 3;
const DEFAULT_COOKIE = 'sid';
/** Of a name in a contract. */
const MAX_NAME = 40;
/** Of a page; a login form beyond that is not found. */
const MAX_PAGE = 512 * 1024;

interface Page {
  url: URL;
  status: number;
  body: string;
  cookies: string[];
}

/** A form that asks for a password. */
interface LoginForm {
  method: 'GET' | 'POST';
  path: string;
  user: string;
  password: string;
  /** Fields with a value of the page, such as a token against forgery. */
  hidden: string[];
}

/**
 * A first contract of the site at `target`, as JSON: the cookies that it sets and its login form are read from the page
 * there, everything else is to be filled in. One page is fetched, and nothing is sent to the site.
 * @throws BenchError SERVICE_UNREACHABLE.
 */
export async function firstContract(target: URL, wire: Wire): Promise<{ text: string; remarks: string[] }> {
  const page = await fetchPage(target, wire);
  const form = loginFormIn(page);
  const own = page.cookies.filter((name) => !/csrf|xsrf/i.test(name));
  const cookie = own.find((name) => /sess|sid|auth|token|^id$/i.test(name)) ?? own[0];
  const fields = form ?? { user: 'user', password: 'password' };
  const contract = {
    name: target.hostname.slice(0, MAX_NAME),
    cookie: cookie ?? DEFAULT_COOKIE,
    origin: page.url.origin,
    operations: {
      login: {
        method: form?.method ?? 'POST',
        path: form?.path ?? '/login',
        body: { [fields.user]: '{user}', [fields.password]: '{password}' },
        ...(form === undefined ? {} : { encoding: 'form' }),
      },
      read: { method: 'GET', path: '/me' },
      logout: { method: 'POST', path: '/logout' },
    },
    fields: { user: 'user' },
    users: [TO_FILL_IN],
    password: TO_FILL_IN,
    affinity: 'round-robin',
    traits: COMMON_TRAITS,
  };
  return { text: `${JSON.stringify(contract, undefined, 2)}\n`, remarks: remarksOn(page, form, cookie) };
}

function remarksOn(
  { url, status, cookies }: Page,
  form: LoginForm | undefined,
  cookie: string | undefined,
): string[] {
  const address = redactUrl(url.href);
  return [
    ...(status === 200 ? [] : [`${address} replied ${status}, which is not a page`]),
    cookie === undefined
      ? `${address} sets no cookie of a session: "cookie" is a guess`
      : `${address} sets ${cookies.join(', ')}: "cookie" is ${cookie}`,
    form === undefined
      ? `${address} has no form of its own with a password: "login" is a guess`
      : `${address} has a form with a password: "login" sends it to ${form.path}`,
    ...(form === undefined || form.hidden.length === 0
      ? []
      : [`the form also has ${form.hidden.join(', ')}, which a contract cannot read from a page`]),
    'users, password, read, logout, fields and traits are to be filled in (docs/conformance.md)',
  ].map(plain);
}

/** The page, after redirects on the same host or to its TLS. */
async function fetchPage(target: URL, wire: Wire): Promise<Page> {
  const cookies = new Set<string>();
  let url = target;
  for (let redirects = 0; ; redirects += 1) {
    const agent = openAgent(url.protocol, wire, 1);
    try {
      const headers = { host: url.host, accept: 'text/html' };
      const reply = await exchange(url, agent, 'GET', undefined, headers, addressOf(url, wire));
      const { status } = reply;
      for (const line of reply.headers['set-cookie'] ?? []) cookies.add(line.split('=', 1)[0] as string);
      const next = locationOf(url, reply.headers.location, wire);
      if (status < 300 || status >= 400 || next === undefined || redirects === MAX_REDIRECTS)
        return { url, status, body: reply.body.slice(0, MAX_PAGE), cookies: [...cookies] };
      url = next;
    } catch (cause) {
      throw unreachable(url.href, cause);
    } finally {
      agent.destroy();
    }
  }
}

/** Where a redirect leads to; `undefined` for another site, and for one that --connect-to does not name. */
function locationOf(url: URL, location: string | undefined, { connectTo }: Wire): URL | undefined {
  if (location === undefined || !URL.canParse(location, url.href)) return undefined;
  const next = new URL(location, url);
  if (connectTo !== undefined && next.origin !== url.origin) return undefined;
  return next.hostname === url.hostname && /^https?:$/.test(next.protocol) ? next : undefined;
}

/** The inside of a tag: `>` may stand in a quoted value. */
const INSIDE = /^(?:"[^"]*"|'[^']*'|[^'">])*/;

/** The first form that has a field for a password and sends it to the page's own site. */
export function loginFormIn({ url, body }: Pick<Page, 'url' | 'body'>): LoginForm | undefined {
  for (const text of withoutComments(body)
    .split(/<form(?=[\s>])/i)
    .slice(1)) {
    const [attributes = ''] = INSIDE.exec(text) ?? [];
    const end = text.search(/<\/form/i);
    const inputs = text
      .slice(attributes.length, end < 0 ? undefined : end)
      .split(/<input(?=[\s/>])/i)
      .slice(1)
      .map(inputOf);
    const password = inputs.find(({ type, name }) => type === 'password' && name !== undefined);
    const action = attributeIn(attributes, 'action') ?? '';
    const to = URL.canParse(action, url.href) ? new URL(action, url) : url;
    if (password?.name === undefined || to.origin !== url.origin) continue;
    const before = inputs.slice(0, inputs.indexOf(password));
    const user = before.findLast(({ type, name }) => /^(text|email|tel)$/.test(type) && name !== undefined);
    return {
      method: /^post$/i.test(attributeIn(attributes, 'method') ?? '') ? 'POST' : 'GET',
      path: `${to.pathname}${to.search}`,
      user: user?.name ?? 'user',
      password: password.name,
      hidden: inputs.flatMap(({ type, name }) => (type === 'hidden' && name !== undefined ? [name] : [])),
    };
  }
  return undefined;
}

function inputOf(text: string): { name: string | undefined; type: string } {
  const [inside = ''] = INSIDE.exec(text) ?? [];
  return { name: attributeIn(inside, 'name'), type: (attributeIn(inside, 'type') ?? 'text').toLowerCase() };
}

function withoutComments(html: string): string {
  const [first = '', ...rest] = html.split('<!--');
  return first + rest.map((part) => part.split('-->').slice(1).join('-->')).join('');
}

/** The value of an attribute of HTML, quoted or not. */
function attributeIn(text: string, name: string): string | undefined {
  const found = new RegExp(`(?:^|\\s)${name}\\s*=\\s*(?:"([^"]*)"|'([^']*)'|([^\\s>]+))`, 'i').exec(text);
  return found?.[1] ?? found?.[2] ?? found?.[3];
}
