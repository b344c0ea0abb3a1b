import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Contract } from '../config/contract.ts';
import { openTogether } from '../environment/processes/resources.ts';
import { checksOf } from './catalogue.ts';
import { issueIds, judgeIssued } from './checks/identity.ts';
import { parseConformance } from './config.ts';
import { runConformance } from './conformance.ts';
import { externalScene } from './external-site.ts';
import { closeSites, contractFor, openSite, type Site } from './external-site-fixture.ts';
import { runChecks } from './run.ts';
import { selfSigned } from './self-signed.ts';

const nothing = () => undefined;
const SILENT = { begin: nothing, step: nothing, end: nothing, say: nothing, close: nothing };

afterEach(closeSites);

const folder = mkdtempSync(join(tmpdir(), 'session-bench-site-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function configFor(target: string, options: Site, flags: Readonly<Record<string, string | boolean>> = {}) {
  const contract = join(folder, 'contract.json');
  writeFileSync(contract, JSON.stringify(contractFor(options)));
  return parseConformance({ target, contract, only: CHECKS, seed: '1', tries: '9', ...flags }, {});
}

/** Sign-in, sign-out, forged and hostile tokens, fixation, logins at once: where false alarms of dozens were seen. */
const CHECKS = '1,3,7,9,12,14,15,20,26,46';

async function surprises(
  options: Site,
  to: (address: string) => { target: string; flags?: Readonly<Record<string, string | boolean>> } = (
    target,
  ) => ({
    target,
  }),
): Promise<readonly string[]> {
  const { target, flags } = to(await openSite(options));
  const config = configFor(target, options, flags);
  const { cells } = await runConformance(config, SILENT, new AbortController().signal);
  expect(cells.length).toBeGreaterThanOrEqual(config.only?.length ?? 0);
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
  ['404 for strangers', { anonymous: 404, takesNotes: true }],
  ['400 for strangers', { anonymous: 400, takesNotes: true }],
  ['419 for strangers, as Laravel', { anonymous: 419, takesNotes: true }],
  ['redirects of writes as well', { redirects: true, takesNotes: true }],
  ['a read that shows a number', { shows: 'number' }],
  ['a read that shows another name', { shows: 'other' }],
  ['a login by an address that the contract makes of the name', { byAddress: true }],
  ['forms with fields within fields', { form: true, nested: true }],
  ['a base path', { base: '/app' }],
  ['a name of its own', { host: 'shop.example' }],
  ['a gateway that wants a header', { key: 'k1' }],
  ['a first reply that asks to wait, and then 200 with nobody', { first: [429], anonymous: 200 }],
  ['forms', { form: true }],
  ['nested fields', { nested: true }],
  ['a slow hash of passwords', { hashMs: 50 }],
  ['a limit of logins that says how long to wait', { limit: { logins: 7, retryAfter: '0' } }],
  ['a cookie for every stranger', { cookieForAll: true }],
])('a correct external site gets no false alarm: %s', async (_, options) => {
  expect(await surprises(options)).toEqual([]);
});

const STACK = '<pre>Error: no<br> &nbsp; &nbsp;at login (/srv/app/login.js:9:3)</pre>';

/** Manners of other sites that a single check looks at: what is right, and beside it what is not. */
test.each<[string, string, Site, RegExp | undefined]>([
  ['12,43', 'a page that repeats an unknown URL', { echoes: true }, undefined],
  ['17', 'a logout that sets another cookie', { replacesAt: '/' }, undefined],
  [
    '17',
    'a logout that sets another cookie elsewhere',
    { replacesAt: '/api' },
    /2 of 2 logouts did not delete/,
  ],
  ['37', 'writes of JSON, and no grant to other origins', { jsonOnly: true }, undefined],
  [
    '37',
    'writes of JSON that every origin is granted',
    { jsonOnly: true, grants: true },
    /logout with origin/,
  ],
  ['37', 'writes of any type', {}, /2 of 2 operations changed/],
  ['38', 'the same cookie with every reply', { rolling: true }, undefined],
  ['43', 'writes without Cache-Control', { noStore: 'reads' }, undefined],
  [
    '43',
    'reads without Cache-Control',
    { noStore: 'none' },
    /2 of \d+ replies may be stored .*HEAD 200.*read 200/,
  ],
  ['50', 'a long page for what is not understood', { page: `<p>${'no '.repeat(500)}</p>` }, undefined],
  ['50', 'a page with a stack for what is not understood', { page: STACK }, /400 with a stack/],
])('check %s: %s', async (only, _, options, seen) => {
  const found = await surprises(options, (target) => ({ target, flags: { only } }));
  if (seen === undefined) expect(found).toEqual([]);
  else expect(found.join('\n')).toMatch(seen);
});

test('ids are asked for until the time is over, and a few of them are not judged', async () => {
  const options = { hashMs: 100 };
  const target = await openSite(options);
  const { external } = configFor(target, options);
  const contract = { ...(external?.contract as Contract), foreign: { readsNobody: false } };
  await openTogether(async (resources) => {
    const issued = await issueIds(externalScene(target, contract, { seed: 1, tries: 9, resources }), 400);
    expect(issued.length).toBeGreaterThan(0);
    expect(issued.length).toBeLessThan(1_000);
    expect(await judgeIssued(issued)).toMatchObject({ outcome: 'n/a' });
    await resources.close();
  });
});

test('a limit on logins is an error that names it, not a finding', async () => {
  const found = await surprises({ limit: { logins: 3 } });
  expect(found.length).toBeGreaterThan(0);
  for (const line of found) expect(line).toMatch(/, error: .*429 without a Retry-After.*requestsPerSecond/);
});

test('requests are as far apart as the contract says', async () => {
  const options = { requestsPerSecond: 20 };
  const target = await openSite(options);
  const started = performance.now();
  const config = { ...configFor(target, options), only: ['1'] };
  const { cells } = await runConformance(config, SILENT, new AbortController().signal);
  expect(cells.map(({ surprise }) => surprise)).toEqual([false]);
  // A login, and reads with and without it: at least five requests.
  expect(performance.now() - started).toBeGreaterThan(4 * 50);
});

/** One check on the site, with a limit of 2 s. */
async function checkWithin2s(options: Site, id: string) {
  return openTogether(async (resources) => {
    const target = await openSite(options);
    const { contract } = configFor(target, options).external ?? {};
    if (contract === undefined) throw new Error('expected a contract');
    const foreign = { readsNobody: false };
    const scene = externalScene(target, { ...contract, foreign }, { seed: 1, tries: 9, resources });
    const startedMs = performance.now();
    const [cell] = await runChecks(scene, checksOf([id]), { limitMs: 2_000 });
    await resources.close();
    return { cell, tookMs: performance.now() - startedMs };
  });
}

test.each<[string, Site]>([
  ['what the site asks it to wait', { limit: { logins: 5, retryAfter: '4' } }],
  ['its turns', { requestsPerSecond: 5 }],
])('the limit of a check is less %s', async (_, options) => {
  const { cell, tookMs } = await checkWithin2s(options, '1');
  expect(cell).toMatchObject({ observed: 'pass', surprise: false });
  expect(tookMs).toBeGreaterThan(3_000);
});

test('the limit of a check holds where nothing is waited for', async () => {
  const { cell } = await checkWithin2s({ hashMs: 1_000 }, '1');
  expect(cell).toMatchObject({
    observed: 'error',
    evidence: 'expected the check to end within 2000 ms, less its waits',
  });
});

test('a check that cannot fit at the pace is not begun, and says what would help', async () => {
  const options = { requestsPerSecond: 2.5 };
  const target = await openSite(options);
  const config = { ...configFor(target, options), only: ['5', '1'] };
  const said: string[] = [];
  const progress = { ...SILENT, say: (line: string) => void said.push(line) };
  const startedMs = performance.now();
  const { cells } = await runConformance(config, progress, new AbortController().signal);
  expect(cells.map(({ observed }) => observed)).toEqual(['pass', 'error']);
  expect(cells[1]?.evidence).toMatch(
    /^not begun: up to 10000 requests at 2.5 per second take 67 minutes, more than 60: raise "requestsPerSecond".*--only/,
  );
  expect(said).toEqual([expect.stringMatching(/^at 2\.5 requests per second the checks take up to \d+ s$/)]);
  expect(performance.now() - startedMs).toBeLessThan(60_000);
});

test('a login that does not work is said at once, with the reply and without the password', async () => {
  const error = await surprises({ password: 'wrong-secret' }).then(
    () => undefined,
    (reason: unknown) => String(reason),
  );
  expect(error).toMatch(/CONFLICT: expected a login of u0 at .* that sets the cookie sid, got 401/);
  expect(error).not.toContain('wrong-secret');
});

test.each<[string, Site, RegExp]>([
  [
    'a stranger who has a name',
    { anonymous: 200, stranger: 'guest' },
    /CONFLICT: .* that names nobody in user, got 200, .*guest/,
  ],
  ['a first reply of 503', { first: [503], anonymous: 200 }, /CONFLICT: .*read without a session, got 503/],
  [
    'a refused login that sets a cookie',
    { cookieForAll: true, redirects: true, password: 'wrong-secret' },
    /CONFLICT: .*is read back by its name in user, got 401/,
  ],
])('%s is reported at once, not as a finding', async (_, options, words) => {
  const error = await surprises(options).then(
    (found) => found.join('\n'),
    (reason: unknown) => String(reason),
  );
  expect(error).toMatch(words);
});

test('a site that is not there is said at once', async () => {
  const config = configFor('http://127.0.0.1:1', {});
  await expect(runConformance(config, SILENT, new AbortController().signal)).rejects.toMatchObject({
    code: 'SERVICE_UNREACHABLE',
  });
});

describe('over TLS', () => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const tls = {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    cert: new X509Certificate(selfSigned(privateKey)).toString(),
  };
  const ca = join(folder, 'ca.pem');
  beforeAll(() => writeFileSync(ca, tls.cert));
  const portOf = (address: string) => new URL(address).port;
  const failure = (options: Site, to?: Parameters<typeof surprises>[1]) =>
    surprises(options, to).then(
      () => 'nothing',
      (error: unknown) => String(error),
    );

  test('a site by the name in its certificate, with the authority that signed it', async () => {
    // The name that the certificate of the checks has.
    const found = await surprises({ tls }, (address) => ({
      target: `https://forged:${portOf(address)}`,
      flags: { ca, connectTo: `127.0.0.1:${portOf(address)}` },
    }));
    expect(found).toEqual([]);
  });

  test('a site whose certificate is not checked', async () => {
    expect(await surprises({ tls }, (target) => ({ target, flags: { insecure: true } }))).toEqual([]);
  });

  test.each<[string, Site, Parameters<typeof surprises>[1], RegExp]>([
    ['an unknown authority', { tls }, undefined, /SERVICE_UNREACHABLE.*self-signed certificate.*--ca/],
    [
      'another name than that of the certificate',
      { tls },
      (target) => ({ target, flags: { ca } }),
      /SERVICE_UNREACHABLE.*127\.0\.0\.1.*--connect-to/,
    ],
    [
      'plain HTTP at https://',
      {},
      (target) => ({ target: target.replace('http:', 'https:') }),
      /SERVICE_UNREACHABLE.*write http:\/\//,
    ],
    [
      'TLS at http://',
      { tls },
      (target) => ({ target: target.replace('https:', 'http:') }),
      /SERVICE_UNREACHABLE/,
    ],
  ])('%s is said at once', async (_, options, to, words) => {
    expect(await failure(options, to)).toMatch(words);
  });
});
