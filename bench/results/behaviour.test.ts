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
