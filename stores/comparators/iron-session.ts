import { traitsOfToken } from '../traits.ts';
import { type ComparatorDefinition, failing, NO_CSRF_DEFENCE, STARTS_EMPTY } from './definition.ts';

/** express with iron-session: the session encrypted in the cookie. */
export const ironSession: ComparatorDefinition = {
  name: 'iron-session',
  summary: 'express with iron-session: encrypted and signed in the cookie',
  options: {},
  service: () => undefined,
  connections: () => 0,
  offers: () => [],
  declaredTraits: () => traitsOfToken(false),
  known: () =>
    failing({
      ...NO_CSRF_DEFENCE,
      ...STARTS_EMPTY,
      5: 'A seal is not an id: its fixed parts and its time have a pattern.',
    }),
  packages: () => ['express', 'iron-session'],
  cannot: { revocation: 'it accepts a cookie for 60 s longer than its lifetime' },
};
