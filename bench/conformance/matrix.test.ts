import { describe, expect, test } from 'vitest';
import type { Cell } from './check.ts';
import { layOutMatrix } from './matrix.ts';
import { renderMatrix, renderMatrixMarkdown } from './render.ts';

const cell = (change: Partial<Cell>): Cell => ({
  id: '14',
  title: 'logout kills it on every server',
  source: 'ASVS 5 V7.4.1',
  backend: 'redis',
  affinity: 'sticky',
  balancer: 'haproxy',
  expected: 'pass',
  observed: 'pass',
  surprise: false,
  because: '',
  evidence: '0 of 9 reads with the old token',
  ...change,
});
const places = (change: Partial<Cell>, own: readonly Partial<Cell>[]) =>
  own.map((one) => cell({ ...change, ...one }));
const FAIL = { expected: 'fail', observed: 'fail', because: 'a stolen token lives on' } as const;

describe('the matrix', () => {
  test('puts places of a backend that agree into one column', () => {
    const { columns } = layOutMatrix(places({}, [{}, { affinity: 'round-robin' }, { balancer: 'nginx' }]));
    expect(columns).toEqual([{ backend: 'redis', place: '' }]);
  });

  test('keeps places apart that differ, and names what differs', () => {
    const cells = places({ backend: 'memory' }, [
      { affinity: 'sticky', balancer: 'haproxy' },
      { affinity: 'sticky', balancer: 'nginx' },
      { affinity: 'round-robin', balancer: 'haproxy', ...FAIL },
      { affinity: 'round-robin', balancer: 'nginx', ...FAIL },
    ]);
    const { columns, limits } = layOutMatrix(cells);
    expect(columns.map(({ place }) => place)).toEqual(['sticky', 'round-robin']);
    expect(limits).toEqual([{ id: '14', backends: ['memory (round-robin)'], because: FAIL.because }]);
  });

  test('names the balancer when only one of them differs', () => {
    const cells = places({}, [
      { balancer: 'haproxy' },
      { balancer: 'node', observed: 'fail', surprise: true },
    ]);
    expect(layOutMatrix(cells).columns.map(({ place }) => place)).toEqual(['haproxy', 'node']);
  });

  test('says limits in the order of the checks, whichever backend has them first', () => {
    const cells = [
      cell({ id: '2b', backend: 'memory' }),
      cell({ id: '14', backend: 'memory', ...FAIL }),
      cell({ id: '2b', backend: 'jwt', ...FAIL }),
    ];
    expect(layOutMatrix(cells).limits.map(({ id }) => id)).toEqual(['2b', '14']);
  });

  test('says a limit of several backends once', () => {
    const cells = [cell({ backend: 'jwt', ...FAIL }), cell({ backend: 'jwt:alg=ES256', ...FAIL })];
    expect(layOutMatrix(cells).limits).toEqual([
      { id: '14', backends: ['jwt', 'jwt:alg=ES256'], because: FAIL.because },
    ]);
  });
});

describe('what is shown', () => {
  const surprise = cell({ backend: 'jwt', expected: 'fail', observed: 'pass', surprise: true });

  test('an unexpected cell in either direction names what was expected, and its evidence', () => {
    const text = renderMatrix(layOutMatrix([cell({}), surprise]), false);
    expect(text).toContain('✓ not ✗');
    expect(text).toContain('14 jwt, sticky, haproxy: expected fail, observed pass: 0 of 9 reads');
    expect(text).toContain('1 unexpected');
  });

  test('a remark stands below the sign on a screen, and beside it in a document', () => {
    const matrix = layOutMatrix([cell({ expected: 'n/a', observed: 'n/a', remark: 'no store to lose' })]);
    const lines = renderMatrix(matrix, false).split('\n');
    const at = lines.findIndex((line) => line.includes('–'));
    expect(lines.slice(at, at + 3).map((line) => line.slice(-12).replaceAll(/[│ ]+/g, ' ').trim())).toEqual([
      '–',
      'no store',
      'to lose',
    ]);
    expect(renderMatrixMarkdown(matrix)).toContain('| – no store to lose |');
  });

  test('without one it says so, in colour only when asked', () => {
    const matrix = layOutMatrix([cell({})]);
    expect(renderMatrix(matrix, false)).toContain('all as expected');
    expect(renderMatrix(matrix, false)).not.toContain('\u001b[');
    expect(renderMatrix(matrix, true)).toContain('\u001b[');
  });

  test.each([80, 100, 130])('fits a screen of %i columns with every backend', (screen) => {
    const names = ['memory', 'redis', 'postgres', 'jwt:lib=jsonwebtoken', 'jwt-blacklist:lib=fast-jwt'];
    const title = 'A request that is replayed after the logout gets 401, on every server and at once';
    const cells = names.flatMap((backend) =>
      places({ backend, title }, [{ affinity: 'sticky' }, { affinity: 'round-robin', ...FAIL }]),
    );
    const [table = ''] = renderMatrix(layOutMatrix(cells), false, screen).split('✓ holds');
    for (const line of table.split('\n')) expect(line.trimEnd().length, line).toBeLessThanOrEqual(screen);
    for (const name of names) expect(table.split(name)).toHaveLength(3);
    expect(table).toContain(`left out for ${screen} columns: source`);
    const whole = renderMatrix(layOutMatrix(cells), false, Number.POSITIVE_INFINITY);
    expect(whole).toContain('ASVS 5 V7.4.1');
    expect(whole).not.toContain('left out');
  });

  test('Markdown also says why something does not apply', () => {
    const exempt = cell({ id: '36', expected: 'n/a', observed: 'n/a', because: 'no refresh tokens' });
    const text = renderMatrixMarkdown(layOutMatrix([cell({}), exempt]));
    expect(text).toContain('| 36 | logout kills it on every server | ASVS 5 V7.4.1 | – |');
    expect(text).toContain('- 36 redis: no refresh tokens');
  });
});
