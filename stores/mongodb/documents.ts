/** Sessions and records of users as documents of MongoDB. */

import { Binary, type ObjectId } from 'mongodb';
import type { Listed, UserRecord } from '../logins/record.ts';
import type { Role, StoredSession } from '../store.ts';

/** Text that UTF-8 cannot hold, such as half of a surrogate pair, is kept as the bytes of UTF-16. */
type Text = string | Binary;

export interface SessionDocument {
  /** The SHA-256 of its token. */
  _id: string;
  user?: Text;
  role: Role;
  data: Text;
  version: number;
  createdAtMs: number;
  touchedAtMs: number;
  /** A date, for MongoDB removes documents by it. */
  absoluteExpiry: Date;
}

export interface UserDocument {
  /** The account, as a hash. */
  _id: string;
  /** Another one with each write. */
  stamp: ObjectId;
  isDisabled: boolean;
  logins: readonly Listed[];
  /** When the last login ends; absent while the account is disabled. */
  expiry?: Date;
}

export function textField(text: string): Text {
  return /\p{Surrogate}/u.test(text) ? new Binary(Buffer.from(text, 'utf16le')) : text;
}

const textOf = (field: Text) =>
  typeof field === 'string' ? field : Buffer.from(field.value()).toString('utf16le');

export function toDocument(id: string, session: StoredSession): SessionDocument {
  const { userId, role, data, version, createdAtMs, touchedAtMs, absoluteExpiryMs } = session;
  return {
    _id: id,
    ...(userId === undefined ? {} : { user: textField(userId) }),
    role,
    data: textField(data),
    version,
    createdAtMs,
    touchedAtMs,
    absoluteExpiry: new Date(absoluteExpiryMs),
  };
}

export function toSession(document: SessionDocument): StoredSession {
  const { user, role, data, version, createdAtMs, touchedAtMs, absoluteExpiry } = document;
  return {
    userId: user === undefined ? undefined : textOf(user),
    role,
    data: textOf(data),
    version,
    createdAtMs,
    touchedAtMs,
    absoluteExpiryMs: absoluteExpiry.getTime(),
  };
}

export function toUserDocument(account: string, record: UserRecord, stamp: ObjectId): UserDocument {
  const { isDisabled, logins } = record;
  const expiryMs = Math.max(0, ...logins.map(({ absoluteExpiryMs }) => absoluteExpiryMs));
  return {
    _id: account,
    stamp,
    isDisabled,
    logins,
    ...(isDisabled ? {} : { expiry: new Date(expiryMs) }),
  };
}

export function toRecord({ isDisabled, logins }: UserDocument): UserRecord {
  return { isDisabled, logins };
}

/** What changes with each write of a session: an update counts the version, a touch sets the time. */
export const casOfSession = ({ version, touchedAtMs }: Pick<StoredSession, 'version' | 'touchedAtMs'>) =>
  `${version} ${touchedAtMs}`;

/** The part of a filter that only the session in that state matches. */
export function stateOf(cas: string): Pick<SessionDocument, 'version' | 'touchedAtMs'> {
  const [version = Number.NaN, touchedAtMs = Number.NaN] = cas.split(' ').map(Number);
  return { version, touchedAtMs };
}
