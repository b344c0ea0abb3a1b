import { describe, expect, test } from 'vitest';
import { rankRows } from '../ranking/ranking.ts';
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
const lineOf = (text: string, name: string) =>
  text.split('\n').find((line) => line.startsWith(`${name} `)) ?? '';

describe('columns', () => {
  test('what a session costs over the control stands where there is one, and nowhere else', () => {
    const rows = rowsOf(1);
    expect(renderTables(rows, false)).toMatch(/ over\n/);
    const [none = 0, redis = 0] = ['none', 'redis'].map(
      (store) => rows.find((row) => row.store === store)?.cpu_us_per_req_server,
    );
    expect(lineOf(renderTables(rows, false), 'redis')).toMatch(new RegExp(` ${(redis - none).toFixed(1)}$`));
    expect(lineOf(renderTables(rows, false), 'none').split(/ +/)).toHaveLength(2);
    const alone = rows.filter(({ store }) => store === 'redis');
    expect(renderTables(alone, false)).not.toContain('over');
  });

  test('of a mix the cost over the control is that of the whole, and of arms that took no turns there is none', () => {
    const whole = rowsOf(2);
    const part = (row: Row): Row => {
      const { cpu_us_per_req_server: _, ...rest } = row;
      return { ...rest, operation: 'login' };
    };
    const text = renderTables([...whole, ...whole.map(part)], false);
    expect(text).toMatch(/^redis +all +[\d.]+ +[\d.]+$/m);
    expect(renderTables(rowsOf(2, { engine: 'autocannon' }), false)).not.toContain('over');
  });

  test('CPU is one figure by one estimate: that of the table, the ranking and the price', () => {
    const rows = rowsOf(12).map((row): Row => ({ ...row, pool_size: 1, cpu_us_per_req_store: 7.25 }));
    const [cpu] =
      rankRows([...rows, ...rows.map((row) => ({ ...row, arm: 'b', store: 'jwt' }))])[0]?.figures ?? [];
    const estimate = cpu?.arms.find(({ name }) => name === 'redis')?.centre.estimate ?? 0;
    expect(lineOf(renderTables(rows, false), 'redis')).toContain(` ${estimate.toFixed(1)} `);
  });

  test('a figure of 0 is one, and has no sign', () => {
    const rows = rowsOf(2, { rps_ok: 0, server_bytes_per_session: -0.3 });
    expect(renderTables(rows, false)).toMatch(/^redis +0 +[\d.]+ +[\d.]+/m);
    expect(renderTables(rows, false)).not.toMatch(/-0/);
  });

  test('bytes per session are those of servers and store together; unknown when one of them is', () => {
    const held = { server_bytes_per_session: 210.4, store_bytes_per_session: 800, pool_size: 1 };
    expect(lineOf(renderTables(rowsOf(1, held), false), 'redis')).toContain(' 1,010');
    const { store_bytes_per_session: _, ...half } = held;
    expect(renderTables(rowsOf(1, half), false)).not.toContain('bytes/');
  });

  test('a cache of verified tokens stands with its hit rate and how many tokens there were', () => {
    const text = renderTables(rowsOf(1, { verify_cache_hit_pct: 13.93, distinct_tokens: 2000 }), false);
    expect(text).toMatch(/cache +distinct/);
    expect(lineOf(text, 'redis')).toMatch(/ 13\.9 +2,000$/);
    expect(renderTables(rowsOf(1), false)).not.toContain('distinct');
  });

  test('the parts of the costs, and memory by process, stand with --wide alone', () => {
    expect(renderTables(rowsOf(1), false)).not.toMatch(/balancer\n|generator|MiB/);
    expect(renderTables(rowsOf(1), false, true)).toMatch(
      /servers +balancer +store +generator +servers +store/,
    );
  });

  test('a closed loop says above its throughput and service times how full the box was', () => {
    const lines = renderTables(rowsOf(1), false).split('\n');
    const at = lines.indexOf('at 64 in flight, box full');
    expect(lines[at + 1]).toMatch(/^backend +ok\/s +p50 ms +p99 ms +limit$/);
    expect(lines.slice(0, at).join('\n')).not.toContain('ok/s');
  });

  test('no line is wider than a terminal', () => {
    const long = rowsOf(24, { store: 'jwt-blacklist', variant: 'lib=jsonwebtoken;durability=second' });
    for (const line of renderTables(long, false).split('\n').slice(1))
      expect(line.length).toBeLessThanOrEqual(80);
  });

  test('an open loop shows response times, and its rate in the title', () => {
    const open: Row = { load_model: 'open-constant', target_rps: 2000, lat_p50_us: 1230, lat_p99_us: 45_600 };
    const text = renderTables(rowsOf(1, open), false);
    expect(text.replace(/\n +/, ' ').split('\n')[0]).toBe(
      'read, 3 servers, round-robin, haproxy, 256 B, 64 connections, cookie, 2,000/s constant, response times',
    );
    expect(text).toMatch(/^redis +[\d,]+ +1\.23 +45\.6/m);
    expect(text).not.toContain('in flight');
    const title = renderTables(rowsOf(1), false).split('\n')[0];
    expect(title).toBe('read, 3 servers, round-robin, haproxy, 256 B, 64 connections, cookie');
  });

  test('TLS at the edge is in the title, and its rows have tables of their own', () => {
    const tls = rowsOf(1, { edge_tls: 'TLSv1.3 TLS_AES_256_GCM_SHA384 X25519 P-256' });
    const titles = renderTables([...rowsOf(1), ...tls], false).match(/^read, .*haproxy.*$/gm) ?? [];
    expect(titles.map((title) => / haproxy( with TLS)?, /.exec(title)?.[1])).toEqual([
      undefined,
      ' with TLS',
    ]);
  });
});

test('the distance of the service is in the title and, as measured, in the table', () => {
  const far = rowsOf(1, { store_distance_ms: 2, store_rtt_p50_us: 2_345 });
  const text = renderTables([...rowsOf(1), ...far], false);
  const titles = text.match(/^read, .*haproxy.*$/gm) ?? [];
  expect(titles.map((title) => title.includes('256 B, store 2 ms away'))).toEqual([false, true]);
  expect(text).toMatch(/store ms[\s\S]* 2\.3\d/);
});

describe('blocks', () => {
  test('from 12 on each figure has its interval', () => {
    const few = renderTables(rowsOf(11), false);
    expect(few.split('\n')[0]).toMatch(/, 11 blocks$/);
    expect(few).not.toContain('95 %');
    const many = renderTables(rowsOf(12), false);
    const [, estimate, lower, upper] = /^redis +(\d+\.\d) +\[(\d+\.\d), (\d+\.\d)\] /m.exec(many) ?? [];
    expect(Number(lower)).toBeLessThan(100);
    expect(Number(upper)).toBeGreaterThan(100);
    expect(Math.abs(Number(estimate) - 100)).toBeLessThan(3);
    expect(many).toMatch(/^redis +[\d,]+ +\[[\d,]+, [\d,]+\] +[\d.]+ +[\d.]+/m);
    expect(renderTables(rowsOf(12, { engine: 'autocannon' }), false)).not.toContain('95 %');
  });

  test('how many were dropped and why, like reasons together', () => {
    const spoilt = spoil(rowsOf(6), { 'r-2': 'read: 3 timeouts', 'r-4': 'read: 17 timeouts' }, 'redis');
    const text = renderTables(spoil(spoilt, { 'r-5': 'steal: 6.1 % (limit 5 %)' }), false);
    expect(text.replace(/\n +/g, ' ')).toContain(
      '[1] INVALID: 3 of 6 blocks dropped: steal: 6.1 % (limit 5 %); redis: read: 3 to 17 timeouts (2 blocks)',
    );
    expect(text.split('\n')[0]).toMatch(/, 3 blocks \[1\]$/);
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

  test('figures of dropped blocks are shown only when there are no others, with a note', () => {
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
    expect(tables).toHaveLength(3 * (2 + 2));
    for (const line of tables.slice(0, 4)) expect(line.match(/\|/g)).toHaveLength(6);
    expect(tables[4]).toContain('| ok/s | 95 % | p50 ms |');
    expect(text).toContain(', 12 blocks');
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
