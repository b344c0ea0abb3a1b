import { describe, expect, test } from 'vitest';
import { newSid } from '../jwt/sid.ts';
import { createSidSet } from './sid-set.ts';

const NOW_MS = 1_764_000_000_000;
const PARTS = 256;

/** One walk over all parts. */
function sweepAll(set: ReturnType<typeof createSidSet>, nowMs: number): void {
  for (let part = 0; part < PARTS; part += 1) set.sweep(nowMs);
}

describe('a set of session ids', () => {
  test('has what was added, and nothing else, through every growth', () => {
    const set = createSidSet();
    const [added, others] = [sids(20_000), sids(20_000)];
    for (const sid of added) set.add(sid, NOW_MS);
    for (const sid of added) set.add(sid, NOW_MS - 1);
    expect(set.size()).toBe(added.length);
    expect(added.filter((sid) => !set.has(sid))).toEqual([]);
    expect(others.filter((sid) => set.has(sid))).toEqual([]);
  });

  test('tells ids apart that differ in a single bit of their 128', () => {
    const bytes = Buffer.from(newSid(), 'base64url');
    const near = Array.from({ length: 128 }, (_, bit) => {
      const other = Buffer.from(bytes);
      other.writeUInt8(other.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      return other.toString('base64url');
    });
    const set = createSidSet();
    set.add(bytes.toString('base64url'), NOW_MS);
    expect(near.filter((sid) => set.has(sid))).toEqual([]);
    for (const sid of near) set.add(sid, NOW_MS);
    expect(set.size()).toBe(129);
  });

  test('keeps each until its own expiry, the later of two, and returns the memory of the rest', () => {
    const set = createSidSet();
    expect(set.bytes()).toBe(0);
    const [short, long, extended] = [sids(20_000), sids(100), sids(100)];
    for (const sid of [...short, ...extended]) set.add(sid, NOW_MS + 1000);
    for (const sid of [...extended, ...long]) set.add(sid, NOW_MS + 60_000);
    for (const sid of extended) set.add(sid, NOW_MS + 500);
    sweepAll(set, NOW_MS + 999);
    expect(set.size()).toBe(20_200);
    const full = set.bytes();
    sweepAll(set, NOW_MS + 1000);
    expect(set.size()).toBe(200);
    expect([...long, ...extended].filter((sid) => !set.has(sid))).toEqual([]);
    expect(short.filter((sid) => set.has(sid))).toEqual([]);
    expect(set.bytes()).toBeLessThan(full / 10);
    sweepAll(set, NOW_MS + 60_000);
    expect(set.bytes()).toBe(0);
  });

  test('takes at most 56 bytes an entry in use, at any size', () => {
    const set = createSidSet();
    const all = sids(60_000);
    for (const [index, sid] of all.entries()) {
      set.add(sid, NOW_MS);
      if (index > 10_000 && index % 2_000 === 0) expect(set.bytes() / (index + 1)).toBeLessThan(56);
    }
  });
});

function sids(count: number): string[] {
  return Array.from({ length: count }, newSid);
}
