import type { Reply } from '../browser.ts';
import { type Check, mustHold, verdict } from '../check.ts';
import type { Scene } from '../scene.ts';
import { describeReplies, expectReply } from './logins.ts';
import { findVictim, type Victim, type Write, writesOf } from './writes.ts';

/** 38. */
export const SAFE_METHODS_CHECK: Check = {
  id: '38',
  title: 'No GET or HEAD changes state, not even with an override to another method',
  source: 'ASVS 5 V3.5.3',
  expect: () => mustHold,
  async observe(scene) {
    let victim = await findVictim(scene);
    const writes = writesOf(scene);
    const replies: Reply[] = [];
    const changing: string[] = [];
    let issued = 0;
    for (const write of writes) {
      const answers = await askSafely(victim, write);
      replies.push(...answers);
      if (await victim.hasChanged()) {
        changing.push(write.name);
        victim = await findVictim(scene);
      }
      // A read may renew the token: that is a touch, which is legitimate on the path of a read.
      if (!isReadPath(scene, write)) issued += answers.filter((reply) => issuesSession(scene, reply)).length;
    }
    const evidence =
      `${changing.length} of ${writes.length} paths of writes (${replies.length} requests by GET and HEAD, replies: ` +
      `${describeReplies(replies)}) changed a session${changing.length === 0 ? '' : `: ${changing.join(', ')}`}; ` +
      `${issued} replies set the session cookie`;
    return verdict(changing.length + issued === 0, evidence);
  },
};

/** Requests the path of a write by safe methods, with and without the method overrides of some frameworks. */
async function askSafely(victim: Victim, { name, operation }: Write): Promise<Reply[]> {
  const { method } = operation;
  const path = filled(operation.path, victim);
  const query = queryOf(victim, { name, operation });
  const override = {
    'x-http-method-override': method,
    'x-http-method': method,
    'x-method-override': method,
  };
  const requests = [
    { method: 'GET', path },
    { method: 'HEAD', path },
    { method: 'GET', path: `${path}?${query}` },
    { method: 'GET', path: `${path}?${query}`, headers: override },
    { method: 'HEAD', path, headers: override },
  ];
  const replies: Reply[] = [];
  for (const request of requests) {
    const options = request.headers === undefined ? {} : { headers: request.headers };
    const reply = await victim.browserFor(name).send(request.method, request.path, options);
    replies.push(expectReply(reply, `a ${request.method} on the path of ${name}`));
  }
  return replies;
}

function filled(path: string, { values }: Victim): string {
  return path.replaceAll(/\{(\w+)\}/g, (_, key: string) =>
    encodeURIComponent(String((values as Readonly<Record<string, unknown>>)[key] ?? '')),
  );
}

/** The fields of the body as a query, and the intended method. Never a password, for URLs are logged. */
function queryOf(victim: Victim, { operation }: Write): string {
  const query = new URLSearchParams({ _method: operation.method });
  for (const [field, value] of Object.entries(operation.body ?? {})) {
    if (value !== '{password}' && value !== '{next}') query.set(field, unwrapped(String(value), victim));
  }
  return query.toString();
}

function unwrapped(template: string, victim: Victim): string {
  return decodeURIComponent(filled(template, victim));
}

function isReadPath({ contract }: Scene, { operation }: Write): boolean {
  return Object.values(contract.operations).some(
    (other) => other?.method === 'GET' && other.path === operation.path,
  );
}

function issuesSession({ contract }: Scene, { setCookies }: Reply): boolean {
  return setCookies.some((line) => line.startsWith(`${contract.cookie}=`));
}
