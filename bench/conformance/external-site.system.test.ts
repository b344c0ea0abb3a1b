import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import { parseConformance } from './config.ts';
import { runConformance } from './conformance.ts';

const nothing = () => undefined;
const SILENT = { begin: nothing, step: nothing, end: nothing, say: nothing, close: nothing };

/** How a small, correct external site replies. */
interface Site {
  ok?: number;
  anonymous?: number;
  base?: string;
  host?: string;
  /** Where logins and refusals redirect to, instead of a status. */
  redirects?: boolean;
  form?: boolean;
  nested?: boolean;
  hashMs?: number;
  password?: string;
}

let server: Server | undefined;
afterEach(() => void server?.close());

function openSite(options: Site): Promise<string> {
  const { ok = 200, anonymous = 401, base = '', host, redirects = false, hashMs = 0 } = options;
  const sessions = new Map<string, string>();
  server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const answer = (status: number, body: object, headers: Record<string, string> = {}) => {
        const common = { 'content-type': 'application/json', 'cache-control': 'no-store' };
        response.writeHead(status, { ...common, ...headers }).end(status === 204 ? '' : JSON.stringify(body));
      };
      if (host !== undefined && request.headers.host !== host) return answer(404, {});
      if (!request.url?.startsWith(`${base}/api/`)) return answer(404, {});
      const sid = /(?:^|; )sid=([\w-]{22})(?:;|$)/.exec(request.headers.cookie ?? '')?.[1] ?? '';
      const what = request.url.slice(base.length + 5);
      const done = redirects ? 303 : ok;
      const refused = redirects ? 303 : 401;
      if (what === 'login') {
        const given = credentialsOf(Buffer.concat(parts).toString(), options);
        if (given === undefined) return answer(400, {});
        if (given.password !== 'pw') return answer(refused, {}, { location: '/login?failed' });
        sessions.delete(sid);
        const id = randomBytes(16).toString('base64url');
        return void setTimeout(() => {
          sessions.set(id, given.user);
          const cookie = `sid=${id}; HttpOnly; Path=/; SameSite=Lax`;
          answer(done, {}, { 'set-cookie': cookie, location: '/' });
        }, hashMs);
      }
      if (what === 'logout') {
        sessions.delete(sid);
        return answer(done, {}, { 'set-cookie': 'sid=; Max-Age=0; Path=/', location: '/' });
      }
      if (sessions.has(sid)) return answer(200, { user: sessions.get(sid) });
      return answer(redirects ? 303 : anonymous, {}, { location: '/login' });
    });
  });
  return new Promise((resolve) => {
    server?.listen(0, '127.0.0.1', () => {
      const { port } = (server as Server).address() as { port: number };
      resolve(`http://127.0.0.1:${port}${base}`);
    });
  });
}

function credentialsOf(text: string, { form, nested }: Site): { user: string; password: string } | undefined {
  if (form) {
    const fields = new URLSearchParams(text);
    return { user: fields.get('user') ?? '', password: fields.get('password') ?? '' };
  }
  try {
    const body = JSON.parse(text);
    return nested ? body?.credentials : body;
  } catch {
    return undefined;
  }
}

const contractFor = ({ host, form, nested, password = 'pw' }: Site) => {
  const fields = { user: '{user}', password: '{password}' };
  const body = nested ? { credentials: fields } : fields;
  return {
    name: 'theirs',
    cookie: 'sid',
    users: 'u{n}',
    password,
    ...(host === undefined ? {} : { host }),
    fields: { user: 'user' },
    operations: {
      login: { method: 'POST', path: '/api/login', body, ...(form ? { encoding: 'form' } : {}) },
      read: { method: 'GET', path: '/api/me' },
      logout: { method: 'POST', path: '/api/logout' },
    },
    traits: {
      state: 'server',
      shared: true,
      survivesServerRestart: false,
      expiry: 'none',
      compareAndSwap: false,
      userIndex: false,
      revocation: 'immediate',
      rotationEndsOld: true,
      clientReadable: false,
      dataInToken: false,
    },
  };
};

const folder = mkdtempSync(join(tmpdir(), 'session-bench-site-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function configFor(target: string, options: Site) {
  const contract = join(folder, 'contract.json');
  writeFileSync(contract, JSON.stringify(contractFor(options)));
  return parseConformance({ target, contract, only: CHECKS, seed: '1', tries: '9' }, {});
}

/** Sign-in, sign-out, forged and hostile tokens, fixation, logins at once: where false alarms of dozens were seen. */
const CHECKS = '1,7,9,14,15,20,26,46';

async function surprises(options: Site): Promise<readonly string[]> {
  const target = await openSite(options);
  const { cells } = await runConformance(configFor(target, options), SILENT, new AbortController().signal);
  expect(cells.length).toBeGreaterThanOrEqual(CHECKS.split(',').length);
  return cells
    .filter(({ surprise, observed }) => surprise || observed === 'error')
    .map(({ id, expected, observed, evidence }) => `${id}: ${expected}, ${observed}: ${evidence}`);
}

test.each<[string, Site]>([
  ['200 and 401', {}],
  ['204 for logins and logouts', { ok: 204 }],
  ['201 for logins', { ok: 201 }],
  ['redirects for everything', { redirects: true }],
  ['200 with nobody', { anonymous: 200 }],
  ['a base path', { base: '/app' }],
  ['a name of its own', { host: 'shop.example' }],
  ['forms', { form: true }],
  ['nested fields', { nested: true }],
  ['a slow hash of passwords', { hashMs: 50 }],
])(
  'a correct external site gets no false alarm: %s',
  async (_, options) => {
    expect(await surprises(options)).toEqual([]);
  },
  120_000,
);

test('a login that does not work is said at once, with the reply and without the password', async () => {
  const error = await surprises({ password: 'wrong-secret' }).then(
    () => undefined,
    (reason: unknown) => String(reason),
  );
  expect(error).toMatch(/CONFLICT: expected a login of u0 at .* that sets the cookie sid, got 401/);
  expect(error).not.toContain('wrong-secret');
});

test('a site that is not there is said at once', async () => {
  const config = configFor('http://127.0.0.1:1', {});
  await expect(runConformance(config, SILENT, new AbortController().signal)).rejects.toMatchObject({
    code: 'SERVICE_UNREACHABLE',
  });
});
