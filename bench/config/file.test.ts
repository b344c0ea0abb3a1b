import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { BenchError, EXIT } from '../errors.ts';
import { parseConfig } from './config.ts';
import { withConfigFile } from './file.ts';
import type { RawOptions } from './values.ts';

const directory = mkdtempSync(join(tmpdir(), 'sb-config-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function read(content: unknown, given: RawOptions = {}): RawOptions {
  const config = join(directory, 'bench.json');
  writeFileSync(config, typeof content === 'string' ? content : JSON.stringify(content));
  const { config: _, ...options } = withConfigFile({ ...given, config });
  return options;
}

function errorOf(content: unknown): BenchError {
  try {
    read(content);
  } catch (error) {
    if (error instanceof BenchError) return error;
    throw error;
  }
  throw new Error('expected an error');
}

describe('a configuration file', () => {
  test('gives what the command line would have given', () => {
    const raw = read({
      store: ['redis', 'jwt:alg=ES256'],
      servers: [1, 3],
      duration: '5s',
      json: true,
      'redis-url': 'redis://:pw@h:1',
      pin: false,
      threshold: ['p99<20ms', 'rps>100/s'],
      seed: 7,
    });
    expect(raw).toEqual({
      store: 'redis,jwt:alg=ES256',
      servers: '1,3',
      duration: '5s',
      json: true,
      redisUrl: 'redis://:pw@h:1',
      pin: false,
      threshold: ['p99<20ms', 'rps>100/s'],
      seed: '7',
    });
    expect(parseConfig(raw, {})).toMatchObject({ servers: [1, 3], durationSeconds: 5, json: true, seed: 7 });
  });

  test('wins over a preset, and loses to a flag', () => {
    const raw = read({ preset: 'quick', duration: '7s', warmup: '4s' }, { warmup: '3s' });
    expect(parseConfig({ store: 'none', ...raw }, {})).toMatchObject({
      durationSeconds: 7,
      warmupSeconds: 3,
      servers: [3],
    });
  });

  test('may hold one threshold, and names in both spellings', () => {
    expect(read({ threshold: 'p99<20ms', redisUrl: 'redis://h' })).toEqual({
      threshold: ['p99<20ms'],
      redisUrl: 'redis://h',
    });
    expect(read({})).toEqual({});
  });

  test.each([
    [{ stroe: 'redis' }, /got "stroe"\. Did you mean store\?$/],
    [{ config: 'other.json' }, /got "config"/],
    [{ resume: 'run.csv' }, /got "resume"/],
    [{ store: { redis: true } }, /something else for "store"/],
    [{ store: null }, /something else for "store"/],
    [{ servers: [] }, /something else for "servers"/],
    [{ json: 'yes' }, /expected true or false for "json"/],
    [{ 'redis-url': true }, /expected a value for "redis-url"/],
    [['redis'], /got something else/],
    ['', /got text that is not JSON/],
    ['{"redis-url": "redis://:hunter2@h" ', /got text that is not JSON/],
  ])('such as %j is refused on one line, without values', (content, words) => {
    const error = errorOf(content);
    expect(error.exitCode).toBe(EXIT.usage);
    expect(error.message).toMatch(words);
    expect(error.message).not.toMatch(/\n|hunter2/);
  });

  test('that is not there is named', () => {
    const config = join(directory, 'none.json');
    expect(() => withConfigFile({ config })).toThrow(/none\.json for --config, got ENOENT/);
  });
});
