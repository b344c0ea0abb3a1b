/** Shared by checks 37 and 38: the operations that change state, and whether they did. */

import type { Operation, OperationName } from '../../config/contract.ts';
import type { Values } from '../../load/operation.ts';
import { fieldOf, type Login, logIn, logInAtHome } from '../acts.ts';
import type { Browser } from '../browser.ts';
import type { Scene } from '../scene.ts';
import { adminOf } from './logins.ts';

/** An operation that changes state. */
export interface Write {
  name: OperationName;
  operation: Operation;
}

export function writesOf(scene: Scene): Write[] {
  const named = Object.entries(scene.contract.operations) as [OperationName, Operation | undefined][];
  return named.flatMap(([name, operation]) =>
    operation === undefined || operation.method === 'GET' ? [] : [{ name, operation }],
  );
}

/** A user with two logins at one server, in whose name requests are made that must change nothing. */
export interface Victim {
  first: Login;
  second: Login;
  /** True when either login has changed. */
  hasChanged(): Promise<boolean>;
  /** Values with which each operation would succeed, if it were allowed. */
  values: Values;
  /** A browser with the victim's session, or with the administrator's where the operation requires it. */
  browserFor(name: OperationName): Browser;
}

/** Without an administrator in the contract, the administrator's operations use the victim's session. */
export async function findVictim(scene: Scene): Promise<Victim> {
  const first = await logInAtHome(scene);
  // At the same server, so that an operation on "the others" would end this one.
  const at = scene.servers > 0 && first.home !== undefined ? { at: first.home } : {};
  const second = await logIn(scene, { user: first.user, ...at });
  const admin = await adminOf(scene);

  const stateOf = async ({ browser, token }: Login): Promise<string> => {
    const reply = await browser.holding(token).perform('read');
    const { user, data, version } = scene.contract.fields;
    const parts = [user, data, version].map((field) =>
      field === undefined ? undefined : fieldOf(reply, field),
    );
    return JSON.stringify([reply.status, ...parts]);
  };
  const before = [await stateOf(first), await stateOf(second)];

  const values: Values = {
    user: first.user,
    password: scene.password,
    next: `${scene.password}-next`,
    data: 'written-by-another-site',
    handle: await handleOf(scene, first),
    disabled: true,
  };
  return {
    first,
    second,
    hasChanged: async () => (await stateOf(first)) !== before[0] || (await stateOf(second)) !== before[1],
    values,
    browserFor: (name) =>
      admin !== undefined && (name === 'revoke' || name === 'disable')
        ? admin
        : first.browser.holding(first.token),
  };
}

/** The handle of one of the user's logins; a made-up one where the site cannot list them. */
async function handleOf(scene: Scene, { browser, token }: Login): Promise<string> {
  if (scene.contract.operations.list === undefined) return 'no-such-login';
  const handle = fieldOf(await browser.holding(token).perform('list'), 'logins.0.handle');
  return typeof handle === 'string' ? handle : 'no-such-login';
}
