import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { parseConformance } from './config.ts';
import { runConformance } from './conformance.ts';
import { closeSites, contractFor, openSite, type Site } from './external-site-fixture.ts';
import { closePlainSides, openPlainSide, type Plain, type PlainReply } from './plain-side-fixture.ts';
import { selfSigned } from './self-signed.ts';

const nothing = () => undefined;
const SILENT = { begin: nothing, step: nothing, end: nothing, say: nothing, close: nothing };

const folder = mkdtempSync(join(tmpdir(), 'session-bench-plain-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(closeSites);
afterEach(closePlainSides);

const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const tls = {
  key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
  cert: new X509Certificate(selfSigned(privateKey)).toString(),
};
/** A site with a name, as browsers know it. */
const NAMED = { tls, host: 'shop.example', hsts: 'max-age=31536000' } as const;

const to =
  (status: number, address: (path: string) => string): PlainReply =>
  (path) => ({ status, headers: { location: address(path) } });
const HOME = (path: string) => `https://shop.example${path}`;

/** The cells of checks 51 to 53, and the plain side's address in evidence as PLAIN. */
async function cellsOf(options: Site, plain?: Plain) {
  const target = await openSite(options);
  const plainHttp = plain === undefined ? options.plainHttp : await openPlainSide(plain, target);
  const contract = join(folder, 'contract.json');
  const site = plainHttp === undefined ? options : { ...options, plainHttp };
  writeFileSync(contract, JSON.stringify(contractFor(site)));
  const flags = options.tls === undefined ? {} : { insecure: true };
  const raw = { target, contract, only: '51,52,53', seed: '1', tries: '9', ...flags };
  const { cells } = await runConformance(parseConformance(raw, {}), SILENT, new AbortController().signal);
  return cells.map(({ id, observed, surprise, evidence }) => {
    const where = typeof plainHttp === 'string' ? evidence.replaceAll(plainHttp, 'PLAIN') : evidence;
    return { id, observed, surprise, evidence: where };
  });
}

describe('a correct site gets no alarm', () => {
  test.each<[what: string, site: Site, plain: Plain | undefined, observed: string[], reason: RegExp]>([
    ['301 to the same path', NAMED, to(301, HOME), ['pass', 'pass', 'pass'], /3 of 3 requests to PLAIN/],
    ['308', NAMED, to(308, HOME), ['pass', 'pass', 'pass'], /3 of 3/],
    [
      'a port in the address that a container maps',
      NAMED,
      to(301, (path) => `https://shop.example:8443${path}`),
      ['pass', 'pass', 'pass'],
      /3 of 3/,
    ],
    [
      'a base path',
      { ...NAMED, base: '/app' },
      to(301, HOME),
      ['pass', 'pass', 'pass'],
      /3 of 3 requests to PLAIN\/app/,
    ],
    [
      'an API that refuses, beside a page that redirects',
      NAMED,
      (path) => (path.startsWith('/api/') ? { status: 403 } : to(301, HOME)(path)),
      ['pass', 'pass', 'pass'],
      /1 of 3/,
    ],
    [
      'plain HTTP that refuses everything',
      NAMED,
      () => ({ status: 403 }),
      ['pass', 'n/a', 'pass'],
      /refuses everything \(403\)/,
    ],
    ['nothing there', NAMED, 'closed', ['n/a', 'n/a', 'pass'], /nothing replies.*PLAIN: ECONNREFUSED/],
    ['no HTTP there', NAMED, 'mute', ['n/a', 'n/a', 'pass'], /nothing replies.*PLAIN: ECONNRESET/],
    [
      'none, as its contract says',
      { ...NAMED, plainHttp: false },
      undefined,
      ['n/a', 'n/a', 'pass'],
      /the contract says that the site has no plain HTTP/,
    ],
    [
      'a port that is not 443, and a contract that says nothing',
      NAMED,
      undefined,
      ['n/a', 'n/a', 'pass'],
      /names no plainHttp, and the site is at port \d+, not 443/,
    ],
    [
      'an address without a name, and without the header',
      { tls },
      'closed',
      ['n/a', 'n/a', 'n/a'],
      /keeps no such rule for an address/,
    ],
    ['plain HTTP only', {}, undefined, ['n/a', 'n/a', 'n/a'], /is served over plain HTTP/],
    [
      'a quoted age among other directives',
      { ...NAMED, hsts: 'includeSubDomains; Max-Age="63072000"; preload' },
      'closed',
      ['n/a', 'n/a', 'pass'],
      /ECONNREFUSED/,
    ],
  ])('%s', async (_, site, plain, observed, reason) => {
    const cells = await cellsOf(site, plain);
    expect(cells.map((cell) => cell.observed)).toEqual(observed);
    expect(cells.filter(({ surprise }) => surprise)).toEqual([]);
    expect(cells.map(({ evidence }) => evidence).join('\n')).toMatch(reason);
  });
});

describe('a fault is found, and by no other check', () => {
  const cookie = 'sid=aaaaaaaaaaaaaaaaaaaaaa; Path=/; Secure; HttpOnly';
  test.each<[what: string, site: Site, plain: Plain, red: string[], found: RegExp]>([
    [
      'plain HTTP that is served as TLS is',
      NAMED,
      'serves',
      ['51', '52', '53'],
      /1 of 3 replies over plain HTTP set a session cookie; 3 of 3 reads[\s\S]*a read with one: served \(200\)[\s\S]*over plain HTTP \(RFC 6797 §7.2\)/,
    ],
    [
      'a redirect that sets the session cookie',
      NAMED,
      (path) => ({ status: 301, headers: { location: HOME(path), 'set-cookie': cookie } }),
      ['51'],
      /3 of 3 replies over plain HTTP set a session cookie/,
    ],
    ['a page', NAMED, () => ({ status: 200 }), ['52'], /GET of the base: served \(200\)/],
    ['302', NAMED, to(302, HOME), ['52'], /302, which is not permanent/],
    [
      'a redirect to http',
      NAMED,
      to(301, (path) => `http://shop.example${path}`),
      ['52'],
      /301 to http:\/\//,
    ],
    ['another host', NAMED, to(301, (path) => `https://www.shop.example${path}`), ['52'], /to another host/],
    ['another path', NAMED, to(301, () => 'https://shop.example/start'), ['52'], /to another path/],
    ['no address', NAMED, () => ({ status: 301 }), ['52'], /without an absolute address/],
    ['no header', { tls, host: 'shop.example' }, to(301, HOME), ['53'], /a reply over TLS without it/],
    ['a day', { ...NAMED, hsts: 'max-age=86400' }, to(301, HOME), ['53'], /max-age of 86400 s/],
    ['no age', { ...NAMED, hsts: 'includeSubDomains' }, to(301, HOME), ['53'], /not one max-age/],
    [
      'two',
      { ...NAMED, hsts: ['max-age=31536000', 'max-age=0'] },
      to(301, HOME),
      ['53'],
      /several on one reply/,
    ],
    [
      'the header over plain HTTP',
      NAMED,
      (path) => ({
        status: 301,
        headers: { location: HOME(path), 'strict-transport-security': 'max-age=31536000' },
      }),
      ['53'],
      /sent over plain HTTP/,
    ],
  ])('%s', async (_, site, plain, red, found) => {
    const cells = await cellsOf(site, plain);
    expect(cells.filter(({ surprise }) => surprise).map(({ id }) => id)).toEqual(red);
    expect(cells.filter(({ observed }) => observed === 'error')).toEqual([]);
    expect(cells.map(({ evidence }) => evidence).join('\n')).toMatch(found);
  });
});
