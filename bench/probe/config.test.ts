import { describe, expect, test } from 'vitest';
import type { RawOptions } from '../config/values.ts';
import { BenchError, EXIT } from '../errors.ts';
import { parseProbe } from './config.ts';

const URL_ = 'http://127.0.0.1:3000/';

const errorOf = (words: readonly string[], raw: RawOptions): BenchError => {
  try {
    parseProbe(words, raw);
  } catch (error) {
    if (error instanceof BenchError) return error;
    throw error;
  }
  throw new Error('expected an error');
};

describe('the configuration of a probe', () => {
  test('a URL alone: a closed loop', () => {
    expect(parseProbe([URL_], { seed: '7' })).toEqual({
      job: {
        origin: 'http://127.0.0.1:3000',
        path: '/',
        headers: {},
        connections: 64,
        warmupSeconds: 1,
        durationSeconds: 5,
        load: { model: 'closed' },
        seed: 7,
      },
      json: false,
    });
  });

  test('a rate: an open loop, Poisson arrivals by default', () => {
    const load = (raw: RawOptions) => parseProbe([URL_], raw).job.load;
    expect(load({ rate: '2000' })).toEqual({ model: 'open', ratePerSecond: 2000, arrivals: 'poisson' });
    expect(load({ rate: '0.5', arrivals: 'constant' })).toMatchObject({
      ratePerSecond: 0.5,
      arrivals: 'constant',
    });
  });

  test('path, query and headers go out as they are; a fragment stays here', () => {
    const { job } = parseProbe(['http://[::1]:81/a%20b?c=d&e#f'], {
      header: ['Accept: text/html', 'cookie:a=b; c="d:e" ', 'x-empty:'],
    });
    expect(job).toMatchObject({ origin: 'http://[::1]:81', path: '/a%20b?c=d&e' });
    expect(job.headers).toEqual({ accept: 'text/html', cookie: 'a=b; c="d:e"', 'x-empty': '' });
  });
});

describe('what a probe refuses, on one line with exit code 2', () => {
  test.each<[string, string[], RawOptions, RegExp]>([
    ['no URL', [], {}, /expected one URL to probe, got 0/],
    ['two URLs', [URL_, URL_], {}, /got 2/],
    ['no URL at all', ['localhost'], {}, /expected a URL to probe, got "localhost"/],
    ['a host and a port', ['localhost:3000'], {}, /begins with http:\/\/, got "localhost:3000"/],
    ['TLS', ['https://a.test/'], {}, /begins with http:\/\/.*does not support TLS/],
    ['another scheme', ['ftp://a.test/'], {}, /begins with http:\/\//],
    [
      'a password',
      ['http://me:secret@a.test/'],
      {},
      /without user and password, got "http:\/\/me:\*\*\*@a.test\/"/,
    ],
    ['no unit', [URL_], { duration: '5' }, /Did you mean 5s\?/],
    ['no unit in the warm-up', [URL_], { warmup: '1' }, /--warmup.*Did you mean 1s\?/],
    ['rate 0', [URL_], { rate: '0' }, /above 0.*for --rate, got "0"/],
    ['a negative rate', [URL_], { rate: '-5' }, /for --rate/],
    ['a share of the capacity', [URL_], { rate: '50%' }, /pnpm bench run/],
    ['a rate in words', [URL_], { rate: '2k' }, /Write for example 2000/],
    ['arrivals without a rate', [URL_], { arrivals: 'constant' }, /expected --rate with --arrivals/],
    ['unknown arrivals', [URL_], { rate: '1', arrivals: 'poison' }, /Did you mean poisson\?/],
    ['no connections', [URL_], { connections: '0' }, /from 1 to 10000 for --connections/],
    ['a header without a colon', [URL_], { header: ['accept'] }, /'name: value'.*no colon/],
    ['a header without a name', [URL_], { header: [': a'] }, /'name: value'/],
    ['a blank in a name', [URL_], { header: ['a b: c'] }, /'name: value'.*"a b"/],
    ['a line break in a value', [URL_], { header: ['a: b\r\nc: d'] }, /'name: value'/],
    ['a reserved header', [URL_], { header: ['Content-Length: 5'] }, /"content-length".*leave it out/],
    ['chunks', [URL_], { header: ['transfer-encoding: chunked'] }, /leave it out/],
    ['the end of a connection', [URL_], { header: ['Connection: close'] }, /kept alive/],
    ['another host', [URL_], { header: ['host: a.test'] }, /comes from the URL/],
    ['a header twice', [URL_], { header: ['a: 1', 'A: 2'] }, /"a" twice/],
  ])('%s', (_name, words, raw, message) => {
    const error = errorOf(words, raw);
    expect(error).toMatchObject({ code: 'USAGE', exitCode: EXIT.usage });
    expect(error.message).toMatch(message);
    expect(error.message).not.toMatch(/[\r\n]|secret/);
  });

  test('the value of a header, which may be a secret, is never shown', () => {
    expect(errorOf([URL_], { header: ['authoriza tion: Bearer hidden'] }).message).not.toContain('hidden');
    expect(errorOf([URL_], { header: ['hidden'] }).message).not.toContain('hidden');
  });
});
