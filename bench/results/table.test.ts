import { describe, expect, test } from 'vitest';
import { interleavedRows } from '../ranking/rows-fixture.ts';
import { seededRandom } from '../stats/random.ts';
import { renderMarkdownRun } from './markdown.ts';
import { blacklistPrice } from './price.ts';
import type { Row } from './row.ts';
import { renderTables } from './table.ts';

const rowsOf = (blocks: number, cells: Row = {}) =>
  interleavedRows({
    arms: { none: 0.5, redis: 1 },
    blocks,
    scatter: 0.02,
    drift: 0,
    cells,
    random: seededRandom(3),
  });
const spoil = (rows: readonly Row[], reasons: Readonly<Record<string, string>>, store?: string) =>
  rows.map((row): Row => {
    const reason = reasons[row.block ?? ''];
    if (reason === undefined) return row;
    const own = store === undefined || row.store === store;
    return { ...row, valid: false, invalid_reason: own ? reason : `block dropped: redis: ${reason}` };
  });
const headingOf = (text: string) => text.split('\n').find((line) => line.startsWith('backend')) ?? '';

describe('columns', () => {
  test('net stands where any row has it, and nowhere else', () => {
    const rows = rowsOf(1);
    expect(headingOf(renderTables(rows, false))).not.toContain('net');
    const text = renderTables(
      rows.map((row) => (row.store === 'none' ? row : { ...row, cpu_us_per_req_net: 47.25 })),
      false,
    );
    expect(headingOf(text)).toMatch(/store +net +generator/);
    expect(text).toMatch(/^redis .* 47\.\d /m);
    expect(text).not.toMatch(/^none .* 47\.\d /m);
  });

  test('an open loop shows response times, and its rate in the title', () => {
    const open: Row = { load_model: 'open-constant', target_rps: 2000, lat_p50_us: 1230, lat_p99_us: 45_600 };
    const text = renderTables(rowsOf(1, open), false);
    expect(text.split('\n')[0]).toBe(
      'read, 3 servers, round-robin, haproxy, 256 B, 64 connections, cookie, 2,000/s constant, response times',
    );
    expect(text).toMatch(/^redis +[\d,]+ +1\.23 +45\.6 /m);
    const title = renderTables(rowsOf(1), false).split('\n')[0];
    expect(title).toBe('read, 3 servers, round-robin, haproxy, 256 B, 64 connections, cookie');
  });
});

describe('blocks', () => {
  test('of few medians alone, from 12 on a table of intervals', () => {
    const few = renderTables(rowsOf(11), false);
    expect(few.split('\n')[0]).toMatch(/, medians of 11 blocks$/);
    expect(few).not.toContain('intervals');
    const many = renderTables(rowsOf(12), false);
    expect(many).toContain('with 95 % intervals over 12 blocks');
    const [, estimate, lower, upper] =
      /^redis +(\d+\.\d) +\[(\d+\.\d), (\d+\.\d)\] +[\d,]+ +\[[\d,]+, [\d,]+\] *$/m.exec(many) ?? [];
    expect(Number(lower)).toBeLessThan(100);
    expect(Number(upper)).toBeGreaterThan(100);
    expect(Math.abs(Number(estimate) - 100)).toBeLessThan(3);
    expect(renderTables(rowsOf(12, { engine: 'autocannon' }), false)).not.toContain('intervals');
  });

  test('how many were dropped and why, like reasons together', () => {
    const spoilt = spoil(rowsOf(6), { 'r-2': 'read: 3 timeouts', 'r-4': 'read: 17 timeouts' }, 'redis');
    const text = renderTables(spoil(spoilt, { 'r-5': 'steal: 6.1 % (limit 5 %)' }), false);
    expect(text.replace(/\n +/g, ' ')).toContain(
      '[1] INVALID: 3 of 6 blocks dropped: steal: 6.1 % (limit 5 %); redis: read: 3 to 17 timeouts (2 blocks)',
    );
    expect(text.split('\n')[0]).toMatch(/, medians of 3 blocks$/);
    expect(text).not.toContain('not to be used');
  });

  test('notes of a kind are one with the range of their figures; what all arms have stands once', () => {
    const noted = rowsOf(3).map((row): Row => {
      const percent = { 'r-1': 12, 'r-3': 9.5 }[row.block ?? ''];
      if (percent === undefined) return row.store === 'redis' ? { ...row, note: '3 replies 5xx on s1' } : row;
      return { ...row, note: `other work took ${percent} % of this machine` };
    });
    const text = renderTables(noted, false);
    expect(text).toMatch(/^redis .*\[1\]/m);
    expect(text).not.toMatch(/^none .*\[/m);
    expect(text).toContain('[1] redis: 3 replies 5xx on s1\n');
    expect(text).toMatch(/\[2\] other work took 9\.5 to 12 % of this machine \(2 blocks\)$/m);
  });

  test('figures of dropped blocks are shown only when there are no others, and then it is said', () => {
    const rows = rowsOf(2).map((row) => (row.block === 'r-1' ? { ...row, rps_ok: 77_777 } : row));
    const reason = { 'r-1': 'read: 3 timeouts' };
    expect(renderTables(spoil(rows, reason), false)).not.toContain('77,777');
    const alone = spoil(rows, reason).filter((row) => row.block === 'r-1');
    const text = renderTables(alone, false);
    expect(text).toContain('77,777');
    expect(text.replace(/\s+/g, ' ')).toContain(
      'INVALID: 1 of 1 block dropped: read: 3 timeouts; the figures shown are INVALID and not to be used',
    );
  });

  test('arms of the plain engine are invalid one by one', () => {
    const rows = spoil(rowsOf(1, { engine: 'autocannon' }), { 'r-1': 'read: 3 timeouts' }, 'redis');
    const text = renderTables(
      rows.map((row) => (row.store === 'redis' ? row : { ...row, valid: true })),
      false,
    );
    expect(text).toMatch(/^redis .*\[1\]/m);
    expect(text).toContain('[1] redis: INVALID, not to be used: read: 3 timeouts');
  });
});

describe('Markdown', () => {
  test('the same tables, notes and intervals, and then the paragraphs', () => {
    const rows = spoil(rowsOf(13), { 'r-3': 'read: 3 timeouts' }, 'redis');
    const text = renderMarkdownRun(rows, [
      'What they cannot do:\n  redis: this;\n    that',
      '',
      'Ranked: a < b',
    ]);
    const tables = text.split('\n').filter((line) => line.startsWith('|'));
    expect(tables).toHaveLength(2 * (2 + 2));
    for (const line of tables.slice(0, 4)) expect(line.match(/\|/g)).toHaveLength(14);
    expect(tables[0]).toContain('| ok/s | p50, ms |');
    expect(text).toContain('medians of 12 blocks');
    expect(text).toContain('INVALID: 1 of 13 blocks dropped');
    expect(text).toContain('- redis: this; that\n');
    expect(text).toMatch(/\n\nRanked: a \\< b\n$/);
  });

  test('holds nothing that a file could put into a comment', () => {
    const store = '<b>|@all\u001b[2J\n# x';
    const text = renderMarkdownRun(rowsOf(12, { store, note: '@all\n# y', arm: store }), []);
    expect(text).not.toMatch(/(?<!\\)<b|@all|^# [xy]/m);
    expect(text).not.toContain('\u001b');
  });
});

describe('the price of the blacklist', () => {
  const priced = (blocks: number, more: number, engine = 'slices') => {
    const random = seededRandom(2);
    const cells: Row = { engine, store_commands_per_req: 1 };
    const rows = interleavedRows({ arms: { jwt: 1 }, blocks, scatter: 0.001, cells, random });
    const listed = rows.map((row): Row => {
      const { cpu_us_per_req_server: us = 0 } = row;
      const own = { store: 'jwt-blacklist', arm: 'b', variant: 'durability=second;list=redis', pool_size: 1 };
      return {
        ...row,
        ...own,
        cpu_us_per_req_server: us + more + (random() - 0.5),
        cpu_us_per_req_store: 10,
      };
    });
    return blacklistPrice([...rows, ...listed])
      .join('\n')
      .replace(/\s+/g, ' ');
  };

  test('of arms that took turns: within blocks, from 12 on with an interval, and without a caveat', () => {
    expect(priced(3, 50)).toMatch(
      /cookie\): (59|60)\.\d µs CPU of server and store, 1\.00 round trips per request\.$/,
    );
    const settled = priced(24, 50);
    expect(settled).toMatch(
      /(59|60)\.\d \[\d\d\.\d, \d\d\.\d\] µs CPU of server and store, 1\.00 round trips/,
    );
    expect(settled).toContain('within each of 24 blocks');
    expect(priced(24, -10)).toContain('no difference of CPU shown, [-0.');
  });

  test('of arms that followed one another: medians, and that it is so', () => {
    expect(priced(24, 50, 'autocannon')).toMatch(/(59|60)\.\d µs CPU.*not measured at the same time\.$/);
    expect(priced(1, -50, 'autocannon')).toContain('CPU below the noise of this run');
  });
});
