import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { printSeed } from '../../stores/suite/seed.ts';
import { COMMON_TRAITS, type Contract } from '../config/contract.ts';
import { BenchError } from '../errors.ts';
import { parseConformance } from './config.ts';
import { lookAt } from './external-site.ts';

/** Contracts and replies as nobody would write them. */
const seed = printSeed('fuzzer of contracts');
const folder = mkdtempSync(join(tmpdir(), 'session-bench-fuzz-'));
const file = join(folder, 'contract.json');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const SECRET = 'hunter2-secret';
const VALID = {
  name: 'shop',
  cookie: 'sid',
  origin: 'https://shop.example',
  csrfHeader: 'x-csrf',
  host: 'shop.example:8080',
  headers: { 'x-key': SECRET },
  operations: {
    login: { method: 'POST', path: '/login', body: { u: '{user}', nested: { p: '{password}' } } },
    read: { method: 'GET', path: '/me?x={user}' },
    logout: { method: 'POST', path: '/logout', encoding: 'form' },
  },
  fields: { user: 'profile.name' },
  users: 'u{n}',
  password: SECRET,
  admin: { user: 'root', password: SECRET },
  requestsPerSecond: 5,
  servers: ['http://127.0.0.1:1'],
  loginCap: 3,
  failedLoginLimit: 5,
  traits: COMMON_TRAITS,
};

const target = 'http://127.0.0.1:8080';

/** The contract as it was read, or the line that refuses it. Any other error is thrown. */
function read(text: string): Contract | string {
  writeFileSync(file, text);
  try {
    const { external } = parseConformance({ target, contract: file }, {});
    return external?.contract ?? 'none';
  } catch (error) {
    if (!(error instanceof BenchError)) throw error;
    expect(error.code).toBe('USAGE');
    // The path of the file stands in it, and nothing of what the file says but names of fields.
    expect(error.message).toMatch(/^USAGE: expected .+, got .+\. Correct .+\.$/);
    expect(error.message).not.toContain(SECRET);
    expect(error.message).not.toMatch(/\p{Cc}/u);
    expect(error.message.length).toBeLessThan(700);
    return error.message;
  }
}

type Path = readonly (string | number)[];

/** The paths of all fields within a value. */
function pathsIn(value: unknown, before: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [before];
  return [before, ...Object.entries(value).flatMap(([key, one]) => pathsIn(one, [...before, key]))];
}

function withChange(value: unknown, path: Path, change: (old: unknown) => unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return change(value);
  const copy = (Array.isArray(value) ? [...value] : { ...(value as object) }) as Record<string, unknown>;
  copy[key] = withChange(copy[key], rest, change);
  return copy;
}

const odd = fc.oneof(
  fc.jsonValue(),
  fc.string({ unit: 'binary' }),
  fc.constantFrom<unknown>(
    ...[
      undefined,
      null,
      '',
      SECRET,
      0,
      -1,
      1e308,
      1e-300,
      0.5,
      [],
      {},
      [SECRET],
      { [SECRET.slice(0, 3)]: SECRET },
    ],
    ...[
      '//evil.example',
      '/\\evil.example',
      '/a b',
      '/a\r\nx: y',
      '/#',
      'a\r\nb',
      'ü',
      '{n}',
      '__proto__',
      'javascript:1',
    ],
  ),
);

describe('a contract', () => {
  test('that is valid is read', () => expect(read(JSON.stringify(VALID))).toMatchObject({ name: 'shop' }));

  test('with any fields changed is read, or refused in one line without its secrets', () => {
    const paths = pathsIn(VALID);
    const changes = fc.array(fc.tuple(fc.constantFrom(...paths), odd), { minLength: 1, maxLength: 3 });
    const seen = { read: 0, refused: 0 };
    fc.assert(
      fc.property(changes, (list) => {
        let contract: unknown = VALID;
        for (const [path, value] of list) {
          if (pathsIn(contract).some((one) => one.join('\0') === path.join('\0')))
            contract = withChange(contract, path, () => value);
        }
        const result = read(JSON.stringify(contract) ?? '');
        seen[typeof result === 'string' ? 'refused' : 'read'] += 1;
        if (typeof result === 'string') return;
        // What is read leads to requests to the target, and to no other site.
        for (const { path } of Object.values(result.operations)) {
          expect(new URL(`${path}`, target).origin).toBe(target);
          expect(path).not.toMatch(/[\s\p{Cc}]/u);
        }
        for (const [name, value] of Object.entries(result.headers ?? {}))
          expect(() => new Headers([[name, value]])).not.toThrow();
      }),
      { seed, numRuns: 3_000 },
    );
    expect(Math.min(seen.read, seen.refused)).toBeGreaterThan(20);
  });

  test('that was cut, or has other text in it, is refused in one line without its secrets', () => {
    const text = JSON.stringify(VALID);
    const cut = fc.tuple(
      fc.nat(text.length),
      fc.nat(text.length),
      fc.string({ unit: 'binary', maxLength: 5 }),
    );
    fc.assert(
      fc.property(cut, ([from, to, insert]) => {
        read(text.slice(0, from) + insert + text.slice(Math.max(from, to)));
        read(text.slice(0, from) + insert + text.slice(from));
      }),
      { seed, numRuns: 2_000 },
    );
  });

  test.each([
    [
      'nested without end',
      `{"operations":{"login":{"method":"POST","path":"/","body":${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}}}}`,
    ],
    ['an array without end', '['.repeat(100_000)],
    ['nothing', ''],
    ['a secret that is not quoted', `{"password": ${SECRET}}`],
    [
      'a secret as the name of an operation',
      JSON.stringify({ ...VALID, operations: { ...VALID.operations, 'x\r\ny': 1 } }),
    ],
  ])('%s is refused', (_, text) => expect(read(text)).toEqual(expect.any(String)));

  test('that an editor began with a byte order mark is read', () => {
    expect(read(`\uFEFF${JSON.stringify(VALID)}`)).toMatchObject({ name: 'shop' });
  });
});

describe('the trial login', () => {
  const contract = (() => {
    const given = read(JSON.stringify({ ...VALID, requestsPerSecond: undefined, servers: [] }));
    if (typeof given === 'string') throw new Error(given);
    return given;
  })();

  const headers = fc.array(
    fc.constantFrom(
      ...[
        'set-cookie: sid=abc; Path=/',
        'set-cookie: sid',
        'set-cookie: =;;=',
        'set-cookie: sid=; Max-Age=0',
      ],
      ...['location: https://127.0.0.1/', 'location: //', 'location: http://[', 'location: /\u00E9'],
      ...[
        'retry-after: 0',
        'retry-after: soon',
        'connection: close',
        'content-encoding: gzip',
        'x: \u00FF',
        'x:',
      ],
    ),
    { maxLength: 3 },
  );
  const body = fc.oneof(
    fc.constantFrom(
      ...[
        '{"profile":{"name":"u0"}}',
        '{"profile":{"name":7}}',
        '{"profile":{"name":""}}',
        '{"profile":null}',
      ],
      ...[
        '{"__proto__":{"name":"x"}}',
        '[]',
        'null',
        '',
        '['.repeat(20_000),
        '<html>',
        '\u001B[31mred',
        'a\r\nb\tc',
      ],
      ...[SECRET, JSON.stringify({ password: SECRET }), `{"profile":{"name":"${SECRET}"}}`],
    ),
    fc.string({ unit: 'binary', maxLength: 40 }),
  );
  const status = fc.constantFrom(200, 200, 200, 201, 204, 302, 303, 401, 403, 404, 429, 500, 503, 999);
  /** A reply of HTTP, which may say odd things. */
  const reply = fc.record({ status, headers, body }).map((given) => {
    const lines = [`HTTP/1.1 ${given.status} x`, ...given.headers, 'connection: close', '', given.body];
    return lines.join('\r\n');
  });
  /** The same, broken somewhere. */
  const broken = fc
    .tuple(
      reply,
      fc.nat(),
      fc.nat(6),
      fc.constantFrom('', '\u0000', '\r\n', ' ', 'HTTP/1.1 100 Continue\r\n\r\n', SECRET),
    )
    .map(([text, at, length, insert]) => {
      const from = at % (text.length + 1);
      return text.slice(0, from) + insert + text.slice(from + length);
    });
  const framed = fc.constantFrom(
    ...['HTTP/1.1 200 x\r\ncontent-length: 500\r\n\r\nshort', 'HTTP/1.1 200 x\r\ncontent-length: x\r\n\r\n'],
    ...['HTTP/1.1 200 x\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n', 'HTTP/1.0 200\r\n\r\n', ''],
    ...[
      'HTTP/1.1 200 x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n',
      'SSH-2.0-OpenSSH_9.2\r\n',
      '\u0015\u0003\u0001\u0000',
    ],
    ...[
      'HTTP/1.1 101 x\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n',
      'HTTP/1.1 200 x\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n',
    ],
  );
  const session =
    'HTTP/1.1 200 x\r\nset-cookie: sid=abc; Path=/\r\nconnection: close\r\n\r\n{"profile":{"name":"u0"}}';
  const stranger = 'HTTP/1.1 401 x\r\nconnection: close\r\n\r\n';
  const odds = fc.oneof(
    { weight: 4, arbitrary: reply },
    { weight: 1, arbitrary: broken },
    { weight: 1, arbitrary: framed },
  );
  /** To the read of a stranger, the login, and the read with its session: any of them odd. */
  const replies = fc.tuple(
    fc.oneof(odds, fc.constant(stranger)),
    fc.oneof(odds, fc.constant(session)),
    fc.oneof(odds, fc.constant(session)),
  );

  test('ends with a result or an error in one line, whatever the site replies', async () => {
    let answers: readonly string[] = [];
    let asked = 0;
    const site: Server = createServer((socket) => {
      socket
        .on('error', () => undefined)
        .once('data', () => {
          const answer = answers[Math.min(asked, answers.length - 1)] ?? '';
          asked += 1;
          socket.end(Buffer.from(answer, 'latin1'));
        });
    });
    await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve));
    const { port } = site.address() as { port: number };
    const { signal } = new AbortController();
    const codes = new Map<string, number>();
    try {
      const property = fc.asyncProperty(replies, async (list) => {
        [answers, asked] = [list, 0];
        const startedMs = performance.now();
        const error: unknown = await lookAt(`http://127.0.0.1:${port}`, contract, signal).then(
          () => undefined,
          (reason) => reason,
        );
        expect(performance.now() - startedMs).toBeLessThan(5_000);
        const code = error instanceof BenchError ? error.code : String(error);
        codes.set(code, (codes.get(code) ?? 0) + 1);
        if (error === undefined) return;
        if (!(error instanceof BenchError)) throw error;
        expect(error.message).toMatch(/^(CONFLICT|SERVICE_UNREACHABLE): expected .+, got .*\. \S/);
        expect(error.message).not.toContain(SECRET);
        expect(error.message).not.toMatch(/\p{Cc}/u);
      });
      await fc.assert(property, { seed, numRuns: 1_500 });
    } finally {
      await new Promise((resolve) => site.close(resolve));
    }
    // It came through every door.
    expect([...codes.keys()].sort()).toEqual(['CONFLICT', 'SERVICE_UNREACHABLE', 'undefined']);
    expect(Math.min(...codes.values())).toBeGreaterThan(20);
  });
});
