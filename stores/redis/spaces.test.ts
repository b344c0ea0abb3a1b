import { expect, test } from 'vitest';
import { oneSpace, taggedSpaces } from './spaces.ts';

test('on one Redis: the keys and tokens of before', () => {
  const spaces = oneSpace('ns');
  const { token, id, space } = spaces.begin('=u1');
  expect(token).toMatch(/^[A-Za-z0-9_-]{43}$/);
  expect(space).toEqual({ tag: '', name: 'ns', sessions: 'ns:s:' });
  expect(spaces.placeOf(token)).toEqual({ id, space });
  expect(spaces.ofUser('=u2')).toBe(space);
});

test('on a cluster: all of a user in one space, which each token of theirs names', () => {
  const spaces = taggedSpaces('ns');
  const [one, two] = [spaces.begin('=u1'), spaces.begin('=u1')];
  expect(one.token).not.toBe(two.token);
  expect(one.space).toEqual(spaces.ofUser('=u1'));
  expect(spaces.placeOf(two.token)).toEqual({ id: two.id, space: one.space });
  expect(one.space.name).toMatch(/^ns:\{[A-Za-z0-9_-]{2}\}$/);
  // 256 bits beside the tag.
  expect(one.token.slice(2)).toMatch(/^[A-Za-z0-9_-]{43}$/);
  // One of nobody stays where it is, and is anywhere at first.
  expect(spaces.begin('', one.space).space).toEqual(one.space);
  const anywhere = new Set(Array.from({ length: 100 }, () => spaces.begin('').space.name));
  expect(anywhere.size).toBeGreaterThan(50);
});

test('on a cluster: another tag is another token, and what has not its shape is none', () => {
  const spaces = taggedSpaces('ns');
  const { token, id } = spaces.begin('=u1');
  const moved = `${token.startsWith('AA') ? 'BB' : 'AA'}${token.slice(2)}`;
  expect(spaces.placeOf(moved)?.id).not.toBe(id);
  for (const text of ['', 'AA', token.slice(2), `${token}x`, `{}${token.slice(2)}`, `*a${token.slice(2)}`])
    expect(spaces.placeOf(text), text).toBeUndefined();
});

test('on a cluster: users are spread over the tags', () => {
  const spaces = taggedSpaces('ns');
  const tags = new Map<string, number>();
  for (let user = 0; user < 40_960; user += 1) {
    const { tag } = spaces.ofUser(`=user${user}`);
    tags.set(tag, (tags.get(tag) ?? 0) + 1);
  }
  expect(tags.size).toBeGreaterThan(4_080);
  expect(Math.max(...tags.values())).toBeLessThan(40);
});
