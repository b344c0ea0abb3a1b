import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { contractFor, type Site } from '../conformance/external-site-fixture.ts';
import { parseConfig } from './config.ts';
import type { RawOptions } from './values.ts';

const folder = mkdtempSync(join(tmpdir(), 'session-bench-sites-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;

function contract(site: Site & Record<string, unknown> = {}, more: object = {}): string {
  files += 1;
  const path = join(folder, `${files}.json`);
  writeFileSync(path, JSON.stringify({ ...contractFor(site), ...more }));
  return path;
}

const parse = (raw: RawOptions) => parseConfig({ contract: [contract()], ...raw }, {});
const A = 'http://127.0.0.1:1';

describe('external sites as arms', () => {
  test('a site is named by its contract, or in front of its URL; nothing of our servers is set', () => {
    const config = parse({ target: [`${A}/app/`, `blue=${A}`] });
    expect(config.stores.map(({ store, site }) => [store, site?.url])).toEqual([
      ['theirs', `${A}/app`],
      ['blue', A],
    ]);
    expect(config).toMatchObject({ servers: [0], balancer: 'none', payloadsBytes: [0], preset: undefined });
    expect(config).toMatchObject({ sessions: 128, pin: 'auto', skipUnavailable: false });
  });

  test('each has its own contract, or all have one', () => {
    const both = [contract(), contract({}, { name: 'other' })];
    const names = (files: string[]) =>
      parse({ target: [`a=${A}`, `b=${A}`], contract: files }).stores.map(({ site }) => site?.contract.name);
    expect(names(both)).toEqual(['theirs', 'other']);
    expect(names(both.slice(0, 1))).toEqual(['theirs', 'theirs']);
  });

  test('sessions are as many as asked for; a name may have an equals sign in its URL only after it', () => {
    expect(parse({ target: [`a.b-c=${A}`], sessions: '500' })).toMatchObject({ sessions: 500 });
  });

  test('other connections, certificates and names reach the generator', () => {
    const file = contract({ host: 'shop.example', key: 'k' });
    const { stores } = parse({
      target: ['https://10.0.0.5'],
      contract: [file],
      insecure: true,
      connectTo: '127.0.0.1:8443',
    });
    expect(stores[0]?.site?.contract.wire).toMatchObject({
      isInsecure: true,
      connectTo: { from: 'https://10.0.0.5', host: '127.0.0.1', port: 8443 },
      host: 'shop.example',
    });
  });
});

describe('what is refused', () => {
  test.each<[string, RawOptions, RegExp]>([
    ['our flags beside it', { target: [A], store: 'redis' }, /no flag of our backends.*--store/],
    ['servers of its own', { target: [A], servers: '3' }, /--servers/],
    ['TLS of our own', { target: [A], tls: true }, /no flag of our backends.*--tls/],
    ['a contract alone', {}, /--target with --contract/],
    ['an authority alone', { contract: undefined, ca: 'x.pem' } as never, /--target with --ca/],
    [
      'three contracts for two',
      { target: [A, `b=${A}`], contract: ['1', '2', '3'] },
      /one for each --target, got 3 for 2/,
    ],
    ['no contract', { target: [A], contract: undefined } as never, /one --contract with --target, got none/],
    ['no URL', { target: ['shop'] }, /begins with http.*text that is not a URL/],
    ['a name without a URL', { target: ['blue='] }, /begins with http/],
    ['user and password', { target: ['http://me:hush@h'] }, /without user and password/],
    ['a query', { target: [`${A}/?a=1`] }, /without \? and #/],
    ['the same name twice', { target: [A, A] }, /a name of its own.*two of "theirs"/],
    ['the name of a backend', { target: [`redis=${A}`] }, /not that of a backend.*"redis"/],
    ['an authority for plain http', { target: [A], ca: 'x.pem' }, /--target https/],
    ['a scenario that polls', { target: [A], scenario: 'revocation' }, /--scenario revocation/],
    ['a scenario without its operation', { target: [A], scenario: 'update' }, /operations.update/],
    ['visits where there are none', { target: [A], scenario: 'visit' }, /operations.visit/],
    ['the other engine', { target: [A], engine: 'autocannon' }, /--engine slices with --target/],
    ['fewer sessions than connections', { target: [A], sessions: '9' }, /at least --connections/],
  ])('%s', (_, raw, message) => {
    expect(() => parse(raw)).toThrow(message);
  });

  test('no message shows a password', () => {
    expect(() => parse({ target: ['http://me:hush@h'] })).not.toThrow(/hush/);
  });

  test('more requests than the contract allows', () => {
    const file = contract({ requestsPerSecond: 20 });
    const at = (raw: RawOptions) => () => parse({ target: [A], contract: [file], ...raw });
    expect(at({})).toThrow(/at most requestsPerSecond of theirs, 20.*no --rate/);
    expect(at({ rate: '50%' })).toThrow(/no --rate in requests per second/);
    expect(at({ rate: '21' })).toThrow(/--rate 21/);
    expect(at({ rate: '20' })).not.toThrow();
  });

  test('a token of csrf, which only reads do without', () => {
    const file = contract({ takesNotes: true }, { csrfHeader: 'x-csrf' });
    const at = (scenario: string) => () => parse({ target: [A], contract: [file], scenario });
    expect(at('login')).toThrow(/without csrfHeader/);
    expect(at('read')).not.toThrow();
  });
});
