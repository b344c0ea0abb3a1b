/**
 * Where the keys of a session stand, and what its token is.
 *
 * On one Redis all keys begin with the namespace. On a cluster each script must find its keys in one slot, so all keys
 * of a user share a hash tag, `NAMESPACE:{tag}`, and a token begins with it: a read knows the token alone.
 */

import { hash, randomBytes } from 'node:crypto';
import { hasTokenShape, idOfToken, newToken, newTokenWithId } from '../token.ts';

/** What the keys of one slot begin with. */
export interface Space {
  /** The first characters of its tokens; empty on one Redis. */
  readonly tag: string;
  /** Before `:u:USER` and `:d:USER`. */
  readonly name: string;
  /** Before the id of a session. */
  readonly sessions: string;
}

export interface Place {
  /** Id of the session: the hash of its whole token. */
  id: string;
  space: Space;
}

export interface NewPlace extends Place {
  token: string;
}

export interface Spaces {
  /**
   * A fresh token and its place: in the space of its user, else in this one, else in any.
   * @param user as `encodeUser` has it; empty for none.
   */
  begin(user: string, space?: Space): NewPlace;
  /** The place of a token; `undefined` for text that cannot be one. */
  placeOf(token: string): Place | undefined;
  /** @param user as `encodeUser` has it. */
  ofUser(user: string): Space;
}

/**
 * Characters of a tag: 4,096 tags spread users over any usual number of primaries, and one that is seen tells no more
 * of a user than 12 bits of a hash. A key of the servers would hide that too, but a server with another key would not
 * find a user's logins, and a revocation would miss them.
 */
const TAG_LENGTH = 2;
const TAG_SHAPE = /^[A-Za-z0-9_-]{2}$/;

/** On one Redis: one space, and the tokens of every other backend. */
export function oneSpace(namespace: string): Spaces {
  const space: Space = { tag: '', name: namespace, sessions: `${namespace}:s:` };
  return {
    begin: () => ({ ...newTokenWithId(), space }),
    placeOf(token) {
      const id = idOfToken(token);
      return id === undefined ? undefined : { id, space };
    },
    ofUser: () => space,
  };
}

/** On a cluster: a space for each tag. */
export function taggedSpaces(namespace: string): Spaces {
  const spaceOf = (tag: string): Space => {
    const name = `${namespace}:{${tag}}`;
    return { tag, name, sessions: `${name}:s:` };
  };
  // Of the whole token: with another tag it is another one.
  const idOf = (token: string) => hash('sha256', token, 'base64url');
  return {
    begin(user, space) {
      const tag = user === '' ? (space?.tag ?? anyTag()) : tagOf(user);
      const token = tag + newToken();
      return { token, id: idOf(token), space: spaceOf(tag) };
    },
    placeOf(token) {
      const tag = token.slice(0, TAG_LENGTH);
      if (!TAG_SHAPE.test(tag) || !hasTokenShape(token.slice(TAG_LENGTH))) return undefined;
      return { id: idOf(token), space: spaceOf(tag) };
    },
    ofUser: (user) => spaceOf(tagOf(user)),
  };
}

const tagOf = (user: string) => hash('sha256', user, 'base64url').slice(0, TAG_LENGTH);
const anyTag = () => randomBytes(TAG_LENGTH).toString('base64url').slice(0, TAG_LENGTH);
