import { describe, expect, test } from 'vitest';
import { planBlocks } from '../run/plan.ts';
import { parseConfig } from './config.ts';
import { storeText } from './store-choice.ts';

const parse = (store: string, more: Record<string, string> = {}) =>
  parseConfig({ store, inner: '3', ...more }, {});

describe('--inner', () => {
  test('is a list of groups, and each arm says how its inner services check, but for the control', () => {
    const config = parse('none,redis,redis:inner=token+write=lww,jwt:lib=jose', { inner: '1,3' });
    const blocks = planBlocks(config);
    expect(blocks.map(({ group }) => group.innerServers)).toEqual([1, 3]);
    const variants = blocks[0]?.trials.map(({ store, variant }) => `${store} ${variant}`).sort();
    expect(variants).toEqual([
      'jwt alg=HS256;cache=off;durability=second;inner=ask;lib=jose',
      'none durability=second',
      'redis durability=second;inner=ask;pipelining=none;read=get;write=cas',
      'redis durability=second;inner=token;pipelining=none;read=get;write=lww',
    ]);
    // Without the flag an arm is as it was.
    expect(planBlocks(parseConfig({ store: 'redis' }, {}))[0]?.trials[0]?.variant).not.toContain('inner');
  });

  test('an arm is recorded as it is read', () => {
    const [choice] = parse('redis:inner=token').stores;
    expect(choice).toMatchObject({ inner: 'token' });
    expect(choice?.options).not.toHaveProperty('inner');
    expect(parse(storeText(choice as NonNullable<typeof choice>)).stores).toEqual([choice]);
  });

  test.each([
    [
      'redis:inner=token',
      { inner: undefined },
      'expected --inner with an arm that says how inner services check',
    ],
    ['redis:inner=tokn', {}, 'inner= to be one of ask, token, got "tokn". Did you mean token?'],
    ['redis:inner=ask+inner=token', {}, 'expected one value for inner'],
    ['redis', { inner: '0' }, 'from 1 to 16 for --inner'],
    ['redis', { scenario: 'read,login' }, 'expected --scenario read with --inner, got --scenario login'],
    [
      'memory',
      {},
      'sessions that another server can look up with --inner, got memory. Write memory:inner=token',
    ],
    ['none:inner=token', {}, 'expected none without inner, got inner=token'],
    ['express-session', {}, 'expected our own backends with --inner, got express-session'],
  ])('%s with %o is refused in one line', (store, more, message) => {
    const raw = { inner: '3', store, ...more };
    expect(() => parseConfig(raw, {})).toThrow(message);
  });

  test('memory can be the store of a server that passes tokens', () => {
    expect(() => parse('memory:inner=token')).not.toThrow();
  });
});
