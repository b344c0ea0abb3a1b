import type { Role, StoredSession } from '../store.ts';

/**
 * A session as the text of one item: a line of fields that are separated by spaces, then the data as it is.
 *
 *     touched absolute-expiry created version role+encoding user
 *     data
 */
export function encodeSession(session: StoredSession): string {
  const { touchedAtMs, absoluteExpiryMs, createdAtMs, version, role, userId, data } = session;
  // UTF-8 cannot hold a lone surrogate, such as "\ud800" in a request; JSON can.
  const isOdd = /\p{Surrogate}/u.test(data);
  const kind = `${role === 'admin' ? 'a' : 'u'}${isOdd ? 'j' : 't'}`;
  const head = `${touchedAtMs} ${absoluteExpiryMs} ${createdAtMs} ${version} ${kind} ${encodeUser(userId)}`;
  return `${head}\n${isOdd ? JSON.stringify(data) : data}`;
}

/** The session in a text that {@link encodeSession} returned. */
export function decodeSession(text: string): StoredSession {
  const end = text.indexOf('\n');
  const [touched, absolute, created, version, kind = '', user = ''] = text.slice(0, end).split(' ');
  const data = text.slice(end + 1);
  const role: Role = kind[0] === 'a' ? 'admin' : 'user';
  return {
    touchedAtMs: Number(touched),
    absoluteExpiryMs: Number(absolute),
    createdAtMs: Number(created),
    version: Number(version),
    role,
    userId: decodeUser(user),
    data: kind[1] === 'j' ? (JSON.parse(data) as string) : data,
  };
}

/** Empty for no user; `=` and the name; as JSON without spaces where it has other than the usual letters. */
function encodeUser(userId: string | undefined): string {
  if (userId === undefined) return '';
  if (/^[A-Za-z0-9_.@-]*$/.test(userId)) return `=${userId}`;
  return JSON.stringify(userId).replaceAll(' ', '\\u0020');
}

function decodeUser(field: string): string | undefined {
  if (field === '') return undefined;
  return field[0] === '=' ? field.slice(1) : (JSON.parse(field) as string);
}
