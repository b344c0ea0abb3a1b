/** Random calls of a store. */

import fc from 'fast-check';
import type { Capability, NewSession, RotatePatch, SessionStore } from '../store.ts';
import { loginsOf, type Model, read, touch, update } from './model.ts';
import { create, destroy, destroyLogin, list, refresh, revoke, rotate, setDisabled } from './model-logins.ts';
import {
  type AnyCall,
  anyData,
  anyForgery,
  anyLimit,
  anyPick,
  anyPlace,
  anyRole,
  anyUse,
  anyUser,
  call,
  limitText,
  pickToken,
  userOf,
} from './model-picks.ts';
import { offered } from './offered.ts';

const anyCreate: fc.Arbitrary<AnyCall> = fc
  .tuple(fc.option(anyUser, { nil: undefined, freq: 4 }), anyRole, anyData, anyLimit)
  .map(([user, role, data, limit]) => (model) => {
    const session: NewSession = {
      ...(user === undefined ? {} : { userId: userOf(model, user) }),
      role,
      data,
    };
    return call(
      `create(${JSON.stringify(session)}${limitText(limit)})`,
      (store) => store.create(session, limit),
      (now, answer) => create(now, session, limit, answer),
    );
  });

const anyPatch = fc.record({
  user: fc.option(anyUser, { nil: undefined, freq: 2 }),
  role: fc.option(anyRole, { nil: undefined, freq: 2 }),
  data: fc.option(anyData, { nil: undefined, freq: 2 }),
});

const anyRotate: fc.Arbitrary<AnyCall> = fc
  .tuple(
    anyPick,
    anyPatch,
    fc.constantFrom('own', 'own', 'own', 'own', 'used', 'any', 'none'),
    anyPick,
    anyLimit,
  )
  .map(([pick, { user, role, data }, renewal, otherPick, limit]) => (model) => {
    const token = pickToken(model, pick, 'session');
    if (token === undefined) return undefined;
    const session = model.tokens.get(token.text)?.session;
    const used = [...model.tokens].find(([, other]) => other.kind === 'refresh' && other.session === session);
    const refreshToken = {
      own: session?.refreshToken,
      used: used?.[0],
      any: pickToken(model, otherPick, 'refresh')?.text,
      none: undefined,
    }[renewal];
    const patch: RotatePatch = {
      ...(user === undefined ? {} : { userId: userOf(model, user) }),
      ...(role === undefined ? {} : { role }),
      ...(data === undefined ? {} : { data }),
    };
    return call(
      `rotate(${token.name}, ${JSON.stringify(patch)}, ${renewal} refresh token${limitText(limit)})`,
      (store) => store.rotate(token.text, { ...patch, refreshToken }, limit),
      (now, answer) => rotate(now, token.text, { ...patch, refreshToken }, limit, answer),
    );
  });

const anyUpdate: fc.Arbitrary<AnyCall> = fc
  .tuple(anyPick, anyData, fc.constantFrom(undefined, 0, 0, -1, 1))
  .map(([pick, data, off]) => (model) => {
    const token = pickToken(model, pick, 'session');
    if (token === undefined) return undefined;
    const version = off === undefined ? undefined : (model.tokens.get(token.text)?.copy.version ?? 1) + off;
    return call(
      `update(${token.name}, ${JSON.stringify(data)}, ${version ?? 'any version'})`,
      (store) => store.update(token.text, data, version),
      (now, answer) => update(now, token.text, data, version, answer),
    );
  });

/** A call whose only argument is a token. */
function ofToken<A>(
  name: string,
  ask: (store: SessionStore, text: string) => Promise<A>,
  expected: (model: Model, text: string, answer: A) => unknown,
  { picks = anyPick, kind }: { picks?: typeof anyPick; kind?: 'session' } = {},
): fc.Arbitrary<AnyCall> {
  return picks.map((pick) => (model) => {
    const token = pickToken(model, pick, kind);
    if (token === undefined) return undefined;
    return call(
      `${name}(${token.name})`,
      (store) => ask(store, token.text),
      (now, answer) => expected(now, token.text, answer),
    );
  });
}

const anyTouch = ofToken('touch', (store, text) => store.touch(text), touch, { kind: 'session' });
const anyDestroy = ofToken('destroy', (store, text) => store.destroy(text), destroy);
// Valid tokens are read after every call.
const anyForgedRead = ofToken(
  'read',
  (store, text) => store.read(text),
  (model, text) => read(model, text),
  { picks: fc.record({ at: anyPlace, isUseful: anyUse, isOfKind: fc.constant(true), forgery: anyForgery }) },
);

const anyRefresh: fc.Arbitrary<AnyCall> = fc
  .tuple(anyPick, fc.option(anyPick, { nil: undefined, freq: 2 }))
  .map(([pick, copyPick]) => (model) => {
    const token = pickToken(model, pick, 'refresh');
    const copy = copyPick && pickToken(model, copyPick, 'session');
    if (token === undefined) return undefined;
    return call(
      `refresh(${token.name}${copy === undefined ? '' : `, ${copy.name}`})`,
      (store) => offered(store, 'refresh')(token.text, copy?.text),
      (now, answer) => refresh(now, token.text, copy?.text, answer),
    );
  });

const anyList: fc.Arbitrary<AnyCall> = anyUser.map((user) => (model) => {
  const userId = userOf(model, user);
  return call(
    `list(${userId})`,
    (store) => offered(store, 'users').list(userId),
    (now, answer) => list(now, userId, answer),
  );
});

const anyRevoke: fc.Arbitrary<AnyCall> = fc
  .tuple(anyUser, fc.option(anyPick, { nil: undefined, freq: 2 }))
  .map(([user, pick]) => (model) => {
    const userId = userOf(model, user);
    const except = pick && pickToken(model, pick, 'session');
    return call(
      `revoke(${userId}${except === undefined ? '' : ` but ${except.name}`})`,
      (store) => offered(store, 'users').revoke(userId, except?.text),
      (now) => revoke(now, userId, except?.text),
    );
  });

const anyDestroyLogin: fc.Arbitrary<AnyCall> = fc
  .tuple(fc.option(anyUser, { nil: undefined, freq: 2 }), anyPlace, anyUse)
  .map(([user, at, isUseful]) => (model) => {
    const read = model.sessions.filter(({ handle }) => handle !== undefined);
    const useful = model.users.flatMap((userId) => loginsOf(model, userId));
    const known = isUseful && useful.length > 0 ? useful : read;
    const login = known.at(-1 - (at % Math.max(1, known.length)));
    if (login?.handle === undefined) return undefined;
    const { handle, userId: owner = '' } = login;
    const userId = user === undefined ? owner : userOf(model, user);
    return call(
      `destroyLogin(${userId}, login ${model.sessions.indexOf(login)} of ${owner})`,
      (store) => offered(store, 'users').destroyLogin(userId, handle),
      (now) => destroyLogin(now, userId, handle),
    );
  });

const anySetDisabled: fc.Arbitrary<AnyCall> = fc
  .tuple(anyUser, fc.constantFrom(true, false, false))
  .map(([user, disabled]) => (model) => {
    const userId = userOf(model, user);
    return call(
      `setDisabled(${userId}, ${disabled})`,
      (store) => offered(store, 'users').setDisabled(userId, disabled),
      (now) => setDisabled(now, userId, disabled),
    );
  });

/** A sweep has no visible effect. */
const anySweep: fc.Arbitrary<AnyCall> = fc.nat(5).map((limit) => () => {
  return call(
    `sweep(${limit})`,
    async (store) => (await offered(store, 'sweep')(limit)) <= limit,
    () => true,
  );
});

/** Any call of a store with these capabilities. */
export function anyCall(offers: readonly Capability[]): fc.Arbitrary<AnyCall> {
  const weighted: readonly [weight: number, calls: fc.Arbitrary<AnyCall>, needs?: Capability][] = [
    [6, anyCreate],
    [4, anyRotate],
    [3, anyUpdate],
    [4, anyTouch],
    [2, anyDestroy],
    [2, anyForgedRead],
    [5, anyRefresh, 'refresh'],
    // Of what becomes of a family there is more to see.
    [3, anyRotate, 'refresh'],
    [2, anyDestroy, 'refresh'],
    [2, anyList, 'users'],
    [1, anyRevoke, 'users'],
    [1, anyDestroyLogin, 'users'],
    [1, anySetDisabled, 'users'],
    [1, anySweep, 'sweep'],
  ];
  return fc.oneof(
    ...weighted
      .filter(([, , needs]) => needs === undefined || offers.includes(needs))
      .map(([weight, arbitrary]) => ({ weight, arbitrary })),
  );
}
