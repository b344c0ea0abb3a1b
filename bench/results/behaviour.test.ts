import { expect, test } from 'vitest';
import { behavioursOf } from './behaviour.ts';

test('an arm that passes tokens to inner services says what that gives up', () => {
  const limitsOf = (inner: string) =>
    behavioursOf([
      {
        ...{ store: 'redis', arm: `redis ${inner}`, operation: 'all', status: 'ok' },
        variant: `durability=second;inner=${inner};pipelining=none;read=get;write=cas`,
      },
    ]).map(({ name, limits }) => `${name}: ${limits.filter((limit) => limit.includes('inner')).length}`);
  expect([...limitsOf('ask'), ...limitsOf('token')]).toEqual(['redis:inner=ask: 0', 'redis:inner=token: 1']);
});

test.each([
  ['lookup', 'off', 'closed', false, 'everyone is refused'],
  ['lookup', 'off', 'open', true, 'nobody can log in or out'],
  ['at-refresh', 'rotating', 'closed', true, 'nobody can log in and no token is renewed'],
])(
  'a blacklist with check=%s, refresh=%s, on-outage=%s says what it does while its store is down',
  (check, refresh, onOutage, goesOn, says) => {
    const variant = `alg=HS256;cache=off;check=${check};db=redis;durability=second;lib=fast-jwt;on-outage=${onOutage};refresh=${refresh}`;
    const [found] = behavioursOf([
      { store: 'jwt-blacklist', arm: check, operation: 'all', status: 'ok', variant },
    ]);
    expect(found?.readsWithoutStore).toBe(goesOn);
    expect(found?.limits.filter((limit) => limit.includes('store is down'))).toEqual([
      expect.stringContaining(says),
    ]);
  },
);
