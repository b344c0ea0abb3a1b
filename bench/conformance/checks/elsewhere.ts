/** For check 37: a write as another site can have the browser send it. */

import type { Operation, OperationName } from '../../config/contract.ts';
import { filledBody, filledPath, type Values } from '../../load/operation.ts';
import type { Browser, Reply, SendOptions } from '../browser.ts';
import type { Scene } from '../scene.ts';

/** Headers that say where a request comes from. */
export type Headers = Readonly<Record<string, string>>;

/**
 * Replies to a write with these headers. Ours must refuse the write as it is. An external site may rely on the browser
 * (ASVS 5 V3.5.2): what is not a simple request is only sent once the site has granted it in a reply to OPTIONS (Fetch
 * §4.9). So a body of JSON is sent as text and as a form, and as itself where the site grants that.
 * @returns none where a browser would send nothing.
 */
export async function elsewhere(
  scene: Scene,
  open: () => Browser,
  name: OperationName,
  values: Values,
  headers: Headers,
): Promise<Reply[]> {
  const operation = scene.contract.operations[name];
  if (scene.own !== undefined || operation === undefined || isSimple(operation))
    return [await open().perform(name, values, { withoutOrigin: true, headers })];
  const replies: Reply[] = [];
  const variants: SendOptions[] = operation.method === 'POST' ? simpleBodies(operation, values) : [];
  if (await isGranted(open(), operation, values, headers)) variants.push({});
  for (const variant of variants) {
    const all = { ...headers, ...variant.headers };
    replies.push(await open().perform(name, values, { ...variant, withoutOrigin: true, headers: all }));
  }
  return replies;
}

/** Whether a form of HTML could send it. */
const isSimple = ({ method, body, encoding }: Operation) =>
  method === 'POST' && (body === undefined || encoding === 'form');

/** The fields of the operation under the types that need no grant (Fetch, "CORS-safelisted request-header"). */
function simpleBodies({ body = {} }: Operation, values: Values): SendOptions[] {
  const filled = filledBody(body, values);
  const text = JSON.stringify(filled);
  const fields = Object.entries(filled).map(([field, value]): [string, string] => [field, String(value)]);
  const typed = (type: string, body: string) => ({ body, headers: { 'content-type': type } });
  return [
    typed('text/plain;charset=UTF-8', text),
    typed('application/x-www-form-urlencoded', new URLSearchParams(fields).toString()),
  ];
}

/** Whether the site lets another origin send this, with cookies. A request without an origin is never asked for. */
async function isGranted(
  browser: Browser,
  { method, path, body }: Operation,
  values: Values,
  { origin }: Headers,
): Promise<boolean> {
  if (origin === undefined) return false;
  const asked = {
    origin,
    'access-control-request-method': method,
    ...(body === undefined ? {} : { 'access-control-request-headers': 'content-type' }),
  };
  // A preflight carries no cookies.
  const bare = browser.holding('');
  bare.cookies.clear();
  const reply = await bare.send('OPTIONS', filledPath(path, values), {
    withoutOrigin: true,
    headers: asked,
  });
  const wordsOf = (header: string) =>
    [reply.headers[header] ?? '']
      .flat()
      .join()
      .toLowerCase()
      .split(',')
      .map((word) => word.trim());
  const [granted = ''] = wordsOf('access-control-allow-origin');
  return (
    reply.status >= 200 &&
    reply.status < 300 &&
    granted === origin.toLowerCase() &&
    wordsOf('access-control-allow-credentials').includes('true') &&
    (method === 'POST' || wordsOf('access-control-allow-methods').includes(method.toLowerCase())) &&
    (body === undefined || wordsOf('access-control-allow-headers').includes('content-type'))
  );
}
