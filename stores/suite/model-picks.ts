/** Building blocks of random calls: tokens and similar texts, users, data, limits. */

import { deepEqual } from 'node:assert/strict';
import fc from 'fast-check';
import type { LoginLimit, SessionStore } from '../store.ts';
import { live, type Model, type ModelToken, valid } from './model.ts';

/** One call of a store; its text names tokens by the order in which they were issued. */
export interface Call {
  text: string;
  /** Resolves to a function that compares the result with a model, and throws an AssertionError where they differ. */
  ask(store: SessionStore): Promise<(model: Model) => void>;
}

/** A random call, built from the current state of the model; `undefined` when that is not sufficient for it. */
export type AnyCall = (model: Model) => Call | undefined;

export function call<A>(
  text: string,
  ask: (store: SessionStore) => Promise<A>,
  expected: (model: Model, answer: A) => unknown,
): Call {
  return {
    text,
    async ask(store) {
      const answer = await ask(store);
      return (model) => deepEqual(answer, expected(model, answer));
    },
  };
}

/** One of the existing tokens, counted from the newest, or a similar text. */
export interface TokenPick {
  at: number;
  /** Whether to prefer tokens that still work: most of the existing ones have ended. */
  isUseful: boolean;
  /** Whether it is of the kind that is asked for. */
  isOfKind: boolean;
  forgery: Forgery | undefined;
}

export type Forgery = keyof typeof FORGERIES;

/** Changes that a client can make to a token without its key. */
const FORGERIES = {
  unsigned: (token: string) =>
    `${segment({ alg: 'none', typ: 'session+jwt' })}.${token.split('.')[1] ?? ''}.`,
  'signed wrongly': (token: string) => token.replace(/.(?=.{9}$)/, (letter) => (letter === 'A' ? 'B' : 'A')),
  // The last letter has bits that decoders ignore.
  'spelled otherwise': (token: string) => token.slice(0, -1) + LETTERS[LETTERS.indexOf(token.slice(-1)) ^ 1],
} as const;
const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

function segment(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

export const anyPlace = fc.oneof({ weight: 3, arbitrary: fc.nat(2) }, { weight: 1, arbitrary: fc.nat(30) });
export const anyForgery = fc.constantFrom(...(Object.keys(FORGERIES) as Forgery[]));
export const anyUse = fc.constantFrom(true, true, true, false);
const anyFit = fc.constantFrom(...Array.from({ length: 9 }, () => true), false);
export const anyPick: fc.Arbitrary<TokenPick> = fc.record({
  at: anyPlace,
  isUseful: anyUse,
  isOfKind: anyFit,
  forgery: fc.oneof({ weight: 9, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: anyForgery }),
});
export const anyUser = fc.nat(1);
export const anyData = fc.constantFrom('', 'a', '{"n":1}', 'grüße 🦊');
export const anyRole = fc.constantFrom('user', 'admin');
export const anyLimit: fc.Arbitrary<LoginLimit | undefined> = fc.option(
  fc.record({ cap: fc.constantFrom(1, 2, 2, 3), onCap: fc.constantFrom('evict', 'refuse') }),
  { nil: undefined, freq: 2 },
);

/** The text that is picked among the tokens of this kind, and its name. */
export function pickToken(model: Model, pick: TokenPick, kind?: ModelToken['kind']) {
  const { at, isUseful, isOfKind, forgery } = pick;
  const all = [...model.tokens];
  const ofKind = all.filter(([, token]) => kind === undefined || token.kind === kind || !isOfKind);
  const useful = ofKind.filter(([text]) => live(model, text) ?? valid(model, text, 'refresh'));
  const known = isUseful && useful.length > 0 ? useful : ofKind;
  const [text] = known.at(-1 - (at % Math.max(1, known.length))) ?? [];
  if (text === undefined) return undefined;
  const name = `t${all.findIndex(([other]) => other === text)}`;
  if (forgery === undefined) return { text, name };
  return { text: FORGERIES[forgery](text), name: `${name} ${forgery}` };
}

export const userOf = (model: Model, user: number): string =>
  model.users[user % model.users.length] as string;
export const limitText = (limit: LoginLimit | undefined) =>
  limit === undefined ? '' : `, ${limit.onCap} at ${limit.cap}`;
