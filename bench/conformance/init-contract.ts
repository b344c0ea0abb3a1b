import { exchange } from '../load/client.ts';
import { COMMON_TRAITS } from './contract.ts';
import { addressOf, openAgent, unreachable, type Wire } from './wire.ts';

/** What stands where only the owner of a site knows the value. */
export const TO_FILL_IN = 'FILL IN';
const MAX_REDIRECTS = 3;
const DEFAULT_COOKIE = 'sid';

interface Page {
  url: URL;
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
  const cookie = page.cookies.find((name) => /sess|sid|auth|token|^id$/i.test(name)) ?? page.cookies[0];
  const fields = form ?? { user: 'user', password: 'password' };
  const contract = {
    name: target.hostname,
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
  { url, cookies }: Page,
  form: LoginForm | undefined,
  cookie: string | undefined,
): string[] {
  return [
    cookie === undefined
      ? `${url.href} sets no cookie: "cookie" is a guess`
      : `${url.href} sets ${cookies.join(', ')}: "cookie" is ${cookie}`,
    form === undefined
      ? `${url.href} has no form with a password: "login" is a guess`
      : `${url.href} has a form with a password: "login" sends it to ${form.path}`,
    ...(form === undefined || form.hidden.length === 0
      ? []
      : [`the form also has ${form.hidden.join(', ')}, which a contract cannot read from a page`]),
    'users, password, read, logout, fields and traits are to be filled in (docs/conformance.md)',
  ];
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
      for (const line of reply.headers['set-cookie'] ?? []) cookies.add(line.split('=', 1)[0] as string);
      const next = locationOf(url, reply.headers.location);
      if (reply.status < 300 || reply.status >= 400 || next === undefined || redirects === MAX_REDIRECTS)
        return { url, body: reply.body, cookies: [...cookies] };
      url = next;
    } catch (cause) {
      throw unreachable(url.href, cause);
    } finally {
      agent.destroy();
    }
  }
}

/** Where a redirect leads to; `undefined` for another site. */
function locationOf(url: URL, location: string | undefined): URL | undefined {
  if (location === undefined || !URL.canParse(location, url.href)) return undefined;
  const next = new URL(location, url);
  return next.hostname === url.hostname && /^https?:$/.test(next.protocol) ? next : undefined;
}

/** The first form that has a field for a password. */
export function loginFormIn({ url, body }: Pick<Page, 'url' | 'body'>): LoginForm | undefined {
  for (const [, attributes = '', content = ''] of body.matchAll(/<form\b([^>]*)>([\s\S]*?)<\/form>/gi)) {
    const inputs = [...content.matchAll(/<input\b([^>]*)>/gi)].map(([, text = '']) => ({
      name: attributeIn(text, 'name'),
      type: (attributeIn(text, 'type') ?? 'text').toLowerCase(),
    }));
    const password = inputs.find(({ type, name }) => type === 'password' && name !== undefined);
    if (password?.name === undefined) continue;
    const before = inputs.slice(0, inputs.indexOf(password));
    const user = before.findLast(({ type, name }) => /^(text|email|tel)$/.test(type) && name !== undefined);
    const action = attributeIn(attributes, 'action') ?? '';
    const path = URL.canParse(action, url.href) ? new URL(action, url).pathname : url.pathname;
    return {
      method: /^get$/i.test(attributeIn(attributes, 'method') ?? 'get') ? 'GET' : 'POST',
      path,
      user: user?.name ?? 'user',
      password: password.name,
      hidden: inputs.flatMap(({ type, name }) => (type === 'hidden' && name !== undefined ? [name] : [])),
    };
  }
  return undefined;
}

/** The value of an attribute of HTML, quoted or not. */
function attributeIn(text: string, name: string): string | undefined {
  const found = new RegExp(`(?:^|\\s)${name}\\s*=\\s*(?:"([^"]*)"|'([^']*)'|([^\\s>]+))`, 'i').exec(text);
  return found?.[1] ?? found?.[2] ?? found?.[3];
}
