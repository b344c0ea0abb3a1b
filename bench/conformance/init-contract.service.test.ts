import { createServer } from 'node:http';
import { afterEach, describe, expect, test } from 'vitest';
import { contractSchema } from '../config/contract.ts';
import { pageOf } from './external-config.ts';
import { firstContract, loginFormIn } from './init-contract.ts';

const PAGE = `<html><form action="/search"><input name=q></form>
<form class='login' method="post" action='/sessions?next=%2F'>
  <input type="hidden" name="authenticity_token" value="x"><INPUT NAME="session[email]" TYPE="email">
  <input type=password name="session[password]"><button>Log in</button></form></html>`;

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

function serve(
  pages: Readonly<Record<string, [number, Record<string, string | string[]>, string]>>,
): Promise<string> {
  const server = createServer((request, response) => {
    const [status, headers, body] = pages[request.url ?? ''] ?? [404, {}, ''];
    response.writeHead(status, headers).end(body);
  });
  closers.push(() => server.close().closeAllConnections());
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () =>
      resolve(`http://127.0.0.1:${(server.address() as { port: number }).port}`),
    );
  });
}

const first = async (target: string) => {
  const { text, remarks } = await firstContract(new URL(target), {});
  const parsed = contractSchema.safeParse(JSON.parse(text));
  expect(parsed.error?.issues).toBeUndefined();
  return { contract: JSON.parse(text), remarks };
};

test('the login form and the cookie of a page, behind a redirect', async () => {
  const target = await serve({
    '/': [302, { location: '/login', 'set-cookie': 'theme=dark' }, ''],
    '/login': [200, { 'set-cookie': ['_shop_session=abc; Path=/'] }, PAGE],
  });
  const { contract, remarks } = await first(target);
  expect(contract.cookie).toBe('_shop_session');
  expect(contract.operations.login).toEqual({
    method: 'POST',
    path: '/sessions?next=%2F',
    encoding: 'form',
    body: { 'session[email]': '{user}', 'session[password]': '{password}' },
  });
  expect(remarks.join('\n')).toMatch(/sets theme, _shop_session: "cookie" is _shop_session/);
  expect(remarks.join('\n')).toContain('the form also has authenticity_token');
});

test('a page that shows nothing gives a contract to fill in, which is valid all the same', async () => {
  const target = await serve({ '/': [200, {}, '<p>hello</p>'] });
  const { contract, remarks } = await first(target);
  expect(contract.operations.login.body).toEqual({ user: '{user}', password: '{password}' });
  expect(remarks.join('\n')).toContain('sets no cookie of a session');
});

test('a redirect to another site is not followed', async () => {
  const target = await serve({ '/': [302, { location: 'http://other.invalid/' }, ''] });
  expect((await first(target)).contract.name).toBe('127.0.0.1');
});

test('a site that is not there is said', async () => {
  await expect(firstContract(new URL('http://127.0.0.1:1'), {})).rejects.toMatchObject({
    code: 'SERVICE_UNREACHABLE',
  });
});

describe('what is read from a page', () => {
  const url = new URL('https://shop.example/account/login');
  const of = (body: string) => loginFormIn({ url, body });

  test.each([
    ['', undefined],
    ['<form><input type=text name=a></form>', undefined],
    ['<form><input type=password></form>', undefined],
    ['<form method=POST action=in><input name=u><input type=password name=p></form>', '/account/in'],
    ['<form method=POST><input name=u><input type=password name=p></form>', '/account/login'],
    ['<form action="https://["><input type=password name=p></form>', '/account/login'],
    ['<form action="https://sso.example/in"><input type=password name=p></form>', undefined],
    ['<!-- <form><input type=password name=p></form> -->', undefined],
    ['<form><input title="a > b" type=password name=p></form>', '/account/login'],
  ])('%j', (body, path) => {
    expect(of(body)?.path).toBe(path);
  });

  test('any text gives a form or none, and no error', () => {
    for (let length = 0; length <= PAGE.length; length += 7)
      of(PAGE.slice(0, length) + PAGE.slice(length / 2));
  });
});

test.each<[Record<string, string | boolean>, RegExp]>([
  [{ initContract: 'ftp://x' }, /USAGE: .* for --init-contract/],
  [{ initContract: 'http://x', target: 'http://x' }, /CONFLICT: .*--target/],
  [{ initContract: 'http://x', insecure: true }, /CONFLICT: .*plain http/],
])('%o is refused', (raw, words) => {
  expect(() => pageOf(raw)).toThrow(words);
});
