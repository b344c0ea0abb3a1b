import { expect, it } from 'vitest';
import { type FailedExchange, type Remedy, remedyFor } from './failure-policy.ts';

const STALE: FailedExchange = {
  reason: 'closed',
  isReplyBegun: false,
  hasReplyBytes: false,
  isReused: true,
  isReplayable: true,
};

it.each<[string, Partial<FailedExchange>, Remedy]>([
  ['an idle connection that had been closed', {}, 'replay'],
  ['the same, but not safe to repeat', { isReplayable: false }, 502],
  ['a new connection that closed', { isReused: false }, 502],
  ['half a head', { hasReplyBytes: true }, 502],
  ['nonsense', { reason: 'malformed' }, 502],
  ['refused', { reason: 'unreachable', isReused: false }, 'elsewhere'],
  [
    'refused, and not safe to repeat: nothing was sent',
    { reason: 'unreachable', isReplayable: false },
    'elsewhere',
  ],
  ['no descriptors of our own', { reason: 'exhausted' }, 503],
  ['in mid-reply', { isReplyBegun: true, hasReplyBytes: true }, 'cut'],
])('%s', (_, change, expected) => {
  expect(remedyFor({ ...STALE, ...change })).toBe(expected);
});
