import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { COMMON_TRAITS } from '../config/contract.ts';
import { BenchError } from '../errors.ts';
import { parseConformance } from './config.ts';

const directory = mkdtempSync(join(tmpdir(), 'session-bench-contract-'));
afterAll(() => rmSync(directory, { recursive: true }));

const CONTRACT = {
  name: 'shop',
  cookie: 'sid',
  operations: {
    login: { method: 'POST', path: '/login', body: { name: '{user}', secret: '{password}' } },
    read: { method: 'GET', path: '/me' },
    logout: { method: 'POST', path: '/logout' },
  },
  fields: { user: 'profile.name' },
  users: ['alice'],
  password: 'open sesame',
  traits: COMMON_TRAITS,
};

function contractFile(content: unknown): string {
  const path = join(directory, `${Math.random()}.json`);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

const messageOf = (raw: Parameters<typeof parseConformance>[0]): string => {
  try {
    parseConformance(raw, {});
  } catch (error) {
    if (error instanceof BenchError) return `${error.exitCode} ${error.message}`;
    throw error;
  }
  return 'no error';
};

describe('flags of conformance', () => {
  test('without any: five backends, three servers, both affinities', () => {
    const { stores, servers, affinities, only } = parseConformance({}, {});
    expect(stores.map(({ store }) => store)).toEqual(['memory', 'redis', 'postgres', 'jwt', 'jwt-blacklist']);
    expect([servers, affinities, only]).toEqual([3, ['sticky', 'round-robin'], undefined]);
  });

  test.each([
    [{ store: 'rediss' }, 'Did you mean redis?'],
    [{ store: 'redis:inner=token' }, 'expected --inner with an arm'],
    [{ store: 'memcache' }, 'Did you mean memcached?'],
    [{ memcachedUrl: 'localhost:11211' }, 'memcached://'],
    [{ store: 'redis,none' }, 'backends that keep sessions'],
    [{ servers: '0' }, 'from 1 to 16 for --servers'],
    [{ balancer: 'haproxi' }, 'Did you mean haproxy?'],
    [{ balancer: 'none' }, '--balancer to be one of auto, haproxy, nginx, node'],
    [{ affinity: 'stiky' }, 'Did you mean sticky?'],
    [{ durability: 'always' }, '--durability to be one of'],
    [{ only: '59' }, 'numbers of checks, from 1 to 58'],
    [{ store: 'express-session', transport: 'bearer' }, '--transport cookie with --store express-session'],
    [{ transport: 'header' }, '--transport to be one of cookie, bearer'],
    [{ tls: true, balancer: 'haproxy,node' }, 'Name --balancer haproxy or nginx, or leave --tls out'],
    [{ only: '14,,15' }, 'Remove the empty one'],
    [{ tries: '3' }, 'from 9 to 10000 for --tries'],
    [{ services: 'cloud' }, '--services to be one of'],
    [{ seed: '-1' }, 'for --seed'],
    [{ redisUrl: 'http://x' }, 'redis://'],
    [{ target: 'http://127.0.0.1:1' }, 'Add --contract'],
    [{ contract: 'x.json' }, 'Add --target'],
  ])('%j is one line with exit code 2', (raw, word) => {
    expect(messageOf(raw)).toContain(word);
    expect(messageOf(raw)).toMatch(/^2 (USAGE|CONFLICT): expected .+, got .+\. \S/);
  });

  test('a bare number means all its letters', () => {
    expect(parseConformance({ only: '2,49a' }, {}).only).toEqual(['2', '49a']);
  });
});

describe('a contract', () => {
  const target = 'http://127.0.0.1:8080';

  test('describes an external site', () => {
    const { external } = parseConformance({ target, contract: contractFile(CONTRACT) }, {});
    expect(external?.contract).toMatchObject({ name: 'shop', servers: [], affinity: 'round-robin' });
    expect(external?.contract.traits).toMatchObject({ refresh: 'none', survivesStoreCrash: undefined });
  });

  test.each([
    ['{', 'a contract as JSON'],
    [{ ...CONTRACT, cookies: 'sid' }, 'cookies'],
    [{ ...CONTRACT, operations: { login: CONTRACT.operations.login } }, 'login, read, logout'],
    [{ ...CONTRACT, traits: { ...CONTRACT.traits, shared: 'yes' } }, 'traits.shared'],
    [{ ...CONTRACT, users: 'alice' }, 'users'],
  ])('that is wrong is refused, naming the field: %#', (content, word) => {
    expect(messageOf({ target, contract: contractFile(content) })).toContain(word);
  });

  test('that is not there is named', () => {
    expect(messageOf({ target, contract: join(directory, 'none.json') })).toContain('no such file');
  });

  test('leaves no room for flags of our own sites', () => {
    const message = messageOf({ target, contract: contractFile(CONTRACT), store: 'redis' });
    expect(message).toContain('Leave --store out');
  });

  describe('over TLS', () => {
    const external = (flags: Record<string, string | boolean>) =>
      messageOf({ target: 'https://shop.example', contract: contractFile(CONTRACT), ...flags });
    const missing = join(directory, 'none.pem');

    test.each<[Record<string, string | boolean>, string]>([
      [{ ca: missing }, 'no such file'],
      [{ ca: contractFile({}) }, 'certificates as PEM'],
      [
        { ca: contractFile('-----BEGIN CERTIFICATE-----\nxxxx\n-----END CERTIFICATE-----') },
        'certificates as PEM',
      ],
      [{ ca: missing, insecure: true }, '--ca or --insecure'],
      [{ target: 'http://127.0.0.1', insecure: true }, 'Leave --insecure out'],
      [{ target: 'http://127.0.0.1', ca: missing }, 'Leave --ca out'],
      [{ connectTo: '127.0.0.1' }, 'HOST:PORT for --connect-to'],
      [{ connectTo: '127.0.0.1:0' }, 'HOST:PORT for --connect-to'],
      [{ connectTo: 'a:b@c:80' }, 'HOST:PORT for --connect-to'],
      [{ connectTo: 'bü cher:80' }, 'HOST:PORT for --connect-to'],
    ])('%o is refused', (flags, words) => {
      expect(external(flags)).toContain(words);
    });

    test.each(['ca', 'insecure', 'connectTo'])('%s without a target is refused', (flag) => {
      expect(messageOf({ [flag]: 'x' })).toMatch(/^2 CONFLICT: expected --target with --/);
    });

    test('is how its connections are made', () => {
      const given = { target: 'https://shop.example', contract: contractFile(CONTRACT) };
      const wire = (flags: Record<string, string | boolean>) =>
        parseConformance({ ...given, ...flags }, {}).external?.contract.wire;
      expect(wire({ insecure: true })).toMatchObject({ isInsecure: true, ca: undefined });
      expect(wire({ connectTo: '[::1]:8443' })).toMatchObject({
        connectTo: { from: 'https://shop.example', host: '::1', port: 8443 },
      });
      expect(wire({ connectTo: 'bücher.example:80' })).toMatchObject({
        connectTo: { host: 'xn--bcher-kva.example', port: 80 },
      });
    });
  });
});
