import { expect, test } from 'vitest';
import { planRepetition } from '../run/plan.ts';
import { parseConfig } from './config.ts';

const configOf = (more: Record<string, string | boolean>) =>
  parseConfig({ store: 'memory', scenario: 'failure', balancer: 'haproxy', ...more }, {});
const groupsOf = (more: Record<string, string>) =>
  planRepetition(configOf(more), 1).map(({ group: { scenario, fault } }) => [scenario, fault]);

test('each fault is a group of its own, beside other scenarios, which have none', () => {
  expect(groupsOf({ fault: 'kill-store,add-server' })).toEqual([
    ['failure', 'kill-store'],
    ['failure', 'add-server'],
  ]);
  expect(groupsOf({ scenario: 'read,failure' })).toEqual([
    ['read', undefined],
    ['failure', 'kill-server'],
  ]);
});

test.each([
  [
    { scenario: 'read', fault: 'kill-server' },
    /^CONFLICT: expected --scenario failure with --fault, got --scenario read/,
  ],
  [{ balancer: 'none' }, /^CONFLICT: expected a balancer with --scenario failure/],
  [{ engine: 'autocannon' }, /^CONFLICT: expected --engine slices/],
  [{ rate: '50%' }, /^CONFLICT: expected requests per second with --scenario failure/],
  [{ equalLoad: true }, /^CONFLICT: expected requests per second with --scenario failure/],
  [{ duration: '3s' }, /^USAGE: expected --duration from 4s to 120s .*, got 3 s/],
  [{ duration: '3m' }, /^USAGE: expected --duration from 4s to 120s .*, got 180 s/],
  [{ fault: 'kill-servers' }, /Did you mean kill-server\?/],
])('%j is refused in one line', (more, message) => {
  expect(() => configOf(more)).toThrow(message);
});
