import { randomBytes, randomInt, randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { type IssuedId, identifyingPart, judgeIds } from './randomness.ts';

const IDS = 10_000;
const REPEATS = 3;

/** Ids as if issued by three servers in turn. */
const issuedBy = (make: (index: number, server: number) => string): IssuedId[] =>
  Array.from({ length: IDS }, (_, index) => {
    const server = index % 3;
    return { id: make(index, server), server };
  });

/** A big-endian number in this many bytes. */
function numberBytes(value: number, bytes: number): Buffer {
  const buffer = Buffer.alloc(bytes);
  buffer.writeUIntBE(value, bytes - Math.min(bytes, 6), Math.min(bytes, 6));
  return buffer;
}

/** The generator behind `Math.random` in several engines: xorshift128, linear over GF(2). */
function xorshift(seed: bigint): () => bigint {
  const mask = 2n ** 64n - 1n;
  let [a, b] = [seed, seed ^ 0x9e37_79b9_7f4a_7c15n];
  return () => {
    let next = a;
    a = b;
    next ^= (next << 23n) & mask;
    next ^= next >> 17n;
    next ^= b ^ (b >> 26n);
    b = next;
    return a;
  };
}

const RANDOM_IDS: Record<string, () => string> = {
  '256 bits in base64url': () => randomBytes(32).toString('base64url'),
  '128 bits in base64url': () => randomBytes(16).toString('base64url'),
  '128 bits in base64': () => randomBytes(16).toString('base64'),
  '128 bits in hex': () => randomBytes(16).toString('hex'),
  '160 bits in capital hex after a prefix': () => `sess_${randomBytes(20).toString('hex').toUpperCase()}`,
  '24 letters and digits': () => Array.from({ length: 24 }, () => randomInt(36).toString(36)).join(''),
};

describe('ids from the CSPRNG', () => {
  test.each(Object.entries(RANDOM_IDS).filter(([name]) => !name.startsWith('24')))(
    '%s pass',
    async (_, make) => {
      for (let repeat = 0; repeat < REPEATS; repeat += 1) {
        const { findings, shapeBits } = await judgeIds(issuedBy(make));
        expect(findings).toEqual([]);
        expect(shapeBits).toBeGreaterThanOrEqual(128);
      }
    },
  );

  test('have their bits counted by their shape', async () => {
    expect((await judgeIds(issuedBy(() => randomBytes(16).toString('base64url')))).shapeBits).toBe(128);
    expect((await judgeIds(issuedBy(() => randomBytes(32).toString('hex')))).shapeBits).toBe(256);
  });

  test('are too short as 36 letters and digits, 24 of them, or as UUIDs, but have no pattern', async () => {
    const letters = await judgeIds(issuedBy(RANDOM_IDS['24 letters and digits'] as () => string));
    expect(letters.findings).toEqual(['124 bits at most, by their shape']);
    const uuids = await judgeIds(issuedBy(() => randomUUID()));
    expect(uuids.findings).toEqual(['122 bits at most, by their shape']);
  });
});

describe('clumsy ids are found', () => {
  const findings = async (issued: IssuedId[]) => (await judgeIds(issued)).findings.join('; ');

  test('a counter', async () => {
    const counted = await findings(issuedBy((index) => numberBytes(index, 16).toString('base64url')));
    expect(counted).toContain('by their shape');
    expect(counted).toContain('runs');
    expect(counted).toContain('trend');
  });

  test('a counter of each server, within random bytes', async () => {
    const starts = [0x1357_9bdf, 0x0000_ffff, 0x7654_3210];
    const ids = issuedBy((index, server) =>
      Buffer.concat([
        randomBytes(9),
        numberBytes((starts[server] ?? 0) + index, 4),
        randomBytes(16),
      ]).toString('base64url'),
    );
    expect(await findings(ids)).toContain('trend');
  });

  test('a counter whose replies came in another order', async () => {
    const ids = issuedBy(
      (index) => numberBytes(index ^ (index % 13), 6).toString('hex') + randomBytes(16).toString('hex'),
    );
    expect(await findings(ids)).toContain('trend');
  });

  test.each(['hex', 'base64url'] as const)(
    'the time in milliseconds before random bytes, in %s',
    async (encoding) => {
      const ids = issuedBy((index) =>
        Buffer.concat([numberBytes(1_760_000_000_000 + 3 * index, 6), randomBytes(16)]).toString(encoding),
      );
      expect(await findings(ids)).toContain('trend');
    },
  );

  test('the time as letters and digits, behind random ones', async () => {
    const ids = issuedBy((index) => {
      const letters = Array.from({ length: 26 }, () => randomInt(36).toString(36)).join('');
      return letters + (1_760_000_000_000 + 7 * index).toString(36);
    });
    expect(await findings(ids)).toMatch(/trend|runs/);
  });

  test('the digits of Math.random', async () => {
    const ids = issuedBy(() => Math.random().toString(36).slice(2, 10).padEnd(8, '0'));
    expect(await findings(ids)).toContain('by their shape');
  });

  test('four numbers of a linear generator, however many bits they seem to have', async () => {
    const next = xorshift(0x1234_5678_9abc_def1n);
    const ids = issuedBy(() =>
      Array.from({ length: 4 }, () => (next() >> 12n).toString(16).padStart(13, '0')).join(''),
    );
    const { shapeBits } = await judgeIds(ids);
    expect(shapeBits).toBe(208);
    expect(await findings(ids)).toContain('sums of other bits');
  });

  test('one bit that is set too often', async () => {
    const ids = issuedBy(() => {
      const bytes = randomBytes(32);
      if (randomInt(4) === 0) bytes[5] = (bytes[5] ?? 0) | 0x10;
      return bytes.toString('base64url');
    });
    expect(await findings(ids)).toContain('1 of 256 bits are not set half of the time');
  });

  test('bytes of which some are missing', async () => {
    const ids = issuedBy(() =>
      Buffer.from(
        Array.from({ length: 20 }, () => (randomInt(2) === 0 ? 0x3c : 0xc3) ^ randomInt(16)),
      ).toString('hex'),
    );
    expect(await findings(ids)).toContain('bytes');
  });

  test('an id that keeps a part of the one before', async () => {
    let kept = randomBytes(8);
    const ids = issuedBy(() => {
      if (randomInt(3) === 0) kept = randomBytes(8);
      return Buffer.concat([kept, randomBytes(16)]).toString('base64url');
    });
    expect(await findings(ids)).toContain('depend on the id before');
  });

  test('an id that comes twice', async () => {
    const ids = issuedBy(() => randomBytes(16).toString('base64url'));
    expect(await findings([...ids, ids[17] as IssuedId])).toBe('1 of 10001 ids were issued before');
  });
});

describe('the part of a token that identifies', () => {
  const jwt = (claims: unknown) =>
    ['{"alg":"HS256"}', JSON.stringify(claims), 'signature']
      .map((part) => Buffer.from(part).toString('base64url'))
      .join('.');

  test('is the sid of a JWT, else its jti', () => {
    expect(identifyingPart(jwt({ sid: 'one', jti: 'two' }))).toBe('one');
    expect(identifyingPart(jwt({ jti: 'two' }))).toBe('two');
  });

  test('is the whole of any other token', () => {
    const tokens = ['opaque', 'a.b', 'a.b.c', 'a.b.c.d', jwt({ sub: 'somebody' }), jwt(null), jwt('text')];
    expect(tokens.map(identifyingPart)).toEqual(tokens);
  });
});
