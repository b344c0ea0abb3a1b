import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { RawOptions } from '../config/values.ts';
import { BenchError, EXIT } from '../errors.ts';
import { parseProbe } from './config.ts';
import { type Targets, targetAt } from './targets.ts';

const URL_ = 'http://127.0.0.1:3000/';

const directory = mkdtempSync(join(tmpdir(), 'probe-config-'));
afterAll(() => rmSync(directory, { recursive: true }));

/** A file for a flag; returns its path. */
function write(name: string, content: string | Buffer): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}

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
        method: 'GET',
        path: '/',
        wire: { isInsecure: false },
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

  test('hours, and no warm-up', () => {
    const { job } = parseProbe([URL_], { duration: '8h', warmup: '0s' });
    expect([job.durationSeconds, job.warmupSeconds]).toEqual([28_800, 0]);
  });

  test('stages: steps and ramps, whose times are the duration', () => {
    const { job } = parseProbe([URL_], { stages: '100ms:10, 200ms:0-1000,1h:2.5', arrivals: 'constant' });
    expect(job.durationSeconds).toBe(3600.3);
    expect(job.load).toEqual({
      model: 'stages',
      arrivals: 'constant',
      stages: [
        { seconds: 0.1, fromRps: 10, toRps: 10 },
        { seconds: 0.2, fromRps: 0, toRps: 1000 },
        { seconds: 3600, fromRps: 2.5, toRps: 2.5 },
      ],
    });
  });
});

describe('method and body', () => {
  const jobOf = (raw: RawOptions) => parseProbe([URL_], raw).job;
  const textOf = (raw: RawOptions) => Buffer.from(jobOf(raw).body?.base64 ?? '', 'base64').toString();

  test('GET without a body, POST with one, and what is named otherwise', () => {
    expect(jobOf({})).toMatchObject({ method: 'GET' });
    expect(jobOf({ method: 'PURGE' })).toMatchObject({ method: 'PURGE' });
    expect(jobOf({ body: 'a' })).toMatchObject({ method: 'POST', body: { goesWithGet: false } });
    expect(jobOf({ body: 'a', method: 'PUT' })).toMatchObject({ method: 'PUT' });
    expect(jobOf({ body: 'a', method: 'GET' })).toMatchObject({ method: 'GET', body: { goesWithGet: true } });
    expect(jobOf({ body: '' }).body?.base64).toBe('');
    expect(textOf({ body: 'h€llo ☃' })).toBe('h€llo ☃');
  });

  test.each([
    ['{"a":1}', 'application/json'],
    [' [1, 2]\n', 'application/json'],
    ['{"a":', 'text/plain; charset=utf-8'],
    ['a=b', 'application/x-www-form-urlencoded'],
    ['user=x%40y&empty=&b=c', 'application/x-www-form-urlencoded'],
    ['a = b', 'text/plain; charset=utf-8'],
    ['hello', 'text/plain; charset=utf-8'],
  ])('the type of %j is %s', (body, type) => {
    expect(jobOf({ body }).body?.contentType).toBe(type);
  });

  test('the type of bytes, and one that a header says', () => {
    const path = write('bytes', Buffer.from([0xff, 0xfe, 0x00, 0x80]));
    const { body } = jobOf({ bodyFile: path });
    expect(body).toMatchObject({ base64: '//4AgA==', contentType: 'application/octet-stream' });
    expect(jobOf({ body: '{}', header: ['Content-Type: a/b'] }).body).not.toHaveProperty('contentType');
  });
});

describe('headers from a file', () => {
  test('one a line, beside those of flags; comments and blank lines are skipped', () => {
    const headerFile = write(
      'headers',
      '\uFEFF# a comment\r\nAuthorization: Bearer s3cret\r\n\n  # another\nx-a:\tb \nhost: a.test:81',
    );
    expect(parseProbe([URL_], { headers: headerFile, header: ['x-b: c'] }).job.headers).toEqual({
      'x-b': 'c',
      authorization: 'Bearer s3cret',
      'x-a': 'b',
      host: 'a.test:81',
    });
  });

  test.each<[string, string, RegExp]>([
    ['no colon', 'a: b\ns3cret', /in line 2 of --headers, got no colon/],
    [
      'a forgotten name',
      '# x\n\nBearer s3cret:s3cret',
      /in line 3 of --headers, got a name with a character/,
    ],
    ['a carriage return', 'a: b\rs3cret: c', /control character in the value of "a"/],
    ['a NUL', 'a: s3cret\0', /control character in the value of "a"/],
    ['one of ours', 'Content-Length: 5', /"content-length".*that of the body/],
    ['one of the flag', 'X-One: s3cret', /"x-one" twice, the second in line 1 of --headers/],
    ['a host that is none', 'host: a.test/s3cret', /a host and no more than a port/],
  ])('%s', (_name, text, message) => {
    const error = errorOf([URL_], { headers: write('wrong', text), header: ['x-one: 1'] });
    expect(error).toMatchObject({ code: 'USAGE', exitCode: EXIT.usage });
    expect(error.message).toMatch(message);
    expect(error.message).not.toMatch(/[\r\n\0]|s3cret/);
  });
});

describe('a list of URLs', () => {
  const listOf = (text: string, words: string[] = [URL_], raw: RawOptions = {}) =>
    parseProbe(words, { ...raw, urls: write('urls', text) });

  test('paths and URLs with methods, in order; comments and blank lines are skipped', () => {
    const lines = [
      '/a?b=c',
      '',
      '# no',
      'POST /b',
      '  DELETE\thttp://127.0.0.1:3000/c/../d#e  ',
      '//x/./y',
      '/€ ',
      '/.well-known/x',
    ];
    const { job, targets } = listOf(lines.join('\r\n'));
    expect(job.origin).toBe('http://127.0.0.1:3000');
    expect(targets).toEqual({
      count: 6,
      parts: ['/a?b=c\nPOST /b\nDELETE /d\n//x/y\n/%E2%82%AC\n/.well-known/x'],
    });
    expect([0, 1, 5].map((index) => targetAt(targets as Targets, index, 'HEAD'))).toEqual([
      { method: 'HEAD', path: '/a?b=c' },
      { method: 'POST', path: '/b' },
      { method: 'HEAD', path: '/.well-known/x' },
    ]);
  });

  test('the origin may come from the list', () => {
    expect(listOf('http://a.test:81/x\n/y', []).job.origin).toBe('http://a.test:81');
  });

  test('a long list is kept in parts, and each of it is found', () => {
    const count = 25_001;
    const { targets } = listOf(Array.from({ length: count }, (_, index) => `/${index}`).join('\n'));
    expect(targets).toMatchObject({ count, parts: { length: 3 } });
    for (const index of [0, 9_999, 10_000, 25_000])
      expect(targetAt(targets as Targets, index, 'GET').path).toBe(`/${index}`);
  });

  test.each<[string, string, string[], RegExp]>([
    ['nothing', '# no\n\n', [URL_], /a URL on each line of --urls, got no line/],
    ['three words', '/a\nGET /b s3cret', [URL_], /in line 2 of --urls, got more than two words.*%20/],
    ['no path', '/a\n\ns3cret', [URL_], /in line 3 of --urls, got neither/],
    [
      'a method in lower case',
      'get /s3cret',
      [URL_],
      /method in capital letters for line 1 of --urls.*Did you mean GET\?/,
    ],
    ['another origin', '/a\nhttp://b.test/s3cret', [URL_], /URLs of http:\/\/127.0.0.1:3000 alone.*line 2/],
    ['two origins', 'http://a.test/\nhttp://b.test/s3cret', [], /URLs of http:\/\/a.test alone.*line 2/],
    ['another scheme', 'ftp://a.test/s3cret', [URL_], /in line 1 of --urls, got a URL of another kind/],
    ['a password', 'http://u:s3cret@127.0.0.1:3000/', [URL_], /line 1.*another kind.*authorization/],
    ['paths without a server', '/s3cret', [], /a URL to probe beside --urls.*pnpm bench probe http/],
    ['a URL with a path', '/a', ['http://a.test/s3cret'], /URL without a path beside --urls/],
  ])('%s is refused', (_name, text, words, message) => {
    const error = errorOf(words, { urls: write('wrong-urls', text) });
    expect(error.exitCode).toBe(EXIT.usage);
    expect(error.message).toMatch(message);
    expect(error.message).not.toMatch(/[\r\n]|s3cret/);
  });
});

describe('what a probe refuses, on one line with exit code 2', () => {
  test.each<[string, string[], RawOptions, RegExp]>([
    ['no URL', [], {}, /expected one URL to probe, got 0/],
    ['two URLs', [URL_, URL_], {}, /got 2/],
    ['no URL at all', ['localhost'], {}, /expected a URL to probe, got "localhost"/],
    [
      'a host and a port',
      ['localhost:3000'],
      {},
      /begins with http:\/\/ or https:\/\/, got "localhost:3000"/,
    ],
    ['--insecure without TLS', [URL_], { insecure: true }, /a URL https:.* with --insecure, got plain http/],
    ['--ca without TLS', [URL_], { ca: '/nowhere/x' }, /a URL https:.* with --ca/],
    ['authorities that are not there', ['https://a.test'], { ca: '/nowhere/x' }, /certificates in.*ENOENT/],
    [
      'both of --ca and --insecure',
      ['https://a.test'],
      { ca: '/x', insecure: true },
      /--ca or --insecure, got both/,
    ],
    [
      'an address without a port',
      [URL_],
      { connectTo: 'a.test' },
      /HOST:PORT for --connect-to, got "a.test"/,
    ],
    ['another scheme', ['ftp://a.test/'], {}, /begins with http:\/\//],
    [
      'a password',
      ['http://me:secret@a.test/'],
      {},
      /without user and password, got "http:\/\/me:\*\*\*@a.test\/"/,
    ],
    ['a password without a scheme', ['me:secret@a.test:80/'], {}, /begins with http:.*got "me:\*\*\*@a.test/],
    [
      'a password with a blank',
      ['http://me:se secret@a.test/'],
      {},
      /without user and password, got "http:\/\/me:\*\*\*@a.test/,
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
    [
      'a blank in a name',
      [URL_],
      { header: ['x: 1', 'a b: c'] },
      /'name: value'.*--header number 2.*a name with/,
    ],
    ['a line break in a value', [URL_], { header: ['a: b\r\nc: d'] }, /'name: value'/],
    ['a reserved header', [URL_], { header: ['Content-Length: 5'] }, /"content-length".*leave it out/],
    ['chunks', [URL_], { header: ['transfer-encoding: chunked'] }, /leave it out/],
    ['the end of a connection', [URL_], { header: ['Connection: close'] }, /kept alive/],
    ['a host with a path', [URL_], { header: ['host: a.test/b'] }, /a host and no more than a port/],
    ['an empty host', [URL_], { header: ['host:'] }, /a host and no more than a port/],
    ['a header twice', [URL_], { header: ['a: 1', 'A: 2'] }, /"a" twice, the second in --header number 2/],
    [
      'a file of headers that is not there',
      [URL_],
      { headers: '/nowhere/x' },
      /read for --headers, got ENOENT/,
    ],
    ['a body that is not there', [URL_], { bodyFile: '/nowhere/x' }, /read for --body-file, got ENOENT/],
    ['a folder as a body', [URL_], { bodyFile: '/' }, /read for --body-file, got EISDIR/],
    ['a body without an end', [URL_], { bodyFile: '/dev/zero' }, /at most 16 MiB for --body-file/],
    ['headers without an end', [URL_], { headers: '/dev/zero' }, /at most 64 KiB for --headers/],
    ['a list that is not there', [URL_], { urls: '/nowhere/x' }, /read for --urls, got ENOENT/],
    ['two bodies', [URL_], { body: 'a', bodyFile: '/b' }, /one body, got --body with --body-file/],
    [
      'a body with HEAD',
      [URL_],
      { body: 'a', method: 'HEAD' },
      /a method that has a body, got --method HEAD/,
    ],
    ['a method in lower case', [URL_], { method: 'post' }, /for --method.*Did you mean POST\?/],
    ['two methods', [URL_], { method: 'GET\r\nX: y' }, /in capital letters for --method/],
    ['a tunnel', [URL_], { method: 'CONNECT' }, /got "CONNECT"/],
    ['more than a day', [URL_], { duration: '25h' }, /from 100ms to 24h, for --duration/],
    ['stages without a rate', [URL_], { stages: '10s' }, /for stage 1 of --stages, got "10s"/],
    ['a stage without a unit', [URL_], { stages: '1s:5,10:5' }, /stages, stage 2, got "10"/],
    ['a stage without a time', [URL_], { stages: '1s:5,0s:9' }, /from 100ms.*stage 2, got "0s"/],
    ['a rate in words', [URL_], { stages: '1s:2k' }, /for stage 1 of --stages, got "1s:2k"/],
    ['too high a stage', [URL_], { stages: '1s:1-2000000' }, /from 0 to 1000000/],
    ['no stage', [URL_], { stages: '' }, /for stage 1 of --stages/],
    ['stages of nothing', [URL_], { stages: '1s:0,1s:0-0' }, /a stage with a rate above 0/],
    ['more than a day of stages', [URL_], { stages: '20h:1,5h:1' }, /at most 24h in all/],
    ['too many stages', [URL_], { stages: Array(101).fill('1s:1').join(',') }, /at most 100 stages, got 101/],
    ['stages with a rate', [URL_], { stages: '1s:1', rate: '5' }, /got --stages with --rate\./],
    [
      'stages with both',
      [URL_],
      { stages: '1s:1', rate: '5', duration: '1s' },
      /--stages with --rate and --duration/,
    ],
  ])('%s', (_name, words, raw, message) => {
    const error = errorOf(words, raw);
    expect(error.exitCode).toBe(EXIT.usage);
    expect(error.message).toMatch(message);
    expect(error.message).not.toMatch(/[\r\n]|secret/);
  });

  test('the value of a header, which may be a secret, is never shown', () => {
    expect(errorOf([URL_], { header: ['authoriza tion: Bearer hidden'] }).message).not.toContain('hidden');
    expect(errorOf([URL_], { header: ['hidden'] }).message).not.toContain('hidden');
  });
});
