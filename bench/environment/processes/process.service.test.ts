import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../../../stores/free-port.ts';
import { type Guard, openGuard } from './guard.ts';
import { type ProcessOptions, type StartedProcess, startProcess } from './process.ts';
import { isRunning, sendSignal } from './process-identity.ts';

const HOST = '127.0.0.1';
/** Starts a grandchild, says its pid on stdout, and lives on. */
const WITH_GRANDCHILD = `
  const child = require('node:child_process').spawn('sleep', ['60']);
  console.log('grandchild ' + child.pid);
  setInterval(() => {}, 1000);
`;
const FOREVER = 'setInterval(() => {}, 1000);';
const READY = `process.send({ type: 'ready', port: 4711 }); ${FOREVER}`;

let guard: Guard;
beforeAll(async () => {
  guard = await openGuard();
});
afterAll(() => guard.close());

function options(script: string, more: Partial<ProcessOptions> = {}): ProcessOptions {
  return {
    name: 'example',
    command: process.execPath,
    args: ['-e', script],
    ready: 'spawned',
    timeoutMs: 5_000,
    guard,
    failure: { code: 'SERVER_FAILED', remedy: 'Look at its output.' },
    ...more,
  };
}

/** The guard of the tests, which records the pid of the last watched process. */
function observedGuard(): { guard: Guard; pid: () => number } {
  let pid = 0;
  const watchProcess: Guard['watchProcess'] = (child, stopSignal) => {
    pid = child;
    guard.watchProcess(child, stopSignal);
  };
  return { guard: { ...guard, watchProcess }, pid: () => pid };
}

async function until(check: () => boolean, timeoutMs = 3_000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!check()) {
    if (Date.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${check}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function pidIn(started: StartedProcess, word: string): Promise<number> {
  const pattern = new RegExp(`${word} (\\d+)`);
  await until(() => pattern.test(started.outputTail()));
  return Number(pattern.exec(started.outputTail())?.[1]);
}

/** Pid that a script which never became ready has printed, as its error tells. */
function pidInError(error: unknown): number {
  return Number(/pid (\d+)/.exec(String(error))?.[1]);
}

describe('readiness', () => {
  it('ipc: resolves with the port of the message, and the channel stays open both ways', async () => {
    const echo = `process.on('message', (message) => process.send({ echo: message })); ${READY}`;
    const started = await startProcess(options(echo, { ready: 'ipc' }));
    expect(started.port).toBe(4711);
    const answer = new Promise((resolve) => started.child.once('message', resolve));
    started.child.send({ hello: 1 });
    expect(await answer).toEqual({ echo: { hello: 1 } });
    await started.stop();
  });

  it('tcp: resolves once the port takes connections', async () => {
    const port = await freePort(HOST);
    const listen = `setTimeout(() => require('node:net').createServer().listen(${port}, '${HOST}'), 100)`;
    const started = await startProcess(options(listen, { ready: { tcp: { host: HOST, port } } }));
    expect(started.port).toBe(port);
    await started.stop();
  });

  it('check: polls until it returns true; a throw ends the start, and the process', async () => {
    let asked = 0;
    const patient = await startProcess(options(FOREVER, { ready: { check: async () => ++asked === 3 } }));
    expect(asked).toBe(3);
    await patient.stop();

    const observed = observedGuard();
    const check = async (): Promise<boolean> => {
      throw new Error('wrong password');
    };
    await expect(startProcess(options(FOREVER, { ready: { check }, guard: observed.guard }))).rejects.toThrow(
      'wrong password',
    );
    expect(isRunning(observed.pid())).toBe(false);
  });
});

describe('a start that fails', () => {
  it('exit before ready: the code of the caller, the exit code and the last words', async () => {
    const script = `console.error('no such file: app.conf'); process.exitCode = 7;`;
    await expect(startProcess(options(script, { ready: 'ipc' }))).rejects.toMatchObject({
      code: 'SERVER_FAILED',
      message: expect.stringMatching(
        /exit code 7 after \d+ ms, with the output "no such file: app.conf".*Look at its output/,
      ),
    });
  });

  it('a taken port is PORT_IN_USE', async () => {
    const occupant = createServer();
    await new Promise<void>((resolve) => occupant.listen(0, HOST, resolve));
    const { port } = occupant.address() as { port: number };
    const script = `require('node:net').createServer().listen(${port}, '${HOST}')`;
    await expect(startProcess(options(script, { ready: 'ipc' }))).rejects.toMatchObject({
      code: 'PORT_IN_USE',
    });
    await new Promise((resolve) => occupant.close(resolve));
  });

  it('timeout: nothing is left running, not even one that ignores TERM', async () => {
    const script = `process.on('SIGTERM', () => {}); console.log('pid ' + process.pid); ${FOREVER}`;
    const slow = startProcess(options(script, { ready: 'ipc', timeoutMs: 500, stopTimeoutMs: 200 }));
    const error = await slow.catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: 'SERVER_FAILED',
      message: expect.stringContaining('nothing in 500 ms'),
    });
    expect(pidInError(error)).toBeGreaterThan(1);
    expect(isRunning(pidInError(error))).toBe(false);
  });

  it('a command that is not there', async () => {
    const missing = startProcess(options('', { command: '/nowhere/server' }));
    await expect(missing).rejects.toMatchObject({
      code: 'SERVER_FAILED',
      message: expect.stringContaining('no such command or directory: /nowhere/server'),
    });
  });

  it('an abort ends the start with its reason, and the process', async () => {
    const controller = new AbortController();
    const reason = new Error('Ctrl-C');
    const observed = observedGuard();
    setTimeout(() => controller.abort(reason), 100);
    const aborted = startProcess(
      options(FOREVER, { ready: 'ipc', signal: controller.signal, guard: observed.guard }),
    );
    await expect(aborted).rejects.toBe(reason);
    expect(isRunning(observed.pid())).toBe(false);
  });

  it('a lost guard: what it cannot watch does not run', async () => {
    let pid = 0;
    const lost: Guard = {
      ...guard,
      watchProcess(child) {
        pid = child;
        throw new Error('the guard is lost');
      },
    };
    await expect(startProcess(options(FOREVER, { guard: lost }))).rejects.toThrow('the guard is lost');
    await until(() => !isRunning(pid));
  });
});

describe('stop', () => {
  it('asks first: a process that drains on TERM exits by itself', async () => {
    const script = `process.on('SIGTERM', () => process.exit(0)); ${READY}`;
    const started = await startProcess(options(script, { ready: 'ipc' }));
    await started.stop();
    expect(await started.exited).toEqual({ code: 0, signal: null });
  });

  it('kills what ignores TERM, after the time given, and once only', async () => {
    const script = `process.on('SIGTERM', () => {}); ${READY}`;
    const started = await startProcess(options(script, { ready: 'ipc', stopTimeoutMs: 300 }));
    const startedAt = Date.now();
    await Promise.all([started.stop(), started.stop()]);
    await started.stop();
    expect(await started.exited).toEqual({ code: null, signal: 'SIGKILL' });
    expect(Date.now() - startedAt).toBeGreaterThanOrEqual(290);
    expect(isRunning(started.pid)).toBe(false);
  });

  it('leaves no grandchild behind', async () => {
    const started = await startProcess(options(WITH_GRANDCHILD));
    const grandchild = await pidIn(started, 'grandchild');
    expect(isRunning(grandchild)).toBe(true);
    await started.stop();
    await until(() => !isRunning(grandchild));
  });

  it('leaves no grandchild behind when the process is killed from outside', async () => {
    const started = await startProcess(options(WITH_GRANDCHILD));
    const grandchild = await pidIn(started, 'grandchild');
    process.kill(started.pid, 'SIGKILL');
    await until(() => !isRunning(grandchild));
    await started.stop();
  });
});

describe('a started process', () => {
  it('reports an unexpected exit, also to a late listener, but not a stop', async () => {
    const killed = await startProcess(options(READY, { ready: 'ipc' }));
    const told = new Promise((resolve) => killed.onUnexpectedExit(resolve));
    process.kill(killed.pid, 'SIGKILL');
    expect(await told).toEqual({ code: null, signal: 'SIGKILL' });
    expect(await new Promise((resolve) => killed.onUnexpectedExit(resolve))).toEqual({
      code: null,
      signal: 'SIGKILL',
    });

    const stopped = await startProcess(options(READY, { ready: 'ipc' }));
    let isTold = false;
    stopped.onUnexpectedExit(() => {
      isTold = true;
    });
    await stopped.stop();
    expect(isTold).toBe(false);
  });

  it('leads a group and a session of its own, so that Ctrl-C does not reach it', async () => {
    const started = await startProcess(options(READY, { ready: 'ipc' }));
    expect(sendSignal(-started.pid, 0)).toBe(true);
    await started.stop();
  });

  it('gets a minimal environment, with what is given and where its libraries are', async () => {
    process.env['SESSION_BENCH_EXAMPLE'] = 'must not pass';
    process.env['LD_LIBRARY_PATH'] = '/opt/its/lib';
    const script = `console.log('env ' + JSON.stringify(process.env)); ${READY}`;
    const started = await startProcess(options(script, { ready: 'ipc', env: { GIVEN: 'yes' } }));
    await until(() => started.outputTail().includes('}'));
    expect(started.outputTail()).toContain('"GIVEN":"yes"');
    expect(started.outputTail()).toContain('"PATH"');
    expect(started.outputTail()).toContain('"LD_LIBRARY_PATH":"/opt/its/lib"');
    expect(started.outputTail()).not.toContain('must not pass');
    delete process.env['LD_LIBRARY_PATH'];
    await started.stop();
  });

  it('keeps the end of its output, in bounds, without secrets', async () => {
    const script = `
      console.log('x'.repeat(100000));
      console.error('user hunter2 at redis://:pa55@host:1 end');
      ${READY}
    `;
    const started = await startProcess(options(script, { ready: 'ipc', secrets: ['hunter2', ''] }));
    await until(() => started.outputTail().endsWith('end'));
    expect(started.outputTail().length).toBeLessThanOrEqual(16_384);
    expect(started.outputTail()).toMatch(/x\nuser \*\*\* at redis:\/\/:\*\*\*@host:1 end$/);
    await started.stop();
  });
});
