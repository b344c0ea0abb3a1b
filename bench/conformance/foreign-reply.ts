import type { Contract, Foreign, OperationName } from '../config/contract.ts';
import type { Reply as PlainReply } from '../load/client.ts';
import { setsCookie } from '../load/cookies.ts';
import { fieldIn, isName } from '../load/json-field.ts';

type Reply = PlainReply & { setCookies: readonly string[] };

/** Operations whose success may be a redirect to where strangers are sent, such as a logout to the login form. */
const LEAVING: readonly OperationName[] = ['visit', 'logout'];

/**
 * The reply of an external site with the status that ours would have sent: sites log in by any 2xx or by a redirect,
 * refuse by a redirect to their form, by the status that a stranger gets, or answer a stranger's read with nobody.
 * Checks compare statuses.
 */
export function asOurs(
  name: OperationName,
  reply: Reply,
  contract: Pick<Contract, 'cookie' | 'fields'>,
  { readsNobody, refusal, refusedTo }: Foreign,
): Reply {
  const { status } = reply;
  const isRefusal = status === refusal || (refusedTo !== undefined && redirectOf(reply) === refusedTo);
  const isSuccess = status >= 200 && status < 300;
  const isRedirect = status >= 300 && status < 400;
  if (name === 'read') {
    if (isRedirect || isRefusal || status === 403) return { ...reply, status: 401 };
    return isSuccess ? { ...reply, status: readsNobody && !namesUser(reply, contract) ? 401 : 200 } : reply;
  }
  if (name === 'login' && (isSuccess || isRedirect)) {
    return { ...reply, status: setsCookie(reply.setCookies, contract.cookie) ? 200 : 401 };
  }
  if (isRefusal && !LEAVING.includes(name)) return { ...reply, status: 401 };
  return isSuccess || isRedirect ? { ...reply, status: 200 } : reply;
}

/** The path to which a reply redirects, without its query; `undefined` for any other reply. */
export function redirectOf({ status, headers: { location } }: PlainReply): string | undefined {
  if (status < 300 || status >= 400 || location === undefined) return undefined;
  const base = 'http://site';
  return URL.canParse(location, base) ? new URL(location, base).pathname : undefined;
}

/** Whether the field of the user holds a name. */
export function namesUser(reply: { body: string }, { fields }: Pick<Contract, 'fields'>): boolean {
  return isName(fieldIn(reply.body, fields.user));
}

/** The same for a reply as text: a redirect without the cookie refuses, and so does one that describes nobody. */
export function rawStatus(
  text: string,
  status: number,
  { cookie, fields }: Pick<Contract, 'cookie' | 'fields'>,
  { readsNobody }: Foreign,
): number {
  const setCookies = [...text.matchAll(/^set-cookie: (.*)$/gim)].map(([, line = '']) => line.trimEnd());
  if (setsCookie(setCookies, cookie)) return status;
  if (status >= 300 && status < 400) return 401;
  const describes = text
    .split(/HTTP\/1\.[01] /)
    .some((reply) => namesUser({ body: jsonIn(reply) }, { fields }));
  return status < 300 && readsNobody && !describes ? 401 : status;
}

/** The JSON of a reply as text, also of one in chunks. */
function jsonIn(reply: string): string {
  const body = reply.slice(reply.indexOf('\r\n\r\n') + 4).replace(/\r\n[0-9a-f]+\r\n/gi, '');
  return body.slice(body.indexOf('{'), body.lastIndexOf('}') + 1);
}
