import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ServerConfig } from '../../servers/config.ts';
import { BenchError } from '../errors.ts';
import { type Guard, openGuard } from './processes/guard.ts';
import { startProgram } from './processes/process.ts';
import { isRunning } from './processes/process-identity.ts';
import { buildPrograms } from './programs.ts';
import { startServer } from './server.ts';
import { differenceFrom, echoOf } from './server-echo.ts';

describe('a server that runs something else than configured', () => {
  const sent = { store: 'jwt', options: { alg: 'HS256', lib: 'fast-jwt', cache: 'off' } };
  test.each<[string, Record<string, string>, string | undefined]>([
    ['the same', { alg: 'HS256', lib: 'fast-jwt', cache: 'off' }, undefined],
    ['and an additional option', { ...sent.options, later: 'x' }, undefined],
    ['without an option whose absence means the value sent', { alg: 'HS256', lib: 'fast-jwt' }, undefined],
    ['another value', { alg: 'ES256', lib: 'fast-jwt', cache: 'off' }, 'alg=ES256'],
    ['without an option whose absence means another', { alg: 'HS256', cache: 'off' }, 'no option lib'],
  ])('%s', (_, options, difference) => {
    expect(differenceFrom(sent, { store: 'jwt', options })).toBe(difference);
  });

  test('an absent library is jsonwebtoken, so that a server of before the choice is taken for what it is', () => {
    const old = { ...sent, options: { ...sent.options, lib: 'jsonwebtoken' } };
    expect(differenceFrom(old, { store: 'jwt', options: { alg: 'HS256' } })).toBeUndefined();
  });

  test('another backend; a server too old to say', () => {
    expect(differenceFrom(sent, { store: 'redis', options: {} })).toBe('store redis');
    expect(echoOf({ type: 'ready', port: 1 })).toBeUndefined();
  });
});

describe('a started server', () => {
  const directory = mkdtempSync(join(tmpdir(), 'sb-echo-'));
  let guard: Guard;
  beforeAll(async () => {
    guard = await openGuard();
  });
  afterAll(async () => {
    await guard.close();
    rmSync(directory, { recursive: true, force: true });
  });
  const config = (store: string, options: Record<string, string>): ServerConfig =>
    ({
      id: 's1',
      port: 0,
      store,
      options,
      secret: 'c'.repeat(64),
      password: 'hunter22',
      adminPassword: 'hunter33',
    }) as never;
  const start = (program: string, store: string, options: Record<string, string>, side?: 'base') =>
    startServer(
      config(store, options),
      { guard, signal: new AbortController().signal, programs: { server: program } },
      side,
    );

  test('says its backend and its options, defaults filled in', async () => {
    const { server: program } = await buildPrograms();
    const server = await start(program, 'jwt', { lib: 'jsonwebtoken' });
    expect(echoOf(server.message)).toEqual({
      store: 'jwt',
      options: { alg: 'HS256', lib: 'jsonwebtoken', cache: 'off' },
    });
    await server.stop();
  });

  test('does not start with a value that its backend does not have', async () => {
    const { server: program } = await buildPrograms();
    await expect(start(program, 'jwt', { lib: 'none' })).rejects.toThrow(
      'expected lib to be one of fast-jwt',
    );
  });

  test('does not lose its compiled code while it waits for its turn, like any program of ours', async () => {
    const program = join(directory, 'flags.mjs');
    writeFileSync(
      program,
      `process.on('disconnect', () => process.exit());
       process.send({ type: 'ready', port: 1, store: 'jwt', options: {}, flags: process.execArgv });`,
    );
    const signal = new AbortController().signal;
    for (const started of [
      await start(program, 'jwt', {}, 'base'),
      await startProgram(program, 'GENERATOR_FAILED', { name: 'generator', guard, signal }),
    ]) {
      expect(started.message).toMatchObject({ flags: expect.arrayContaining(['--no-memory-reducer']) });
      await started.stop();
    }
  });

  test.each(['base', undefined] as const)(
    'that does not say what it runs is refused, unless it is of an older commit (side %s)',
    async (side) => {
      const program = join(directory, 'silent.mjs');
      writeFileSync(
        program,
        "process.on('disconnect', () => process.exit()); process.send({ type: 'ready', port: 1 });",
      );
      const started = start(program, 'jwt', { lib: 'fast-jwt' }, side);
      if (side === undefined) await expect(started).rejects.toThrow('got no report of it');
      else await (await started).stop();
    },
  );

  test.each(['base', undefined] as const)(
    'that runs something else is refused and stopped (side %s)',
    async (side) => {
      const program = join(directory, 'other.mjs');
      writeFileSync(
        program,
        `import { writeFileSync } from 'node:fs';
       writeFileSync(${JSON.stringify(join(directory, 'pid'))}, String(process.pid));
       process.on('disconnect', () => process.exit());
       process.send({ type: 'ready', port: 1, store: 'jwt', options: { alg: 'HS256' } });`,
      );
      const error = await start(program, 'jwt', { alg: 'HS256', lib: 'fast-jwt' }, side).then(
        () => undefined,
        (reason: unknown) => reason,
      );
      expect(error).toBeInstanceOf(BenchError);
      expect(String(error)).toContain(
        `ARM_DIFFERS: expected server s1${side === 'base' ? ' of the baseline' : ''} to run jwt:alg=HS256;lib=fast-jwt, got no option lib.`,
      );
      expect(isRunning(Number(readFileSync(join(directory, 'pid'), 'utf8')))).toBe(false);
    },
  );
});
