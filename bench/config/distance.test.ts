import { describe, expect, test } from 'vitest';
import { parseConfig } from './config.ts';
import { checkOneServer } from './distance.ts';

const parse = (storeDistance: string, store = 'redis,jwt', more = {}) =>
  parseConfig({ store, storeDistance, ...more }, {});

describe('--store-distance', () => {
  test('is a list of round trips in milliseconds, of which equal ones count once', () => {
    expect(parse('0ms,0.5ms,2ms,0.002s').storeDistancesMs).toEqual([0, 0.5, 2]);
    expect(parseConfig({ store: 'redis' }, {}).storeDistancesMs).toBeUndefined();
  });

  test('takes backends without a service beside those with one', () => {
    for (const store of ['redis,none,jwt', 'jwt-blacklist:db=postgres', 'memcached', 'mariadb,memory'])
      expect(() => parse('2ms', store)).not.toThrow();
  });

  test.each([
    ['2', 'redis', {}, 'from 0ms to 50ms, for --store-distance, got "2"'],
    ['1s', 'redis', {}, 'got "1s". Write for example 2ms.'],
    ['1ms,', 'redis', {}, 'values separated by commas for --store-distance'],
    ['2ms', 'memory,jwt', {}, 'expected a backend with a service with --store-distance, got memory, jwt'],
    ['2ms', 'redis', { redisUrl: 'rediss://u:hunter2@h:6380' }, 'got one that begins with rediss://.'],
    ['2ms', 'redis', { redisUrl: 'redis-sentinel://h:26379/main' }, 'begins with redis-sentinel://.'],
    ['2ms', 'redis', { redisUrl: 'unix://u:hunter2@/run/redis.sock' }, 'got a socket.'],
    ['2ms', 'redis', { redisUrl: 'redis://u:hunter2@h' }, 'got one without a port.'],
    [
      '2ms',
      'postgres',
      { postgresUrl: 'postgres://u:hunter2@h:1/d?sslmode=require' },
      'a --postgres-url of one server by TCP, without TLS and options, with --store-distance, got one with ?sslmode=.',
    ],
  ])('%s of %s with %o is refused in one line, without passwords', (text, store, more, message) => {
    expect(() => parse(text, store, more)).toThrow(message);
    expect(() => parse(text, store, more)).not.toThrow('hunter2');
  });

  test('an external service by TCP is relayed, and one that this run does not load does not matter', () => {
    expect(() => parse('2ms', 'redis', { redisUrl: 'redis://u:hunter2@h:6379/2' })).not.toThrow();
    const urls = { redisUrl: 'redis://h:6379', postgresUrl: 'postgres://h:1/d?sslmode=require' };
    expect(() => parse('2ms', 'redis', urls)).not.toThrow();
  });

  test('a cluster is refused, whose clients would go past the relay', () => {
    expect(() => checkOneServer('redis', 3, [2])).toThrow(
      'expected one redis with --store-distance, got a cluster of 3',
    );
    expect(() => checkOneServer('redis', undefined, [2])).not.toThrow();
    expect(() => checkOneServer('redis', 3, undefined)).not.toThrow();
  });
});
