import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { contractFor } from '../conformance/external-site-fixture.ts';
import { parseConfig } from './config.ts';
import { kindOf, sourcesFor } from './cpu-from.ts';
import type { RawOptions } from './values.ts';

const folder = mkdtempSync(join(tmpdir(), 'session-bench-cpu-from-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const contract = join(folder, 'contract.json');
writeFileSync(contract, JSON.stringify(contractFor({})));

const site = (raw: RawOptions) =>
  parseConfig({ target: ['blue=http://h:1', 'green=http://h:2'], contract: [contract], ...raw }, {});
const onRedis = (raw: RawOptions) =>
  parseConfig({ store: 'redis,memory,postgres', redisUrl: 'redis://h', ...raw }, {});
const A = 'http://a:9100/metrics';

describe('--cpu-from', () => {
  test('may be repeated, and hold several; a comma in a URL is its own', () => {
    const { cpuFrom } = onRedis({ cpuFrom: [`${A}?x=1,2, redis=${A}`, 'http://a:8080/metrics#web%20one'] });
    expect(cpuFrom).toEqual([
      { url: `${A}?x=1,2` },
      { url: A, owner: 'redis' },
      { url: 'http://a:8080/metrics', container: 'web one' },
    ]);
    expect(kindOf(cpuFrom)).toBe('container machine');
  });

  test('user and password become a header', () => {
    const [source] = onRedis({ cpuFrom: ['https://me:h%40sh%25@a/metrics'] }).cpuFrom;
    const authorization = `Basic ${Buffer.from('me:h@sh%').toString('base64')}`;
    expect(source).toEqual({ url: 'https://a/metrics', authorization });
  });

  test('counts for what is loaded by a URL, or for what it names', () => {
    const config = onRedis({ cpuFrom: [A] });
    const of = (store: string) => config.stores.find((choice) => choice.store === store) as never;
    expect(sourcesFor(config, of('redis'))).toHaveLength(1);
    expect(sourcesFor(config, of('memory'))).toEqual([]);
    expect(sourcesFor(config, of('postgres'))).toEqual([]);
    expect(() => onRedis({ cpuFrom: [A], services: 'local' })).toThrow(/got neither/);
  });

  test('each target has its own, or all have one', () => {
    const both = site({ cpuFrom: [`blue=${A}`, `green=${A}`, `green=${A}#db`] });
    expect(both.stores.map((choice) => sourcesFor(both, choice).length)).toEqual([1, 2]);
    const one = site({ cpuFrom: [A] });
    expect(one.stores.map((choice) => sourcesFor(one, choice).length)).toEqual([1, 1]);
  });
});

describe('what is refused, in one line that shows no secret', () => {
  test.each<[string, () => unknown, RegExp]>([
    ['no URL', () => onRedis({ cpuFrom: ['a:9100'] }), /^USAGE: expected a URL that begins with http/],
    ['another scheme', () => onRedis({ cpuFrom: ['ftp://me:hush@a/'] }), /^USAGE: .*--cpu-from/],
    ['a lone %', () => onRedis({ cpuFrom: ['http://me:hush%@a/'] }), /^USAGE: .*a % that stands alone/],
    ['a # in it', () => onRedis({ cpuFrom: ['http://me:1#hush@a/'] }), /^USAGE: .*a # before an @/],
    ['a token alone', () => onRedis({ cpuFrom: ['http://hush@a/'] }), /^USAGE: .*a user without a password/],
    [
      'nothing that runs elsewhere',
      () => parseConfig({ store: 'redis', cpuFrom: [A] }, {}),
      /^CONFLICT: expected --target, or the URL of a service.*got neither/,
    ],
    ['another name', () => onRedis({ cpuFrom: [`blue=${A}`] }), /redis before = .*"blue"/],
    ['one of two', () => site({ cpuFrom: [`blue=${A}`] }), /an exporter for each --target.*none for green/],
  ])('%s', (_, parse, message) => {
    expect(parse).toThrow(message);
    expect(parse).not.toThrow(/hush/);
  });
});
