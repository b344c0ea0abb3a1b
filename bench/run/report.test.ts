import { expect, test } from 'vitest';
import { interleavedRows } from '../ranking/rows-fixture.ts';
import { seededRandom } from '../stats/random.ts';
import { renderReport, renderReportMarkdown } from './report.ts';

const reported = (blocks: number) => ({
  rows: interleavedRows({
    arms: { none: 0.5, redis: 1.5, jwt: 1 },
    blocks,
    scatter: 0.02,
    random: seededRandom(1),
  }),
  command: ['--store', 'redis,jwt'],
  unavailable: ['postgres: not found'],
  tooFew: [],
  path: 'results/x.csv',
});

test('a run of enough blocks ends in its ranking, and says what speed does not', () => {
  const text = renderReport(reported(12), false);
  const parts = text.trim().split('\n\n');
  expect(parts[0]).toContain(', 12 blocks\n');
  expect(parts[2]?.replace(/\n +/g, ' ')).toMatch(
    /^read, 3 servers, round-robin: jwt:lib=jsonwebtoken 1\.\d\d× \[1\.\d\d, 1\.\d\d\] less CPU per request than redis\n/,
  );
  expect(parts[2]).toContain('Not ranked: none (the control).');
  expect(text).toContain('jwt:lib=jsonwebtoken: a logged-out token works until it expires');
  expect(text).toContain(
    'redis: everyone is refused while the store is down; a power loss may take the last second',
  );
  expect(text).toContain('Left out: postgres: not found.');
  expect(text).toMatch(/Rows:\s+results\/x\.csv,[\s\S]*README\.md\n$/);
  const markdown = renderReportMarkdown(reported(12));
  expect(markdown).toMatch(
    /\n\nread, 3 servers, round-robin: jwt:lib=jsonwebtoken 1\.\d\d× \\\[.* than redis\n\n/,
  );
  expect(markdown).toContain('\n- jwt:lib=jsonwebtoken: a logged-out token');
});

test('a run of few blocks says that it ranks nothing, and how to', () => {
  const text = renderReport(reported(1), false).replace(/\n +/g, ' ');
  expect(text).toContain('No ranking: from one block differences below the noise of this run mean nothing');
  expect(text).toContain('For an answer: pnpm bench --store redis,jwt --repeat 24');
  expect(text).not.toContain('×');
});

test('a group that is INVALID as a whole is not ranked', () => {
  const { rows, ...rest } = reported(24);
  const wide = rows.map((row) => ({ ...row, payload_bytes: 4096 }));
  const tooFew = ['read, 3 servers, round-robin, 256 B: 24 valid blocks of 40'];
  const text = renderReport({ ...rest, rows: [...rows, ...wide], tooFew }, false).replace(/\n +/g, ' ');
  expect(text.match(/less CPU per request/g)).toHaveLength(1);
  expect(text).toMatch(/^read, .*, 4096 B, .*: jwt:lib=jsonwebtoken .* less CPU per request/m);
  expect(text).toContain(`No ranking, for too many blocks were dropped: ${tooFew[0]}.`);
});

test('without rows there is nothing to say', () => {
  expect(renderReport({ ...reported(1), rows: [] }, false)).toBe('');
});
