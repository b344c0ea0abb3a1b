import { describe, expect, test } from 'vitest';
import { armText, isVariant, parseVariant, rowArmText, variantText } from './variant.ts';

describe('the column variant', () => {
  test('goes there and back, sorted', () => {
    const options = { lib: 'jose', alg: 'ES256', cache: 'off' };
    const text = variantText(options, 'second');
    expect(text).toBe('alg=ES256;cache=off;durability=second;lib=jose');
    expect(parseVariant('jwt', text)).toEqual({ ...options, durability: 'second' });
  });

  test('of before an option means what was true then', () => {
    expect(parseVariant('jwt', 'alg=HS256;durability=second')).toMatchObject({
      lib: 'jsonwebtoken',
      cache: 'off',
    });
    expect(parseVariant('jwt-blacklist', 'db=redis;durability=second')).toMatchObject({ refresh: 'off' });
  });

  test.each([
    ['alg=HS256;durability=second', true],
    ['durability=second', true],
    ['', false],
    ['alg=HS256', false],
    ['durability=second;lib', false],
    ['durability=second;lib=', false],
    ['durability=second;lib=a=b', false],
    ['durability=second;lib=a;lib=b', false],
    ['durability=second;;', false],
  ])('%j is one: %s', (text, is) => expect(isVariant(text)).toBe(is));
});

describe('the name of an arm', () => {
  test.each([
    ['redis', { read: 'get', write: 'cas' }, 'redis'],
    ['redis', { read: 'get', write: 'lww' }, 'redis:write=lww'],
    ['jwt', { alg: 'HS256', lib: 'fast-jwt', cache: 'off' }, 'jwt:lib=fast-jwt'],
    ['jwt', { alg: 'ES256', lib: 'jose', cache: 'off' }, 'jwt:alg=ES256;lib=jose'],
    ['unknown', { any: 'thing' }, 'unknown:any=thing'],
  ])('%s %o', (store, options, name) => expect(armText(store, options)).toBe(name));

  test.each(['valueOf', 'toString', '__proto__', 'constructor'])(
    'with an option called %s is no accident',
    (name) => {
      expect(rowArmText({ store: 'redis', variant: `durability=second;${name}=1` })).toMatch(/^redis/);
    },
  );
});
