import { describe, expect, test } from 'vitest';
import { parseConfig } from './config.ts';

const parse = (payload: string, more: Record<string, string> = {}) =>
  parseConfig({ store: 'redis', payload, ...more }, {});

describe('--payload', () => {
  test('goes to 1 MiB, as long as an arm holds 256 MiB of it', () => {
    expect(parse('64,1048576', { sessions: '256' }).payloadsBytes).toEqual([64, 1_048_576]);
    expect(() => parse('26843')).not.toThrow();
    expect(() => parse('65536', { scenario: 'revocation' })).not.toThrow();
  });

  test.each([
    ['1048577', {}, 'from 64 to 1048576 for --payload'],
    [
      '64,1048576',
      { sessions: '257' },
      'expected --sessions of at most 256 with --payload 1048576: 256 MiB of session data an arm, got 257. Add --sessions 256',
    ],
    ['26844', {}, 'expected --sessions of at most 9999 with --payload 26844'],
    [
      '65537',
      { scenario: 'read,update', sessions: '100' },
      '--payload of at most 65536 with --scenario update',
    ],
    ['65537', { scenario: 'mixed', sessions: '100' }, 'with --scenario mixed, which sends it, got 65537'],
  ])('%s with %o is refused in one line', (payload, more, message) => {
    expect(() => parse(payload, more)).toThrow(message);
  });
});
