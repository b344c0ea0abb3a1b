import { describe, expect, test } from 'vitest';
import { armText } from '../../stores/variant.ts';
import { BenchError, EXIT } from '../errors.ts';
import { parseConfig } from './config.ts';
import { nearest, type RawOptions } from './values.ts';

const errorOf = (raw: RawOptions): BenchError => {
  try {
    parseConfig(raw, {});
  } catch (error) {
    if (error instanceof BenchError) return error;
    throw error;
  }
  throw new Error(`accepted: ${JSON.stringify(raw)}`);
};

describe('a wrong value is one line that names it, what was expected, and the remedy', () => {
  test.each([
    [{ store: 'rediss' }, 'Did you mean redis?'],
    [{ store: 'redis,' }, 'separated by commas'],
    [{ store: '' }, 'separated by commas'],
    [{ store: 'redis:write=fast' }, 'cas, lww'],
    [{ store: 'redis:wriet=cas' }, 'Did you mean write?'],
    [{ store: 'none:a=b' }, 'no options of none'],
    [{ store: '__proto__' }, 'to be one of'],
    [{ servers: '0' }, 'from 1 to 64'],
    [{ servers: '1.5' }, 'whole number'],
    [{ servers: '3,x' }, '"x"'],
    [{ balancer: 'traefik' }, 'haproxy'],
    [{ affinity: 'stickey' }, 'Did you mean sticky?'],
    [{ scenario: 'raed' }, 'Did you mean read?'],
    [{ payload: '1048577' }, 'from 64 to 1048576'],
    [{ connections: 'many' }, '--connections'],
    [{ duration: '10' }, 'Did you mean 10s?'],
    [{ duration: '0s' }, 'from 100ms'],
    [{ warmup: '-1s' }, '--warmup'],
    [{ repeat: '0' }, '--repeat'],
    [{ sessions: '2000000' }, '--sessions'],
    [{ keys: 'pareto' }, 'uniform, zipf'],
    [{ pool: '0' }, '--pool'],
    [{ transport: 'url' }, 'cookie, bearer'],
    [{ durability: 'always' }, 'none, second, commit'],
    [{ engine: 'k6' }, 'autocannon'],
    [{ preset: 'quik' }, 'Did you mean quick?'],
    [{ services: 'podman' }, 'docker'],
    [{ redisUrl: 'localhost:6379' }, 'redis://'],
    [{ postgresUrl: 'redis://x' }, 'postgres://'],
    [{ services: 'url', store: 'redis' }, '--redis-url'],
    [{ services: 'url', store: 'jwt-blacklist:db=postgres' }, '--postgres-url'],
    [{ store: 'jwt:lib=jsonwebtoken;alg=EdDSA' }, 'lib=fast-jwt or lib=jose with alg=EdDSA'],
    [{ store: 'jwt:lib=jose+cache=1000' }, 'lib=fast-jwt with cache=1000'],
    [{ store: 'jwt:lib=jsonwebtokn' }, 'Did you mean jsonwebtoken?'],
    [{ store: 'jwt:cache=yes' }, 'off, 1000, 100000'],
    [{ store: 'jwt:lib=fast-jwt;lib=jose' }, 'one value for lib of jwt'],
    [{ store: 'jwt:lib=jose=fast-jwt' }, 'one value for lib of jwt'],
    [{ store: 'jwt:' }, 'alg, lib, cache'],
    [{ store: 'jwt:lib=jose;' }, 'alg, lib, cache'],
    [{ store: 'none:redis://u:hunter2@h' }, 'redis://u:***@h'],
    [{ threshold: ['p99<20'] }, 'with a unit'],
    [{ threshold: ['p42<20ms'] }, 'p50'],
    [{ threshold: ['rps>5ms'] }, 'rps per second'],
    [{ seed: 'x' }, '--seed'],
    [{ balancer: 'none', servers: '3' }, '--affinity sticky'],
    [{ tls: true, balancer: 'none' }, 'Name --balancer haproxy or nginx, or leave --tls out'],
    [{ tls: true, balancer: 'node' }, 'got --balancer node'],
    [{ tls: true, preset: 'gate' }, 'got --balancer none'],
    [{ tls: true, engine: 'autocannon' }, 'Leave --engine out'],
    [{ sessions: '5', connections: '10' }, '--connections'],
    [{ balancer: 'none', servers: '3', affinity: 'sticky', connections: '2' }, 'for each server'],
    [{ threshold: ['constructor<5ms'] }, 'p50'],
  ])('%j', (raw, word) => {
    const error = errorOf(raw);
    expect(error.message).toContain(word);
    expect(error.message).not.toContain('\n');
    expect(error.exitCode).toBe(EXIT.usage);
  });

  test.each([
    'http://me:hunter2@host',
    'redis://:hunter2/x@host',
    'redis//:hunter2@host',
    'http://a:b@hunter2@host',
    'u:hunter2@host',
    'hunter2',
  ])('%s is shown without its password', (redisUrl) => {
    expect(errorOf({ redisUrl }).message).not.toContain('hunter2');
  });
});

describe('what is accepted', () => {
  test('lists expand, and doubles count once, however they are spelt', () => {
    const config = parseConfig(
      { store: 'redis,jwt,redis:write=cas', servers: '1,3,01', payload: '64,1024' },
      {},
    );
    expect(config.stores.map((choice) => choice.store)).toEqual(['redis', 'jwt']);
    expect([config.servers, config.payloadsBytes]).toEqual([
      [1, 3],
      [64, 1024],
    ]); // prettier-ignore
  });

  test('an alias names the backend that rows have', () => {
    const of = (store: string) => parseConfig({ store }, {}).stores;
    expect(of('mysql:driver=mysql2')).toEqual(of('mariadb:driver=mysql2'));
    expect(of('mysql')).toMatchObject([{ store: 'mariadb', options: { driver: 'mariadb' } }]);
    expect(() => of('mysq')).toThrow('got "mysq"');
  });

  test('options of a store are completed by their defaults', () => {
    const config = parseConfig({ store: 'redis:write=lww,jwt:alg=ES256' }, {});
    expect(config.stores).toEqual([
      { store: 'redis', options: { pipelining: 'none', read: 'get', write: 'lww' } },
      { store: 'jwt', options: { alg: 'ES256', lib: 'fast-jwt', cache: 'off' } },
    ]);
  });

  test('a preset gives values, and a flag wins over it', () => {
    const config = parseConfig({ store: 'jwt', preset: 'quick', servers: '2' }, {});
    expect([config.durationSeconds, config.servers]).toEqual([3, [2]]);
  });

  test('without a store all available ones get a short measurement', () => {
    const config = parseConfig({}, {});
    expect(config.skipUnavailable).toBe(true);
    expect(config.stores.map(({ store, options }) => armText(store, options))).toEqual([
      'none',
      'memory',
      'redis',
      'postgres',
      'jwt:lib=fast-jwt',
      'jwt:lib=jsonwebtoken',
      'jwt-blacklist:lib=fast-jwt',
      'jwt-blacklist:lib=jsonwebtoken',
    ]);
    expect(config.durationSeconds).toBeLessThan(2);
  });

  test('one that is measured on request is in no list but those that name it', () => {
    const stores = (raw: RawOptions) => parseConfig(raw, {}).stores.map(({ store }) => store);
    for (const store of ['memcached', 'mongodb']) {
      expect(stores({})).not.toContain(store);
      expect(stores({ preset: 'gate' })).not.toContain(store);
    }
    expect(stores({ store: 'memcached' })).toEqual(['memcached']);
  });

  test('URLs of the environment are loaded when they are asked for, and only by backends that need them', () => {
    const env = { REDIS_URL: 'redis://env', DATABASE_URL: 'postgres://env' };
    const urls = (raw: RawOptions, variables: typeof env = env) => parseConfig(raw, variables).urls;
    expect(urls({ store: 'redis,postgres' })).toEqual({});
    expect(urls({ store: 'redis,postgres', useEnvUrls: true, redisUrl: 'redis://flag' })).toEqual({
      ...{ redis: 'redis://flag', postgres: 'postgres://env' },
    });
    expect(urls({ store: 'memory', useEnvUrls: true })).toEqual({});
    const foreign = { REDIS_URL: 'hunter2', DATABASE_URL: 'file:./dev.db' };
    expect(urls({ store: 'memory', useEnvUrls: true }, foreign)).toEqual({});
    expect(urls({ store: 'redis,postgres' }, foreign)).toEqual({});
    for (const [store, variable] of [
      ['redis', 'REDIS_URL'],
      ['postgres', 'DATABASE_URL'],
    ] as const) {
      expect(() => urls({ store, useEnvUrls: true }, foreign)).toThrow(`in ${variable}, got`);
      expect(() => urls({ store, useEnvUrls: true }, foreign)).not.toThrow('hunter2');
    }
  });

  test('the URL of another service is not called a wrong one: its flag is named', () => {
    const at = (raw: RawOptions, env: Record<string, string> = {}) => {
      expect(() => parseConfig(raw, env)).not.toThrow('hunter2');
      return expect(() => parseConfig(raw, env));
    };
    const mysql = 'mysql://u:hunter2@h/db';
    at({ store: 'postgres', postgresUrl: mysql }).toThrow(/MariaDB: write --mariadb-url/);
    at({ store: 'postgres', useEnvUrls: true }, { DATABASE_URL: mysql }).toThrow(
      /in DATABASE_URL.*--mariadb-url/,
    );
    at({ store: 'redis', redisUrl: 'postgres://h/db' }).toThrow(/write --postgres-url/);
    at({ store: 'postgres', postgresUrl: 'mysql://u:hun#ter2@h/db' }).toThrow(/Write postgres:/);
    at({ store: 'postgres', postgresUrl: 'unix:///run/s' }).toThrow(/host=\/run/);
  });

  test('durations take ms, s and m', () => {
    const config = parseConfig({ store: 'jwt', duration: '2m', warmup: '500ms' }, {});
    expect([config.durationSeconds, config.warmupSeconds]).toEqual([120, 0.5]);
    expect(parseConfig({ store: 'jwt', warmup: '0s' }, {}).warmupSeconds).toBe(0);
  });
});

test.each([
  ['stor', ['store', 'servers'], 'store'],
  ['jwt-black', ['jwt', 'jwt-blacklist'], 'jwt-blacklist'],
  ['zzz', ['store', 'servers'], undefined],
])('nearest to %s', (text, words, expected) => expect(nearest(text, words)).toBe(expected));
