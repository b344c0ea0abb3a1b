import { expect, test } from 'vitest';
import { parseConfig } from '../config/config.ts';
import { recordableOptions } from './resume.ts';

test('nothing is recorded but the flags that are listed, the stores as they were had, and the seed', () => {
  const given = {
    store: 'redis,jwt',
    servers: '3',
    pin: true,
    redisUrl: 'redis://me:hunter2@127.0.0.1',
    mysqlUrl: 'mysql://me:hunter2@127.0.0.1',
    out: 'x.csv',
  };
  const config = parseConfig({ ...given, seed: '7', mysqlUrl: undefined }, {});
  expect(recordableOptions(given, config)).toEqual({
    servers: '3',
    pin: true,
    seed: '7',
    store: 'redis:pipelining=none;read=get;write=cas,jwt:alg=HS256;cache=off;lib=fast-jwt',
  });
});

test('a run that named no store is recorded with the preset that it took', () => {
  expect(recordableOptions({}, parseConfig({ seed: '1' }, {}))).toMatchObject({
    preset: 'glance',
    seed: '1',
  });
});
