/**
 * Where the tokens of a session are in a request and in a reply: in cookies, or in headers (`Authorization: Bearer`, RFC
 * 6750). A browser keeps both in its jar under the names of the cookies, so that checks need not know which it is.
 */

import { REFRESH_HEADER, TOKEN_HEADER } from '../../servers/protocol.ts';
import type { Contract } from '../config/contract.ts';

type Names = Pick<Contract, 'cookie' | 'refreshCookie' | 'transport'>;
type Headers = Record<string, string>;

/** Headers of a reply that carry a token. */
export const TOKEN_HEADERS: readonly string[] = ['set-cookie', TOKEN_HEADER, REFRESH_HEADER];

/** The headers of a request that carry what is in a jar; none for an empty one. */
export function headersFor(jar: ReadonlyMap<string, string>, names: Names): Headers {
  const cookies = new Map(jar);
  const headers: Headers = {};
  if (names.transport === 'bearer') {
    const take = (name: string | undefined) => {
      const token = name === undefined ? undefined : cookies.get(name);
      if (name !== undefined) cookies.delete(name);
      return token;
    };
    const [token, refresh] = [take(names.cookie), take(names.refreshCookie)];
    if (token !== undefined) headers['authorization'] = `Bearer ${token}`;
    if (refresh !== undefined) headers[REFRESH_HEADER] = refresh;
  }
  const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  return cookie === '' ? headers : { ...headers, cookie };
}

/** The same as lines of a request, for one that is written out. */
export function linesFor(jar: ReadonlyMap<string, string>, names: Names): string {
  return Object.entries(headersFor(jar, names))
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('');
}

/** The jar that holds only this session token. */
export const jarOf = ({ cookie }: Names, token: string): ReadonlyMap<string, string> =>
  new Map([[cookie, token]]);

/** The lines of Set-Cookie of a reply; a token in a header as the line that would set its cookie. */
export function setCookiesIn(headers: NodeJS.Dict<string | string[]>, names: Names): string[] {
  const lines = [headers['set-cookie'] ?? []].flat();
  if (names.transport !== 'bearer') return lines;
  const inHeader = (header: string, name: string | undefined) => {
    const token = headers[header];
    if (name === undefined || typeof token !== 'string') return [];
    return [token === '' ? `${name}=; Max-Age=0` : `${name}=${token}`];
  };
  return [
    ...lines,
    ...inHeader(TOKEN_HEADER, names.cookie),
    ...inHeader(REFRESH_HEADER, names.refreshCookie),
  ];
}
