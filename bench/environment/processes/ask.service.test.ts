import { afterAll, beforeAll, expect, test } from 'vitest';
import { ask } from './ask.ts';
import { type Guard, openGuard } from './guard.ts';
import { type StartedProcess, startProcess } from './process.ts';

const FAILURE = { code: 'SERVER_FAILED', remedy: 'Look at its output.' } as const;
const ECHO = `
  process.on('message', (message) => { if (message.type !== 'silence') process.send({ type: 'reply', to: message.type }); });
  process.send({ type: 'ready', port: 4711 });
`;

let guard: Guard;
beforeAll(async () => {
  guard = await openGuard();
});
afterAll(() => guard.close());

function startEcho(): Promise<StartedProcess> {
  const program = { name: 'example', command: process.execPath, args: ['-e', ECHO] };
  return startProcess({ ...program, ready: 'ipc', timeoutMs: 5_000, guard, failure: FAILURE });
}

test('returns the reply, and names the process that does not reply in time', async () => {
  const echo = await startEcho();
  expect(await ask(echo, { type: 'stats' }, 5_000, FAILURE)).toEqual({ type: 'reply', to: 'stats' });
  await expect(ask(echo, { type: 'silence' }, 200, FAILURE)).rejects.toMatchObject({
    code: 'SERVER_FAILED',
    details: { expected: 'example to reply to "silence" within 0.2 s', got: 'no reply' },
  });
  await echo.stop();
});

test('one that has just been killed is named with its end, not with the broken channel', async () => {
  const echo = await startEcho();
  process.kill(echo.pid, 'SIGKILL');
  // Its channel is broken now, and its exit not yet reported to this process.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
  await expect(ask(echo, { type: 'stats' }, 5_000, FAILURE)).rejects.toMatchObject({
    code: 'SERVER_FAILED',
    details: { got: expect.stringMatching(/^an end by SIGKILL/) },
  });
  await echo.stop();
});

test('one that ends while it is asked is named with its end', async () => {
  const echo = await startEcho();
  const reply = ask(echo, { type: 'silence' }, 5_000, FAILURE);
  process.kill(echo.pid, 'SIGKILL');
  await expect(reply).rejects.toMatchObject({
    details: { got: expect.stringMatching(/^an end by SIGKILL/) },
  });
  await echo.stop();
});
