import { expect, test } from 'vitest';
import { COMPARATORS } from '../../stores/comparators/libraries.ts';
import { defaultOptions } from '../../stores/options.ts';
import { checksOf } from './catalogue.ts';
import { type Check, holds, mustHold, violated } from './check.ts';
import { runChecks } from './run.ts';
import type { Scene } from './scene.ts';

/** A check that must hold by the traits, and whose observation is given. */
const check = (isHeld: boolean): Check => ({
  id: '37',
  title: 'A property',
  source: 'none',
  expect: () => mustHold,
  observe: async () => (isHeld ? holds('seen') : violated('seen')),
});

/** What is read of a scene without a site behind it. */
const sceneOf = (subject: object) =>
  ({
    subject,
    contract: {},
    own: {},
    password: '',
    during: () => undefined,
    account: () => ({ requests: 0, waitedMs: 0 }),
  }) as unknown as Scene;

test.each([
  [false, {}, true],
  [true, {}, false],
  [false, { known: { 37: { outcome: 'fail', because: 'why' } } }, false],
  [true, { known: { 37: { outcome: 'fail', because: 'why' } } }, true],
  [false, { known: { 38: { outcome: 'fail', because: 'why' } } }, true],
])('held %j by a subject of which %j is known: a surprise is %j', async (isHeld, subject, surprise) => {
  const [cell] = await runChecks(sceneOf(subject), [check(isHeld)]);
  expect(cell).toMatchObject({ observed: isHeld ? 'pass' : 'fail', surprise });
});

test('what is known of a library names checks that exist, and why each of them fails', () => {
  const ids = new Set(checksOf(undefined).map(({ id }) => id));
  const known = COMPARATORS.flatMap((library) =>
    Object.entries(library.known?.(defaultOptions(library)) ?? {}),
  );
  expect(known.length).toBeGreaterThan(10);
  for (const [id, { outcome, because }] of known) {
    expect(ids).toContain(id);
    expect(because === '').toBe(outcome === 'pass');
  }
});
