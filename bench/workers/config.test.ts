import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { COMMON_TRAITS } from '../config/contract.ts';
import type { RawOptions } from '../config/values.ts';
import { BenchError, EXIT } from '../errors.ts';
import { parseCollect, parseWorker } from './config.ts';
import { shareOf } from './share.ts';

const directory = mkdtempSync(join(tmpdir(), 'workers-config-'));
afterAll(() => rmSync(directory, { recursive: true }));
const [contract, tokenFile] = [join(directory, 'contract.json'), join(directory, 'token')];
writeFileSync(
  contract,
  JSON.stringify({
    ...{
      name: 'shop',
      cookie: 'sid',
      users: 'u{n}',
      password: 'pw',
      fields: { user: 'user' },
      traits: COMMON_TRAITS,
    },
    operations: {
      login: { method: 'POST', path: '/login', body: { user: '{user}', password: '{password}' } },
      read: { method: 'GET', path: '/me' },
      logout: { method: 'POST', path: '/logout' },
    },
  }),
);
const GIVEN = { target: ['http://shop.example'], contract: [contract], tokenFile, seed: '7' };

const errorOf = (parse: () => unknown): BenchError => {
  try {
    parse();
  } catch (error) {
    if (error instanceof BenchError) return error;
    throw error;
  }
  throw new Error('expected an error');
};

describe('the configuration of collect', () => {
  test('makes a token that only its owner can read, and keeps it', () => {
    const { token } = parseCollect(GIVEN);
    expect(token).toHaveLength(32);
    expect(statSync(tokenFile).mode & 0o777).toBe(0o600);
    expect(parseCollect(GIVEN).token).toEqual(token);
    expect(parseWorker({ master: 'm', collect: 'c', tokenFile }).token).toEqual(token);
  });

  test.each<[RawOptions, RegExp]>([
    [{ target: [] }, /CONFLICT: expected --target with --contract|USAGE: expected one --target/],
    [
      { connections: '7' },
      /CONFLICT: expected connections that the workers can share equally, got -c 7 for 2\. Write -c 8\./,
    ],
    [{ sessions: '3' }, /CONFLICT: expected a session for each of 64 connections, got --sessions 3/],
    [{ rate: '50%' }, /USAGE: expected requests per second, above 0, for --rate, got "50%"/],
    [{ rate: '0' }, /USAGE: expected requests per second, above 0/],
    [{ arrivals: 'constant' }, /USAGE: expected --rate with --arrivals/],
    [{ scenario: 'update' }, /CONFLICT: expected operations\.update in the contract/],
    [{ scenario: 'logout' }, /USAGE: expected --scenario to be one of read, update, login, mixed/],
    [{ listen: 'no port:x' }, /USAGE: expected HOST or HOST:PORT for --listen/],
    [{ tokenFile: undefined }, /USAGE: expected --token-file FILE, got none/],
    [{ workers: '0' }, /USAGE: expected a whole number from 1 to 256 for --workers/],
  ])('refuses %j', (raw, message) => {
    const error = errorOf(() => parseCollect({ ...GIVEN, ...raw }));
    expect(error.message).toMatch(message);
    expect(error.exitCode).toBe(EXIT.usage);
  });

  test('a file that holds another text is no token, and is not shown', () => {
    const path = join(directory, 'other');
    writeFileSync(path, 'hush');
    const { message } = errorOf(() => parseCollect({ ...GIVEN, tokenFile: path }));
    expect(message).toContain('expected a token of 64 hexadecimal digits');
    expect(message).not.toContain('hush');
    expect(readFileSync(path, 'utf8')).toBe('hush');
  });
});

describe('the configuration of a worker', () => {
  test('ports have defaults; an IPv6 address is in brackets', () => {
    const parsed = parseWorker({ master: 'm', collect: '[fd00::1]:99', tokenFile });
    expect(parsed).toMatchObject({
      master: { host: 'm', port: 5557 },
      collect: { host: 'fd00::1', port: 99 },
    });
    expect(parseWorker({ master: 'm', collect: 'c', tokenFile }).collect.port).toBe(5560);
  });

  test.each<[RawOptions, RegExp]>([
    [{ master: undefined }, /USAGE: expected --master HOST, got none/],
    [{ collect: undefined }, /USAGE: expected --collect HOST, got none/],
    [{ master: 'm:0' }, /USAGE: expected HOST or HOST:PORT for --master/],
    [{ tokenFile: join(directory, 'none') }, /USAGE: expected a token in .* pnpm bench collect makes it/],
  ])('refuses %j', (raw, message) => {
    expect(errorOf(() => parseWorker({ master: 'm', collect: 'c', tokenFile, ...raw })).message).toMatch(
      message,
    );
  });
});

test('the shares of the workers are the whole, with other users, keys and arrivals', () => {
  const config = parseCollect({ ...GIVEN, workers: '4', connections: '32', rate: '1000', sessions: '100' });
  const shares = [0, 1, 2, 3].map((index) => shareOf(config, index, 1_234_567_000));
  const sum = (of: (share: (typeof shares)[number]) => number) =>
    shares.reduce((all, one) => all + of(one), 0);
  expect(sum(({ job }) => job.connections)).toBe(32);
  expect(sum(({ job }) => job.sessions)).toBe(100);
  expect(sum(({ load }) => (load.model === 'open' ? load.ratePerSecond : 0))).toBe(1_000);
  expect(new Set(shares.map(({ job }) => job.site?.userBase)).size).toBe(4);
  expect(new Set(shares.map(({ job }) => job.seed)).size).toBe(4);
});
