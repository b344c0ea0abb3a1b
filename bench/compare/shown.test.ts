import { describe, expect, test } from 'vitest';
import type { Row } from '../results/row.ts';
import { compareArms as compare, twoArms } from './comparison-fixture.ts';
import { comparisonRecords } from './json.ts';
import { renderMarkdown } from './markdown.ts';
import { renderComparison } from './table.ts';

describe('what is shown', () => {
  const { base, head } = twoArms(1.1);
  const comparison = compare(base, head);

  test('the table in benchstat’s shape', () => {
    const text = renderComparison(comparison, false);
    expect(text).toMatch(/cell +metric +base +head +Δ \[95 %\] +p +n +verdict/);
    expect(text).toMatch(
      /redis\S* +CPU µs\/request +8\d\.\d +9\d\.\d +\+\d+\.\d% \[\+.*\] +<0\.001 +24 +REGRESSED/,
    );
    expect(text).toContain('paired by block; variant durability=second, servers 3');
    expect(text.trimEnd().split('\n').at(-1)).toMatch(/^REGRESSED: \d of 4: redis\S* CPU µs\/request \+/);
    expect(text).not.toContain('\u001b');
    expect(renderComparison(comparison, true)).toContain('\u001b[31mREGRESSED');
  });

  test('the commits of both sides stand in the title, short, with + for uncommitted changes', () => {
    const of = (rows: Row[], git_sha: string, git_dirty: boolean) =>
      rows.map((row) => ({ ...row, git_sha, git_dirty }));
    const title = (one: Row[], two: Row[]) => renderComparison(compare(one, two), false).split('\n')[0];
    const [was, is] = [of(base, '03af6eb2c1', false), of(head, '1234567fff', true)];
    expect(title(was, is)).toContain('paired by block; base 03af6eb, head 1234567+; variant');
    expect(title(was, of(head, '03af6eb2c1', false))).toContain('; both of 03af6eb; ');
    expect(title(base, is)).toContain('; base ?, head 1234567+; ');
    expect(title(base, head)).toContain('paired by block; variant');
    expect(renderMarkdown(compare(was, is))).toContain('base 03af6eb, head 1234567+');
  });

  test('no difference is ~, with its interval', () => {
    expect(renderComparison(compare(base, base), false)).toContain('~ [+0.0%, +0.0%]');
  });

  test('cells are named by their differences', () => {
    const wide = (rows: Row[]) => rows.map((row) => ({ ...row, payload_bytes: 4096 }));
    const text = renderComparison(compare([...base, ...wide(base)], [...head, ...wide(head)]), false);
    expect(text).toMatch(/^redis\S* payload_bytes=256 /m);
    expect(text).toMatch(/^redis\S* payload_bytes=4096 /m);
  });

  test('Markdown holds nothing that a file could put into a comment', () => {
    const hostile = (rows: Row[]) => rows.map((row) => ({ ...row, store: '<b>|@all\u001b[2J\n# x' }));
    const text = renderMarkdown(compare(hostile(base), hostile(head)));
    expect(text).toMatch(/^\*\*session-bench compare: REGRESSED/);
    expect(text).toContain('| **REGRESSED** |');
    expect(text).not.toMatch(/(?<!\\)<b|@all|^# x/m);
    expect(text).not.toContain('\u001b');
    const columns = text.split('\n').filter((line) => line.startsWith('|'));
    for (const line of columns) expect(line.match(/(?<!\\)\|/g)).toHaveLength(10);
    expect(renderComparison(compare(hostile(base), hostile(head)), false)).not.toContain('\u001b');
  });

  test('JSON has no value that JSON cannot hold', () => {
    const few = twoArms(1, { blocks: 3 });
    const records = comparisonRecords(compare(few.base, few.head));
    expect(JSON.parse(JSON.stringify(records))).toEqual(records);
    expect(records[0]).toMatchObject({ delta_lower_pct: null, target_rps: null, p_worse_holm: null });
  });
});
