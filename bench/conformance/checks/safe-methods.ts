import { filledBody, filledPath } from '../../load/operation.ts';
import type { Reply } from '../browser.ts';
import { type Check, mustHold, verdict } from '../check.ts';
import type { Scene } from '../scene.ts';
import { describeReplies, expectReply } from './logins.ts';
import { cookiesOf } from './tour.ts';
import { findVictim, type Victim, type Write, writesOf } from './writes.ts';

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
      const { answers, sent } = await askSafely(victim, write);
      replies.push(...answers);
      if (await victim.hasChanged()) {
        changing.push(write.name);
        victim = await findVictim(scene);
      }
      // A read may renew the token: that is a touch, which is legitimate on the path of a read.
      if (!isReadPath(scene, write))
        issued += answers.filter((reply) => issuesSession(scene, reply, sent)).length;
    }
    const evidence =
      `${changing.length} of ${writes.length} paths of writes (${replies.length} requests by GET and HEAD, replies: ` +
      `${describeReplies(replies)}) changed a session${changing.length === 0 ? '' : `: ${changing.join(', ')}`}; ` +
      `${issued} replies set the session cookie`;
    return verdict(changing.length + issued === 0, evidence);
  },
};

/** Requests the path of a write by safe methods, with and without the method overrides of some frameworks. */
async function askSafely(
  victim: Victim,
  { name, operation }: Write,
): Promise<{ answers: Reply[]; sent: string | undefined }> {
  const { method } = operation;
  const path = filledPath(operation.path, victim.values);
  // The fields of the body, and the intended method. Never a password, for URLs are logged.
  const { password: _password, next: _next, ...values } = victim.values;
  const body = Object.entries(filledBody(operation.body ?? {}, values));
  const fields = body.map(([field, value]): [string, string] => [field, String(value)]);
  const query = new URLSearchParams([['_method', method], ...fields]);
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
  const answers: Reply[] = [];
  const sent = victim.browserFor(name).token();
  for (const request of requests) {
    const options = request.headers === undefined ? {} : { headers: request.headers };
    const reply = await victim.browserFor(name).send(request.method, request.path, options);
    answers.push(expectReply(reply, `a ${request.method} on the path of ${name}`));
  }
  return { answers, sent };
}

function isReadPath({ contract }: Scene, { operation }: Write): boolean {
  return Object.values(contract.operations).some(
    (other) => other?.method === 'GET' && other.path === operation.path,
  );
}

/** An external site may set the cookie that it was sent again, to prolong it in the browser. */
function issuesSession({ contract, own }: Scene, reply: Reply, sent: string | undefined): boolean {
  const lines = cookiesOf([{ operation: 'read', reply }], [contract.cookie]);
  return lines.some(({ value }) => own !== undefined || value !== sent);
}
