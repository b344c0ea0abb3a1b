import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { createResultFile } from '../results/csv.ts';
import { cpuUs } from '../results/figures.ts';
import { lineKeysOf, type SeriesLine, type SliceLine } from '../results/kept-lines.ts';
import { COLUMNS, type Row } from '../results/row.ts';
import { fixed, shownCentre } from '../results/shown.ts';
import { html } from './html.ts';
import { rendered, sourceOf, syntheticRows, tablesIn, textOf } from './page-fixture.ts';
import { loadPlotter } from './plotter.ts';
import { readSources } from './source.ts';

const directory = mkdtempSync(join(tmpdir(), 'session-bench-report-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const ATTACK = `"><script>alert('1')</script><img src=x onerror=alert(1)>`;

describe('what a file says is text', () => {
  test('a template escapes all but markup', () => {
    expect(html`<b title="${ATTACK}">${[ATTACK, 1, undefined, html`<i>${'<'}</i>`]}</b>`.text).toBe(
      '<b title="&quot;&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;">' +
        '&quot;&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;1<i>&lt;</i></b>',
    );
  });

  const columns = COLUMNS.filter(
    ({ kind, name }) => kind === 'text' && !['engine', 'status', 'operation'].includes(name),
  );

  test.each(columns)('column $name', ({ name }) => {
    const rows = syntheticRows().map((row): Row => ({ ...row, [name]: `${row[name] ?? ''}${ATTACK}` }));
    const spoilt = rows
      .slice(0, 4)
      .map((row) => ({ ...row, valid: false, block: 'spoilt', invalid_reason: ATTACK }));
    const { page } = rendered(sourceOf([...rows, ...spoilt]));
    expect(page).not.toMatch(/<script|<img/);
    expect(page.match(/<svg role="img" aria-label="[^"]*"/g)?.length).toBeGreaterThan(2);
  });

  test('the name of the file, and what lies beside it', () => {
    const record = {
      ...{ command: ['run', ATTACK, 'redis://u:hunter2@h/'], kernel: ATTACK, left_out: [ATTACK] },
    };
    const { page } = rendered(sourceOf(syntheticRows(), { path: ATTACK, record }));
    expect(page).not.toMatch(/<script|<img|hunter2/);
    expect(textOf(page)).toContain(`run ${ATTACK} redis://u:***@h/`);
  });
});

const series4 = <T>(points: T): T[] => [points, points, points, points];

describe('curves', () => {
  test('over the size of the session, from the figures of each size', () => {
    const rows = [64, 1024, 4096].flatMap((bytes) => syntheticRows({ payload_bytes: bytes }));
    const { page, charts } = rendered(sourceOf(rows));
    const sweeps = charts.flatMap((chart) =>
      chart.kind === 'lines' && /bytes/.test(chart.x.label) ? [chart] : [],
    );
    expect(sweeps.map(({ y }) => y.label)).toEqual([
      'µs of CPU of servers and store',
      'correct replies per second',
    ]);
    const redis = sweeps[0]?.series.find(({ name }) => name === 'redis')?.points;
    const expected = [64, 1024, 4096].map((bytes) => {
      const own = rows.filter((row) => row.payload_bytes === bytes && row.store === 'redis');
      return { x: bytes, y: shownCentre(own, cpuUs)?.value };
    });
    expect(redis).toEqual(expected);
    const table = tablesIn(page).find(({ headings }) => headings.includes('1,024 B'));
    const cells = table?.lines.find(([name]) => name === 'redis');
    expect(cells?.[1]).toMatch(new RegExp(`^${fixed(1)(expected[0]?.y ?? 0)} \\[[\\d.]+, [\\d.]+\\]$`));
  });

  test('over sizes that several runs measured, which it says; not where two runs have the same size', () => {
    const run = (id: string, bytes: number) =>
      sourceOf(syntheticRows({ run_id: id, payload_bytes: bytes }), { path: `${id}.csv` });
    expect(rendered(run('a', 64), run('b', 1024)).page).toContain('points of 2 runs, each at another time');
    expect(rendered(run('a', 64), run('b', 64)).page).not.toContain('By the size of the session');
  });

  test('over the blocks, with a cross for what was dropped', () => {
    const rows = syntheticRows().map((row) =>
      row.block === 'r-3' ? { ...row, valid: false, invalid_reason: 'steal: 9 %' } : row,
    );
    const { page, charts } = rendered(sourceOf(rows));
    const [cpu] = charts.flatMap((chart) =>
      chart.kind === 'lines' && chart.x.label === 'block' ? [chart] : [],
    );
    expect(cpu?.crosses?.map(({ x }) => x)).toEqual([3, 3, 3, 3]);
    expect(cpu?.series.map(({ points }) => points.length)).toEqual([11, 11, 11, 11]);
    expect(textOf(page)).toContain('4 rows of trials must not be used');
    expect(tablesIn(page).find(({ caption }) => caption === 'rows that are not used')?.lines[0]).toEqual([
      'r-3',
      'none',
      'invalid',
      'steal: 9 %',
    ]);
    const blocks = tablesIn(page).find(({ caption }) => caption === 'blocks of run r');
    expect(blocks?.lines[0]?.slice(1)).toEqual(['11', '1']);
  });

  test('over the slices of a block, the warm-up before 0; none for slices of several groups', () => {
    const rows = syntheticRows();
    const slices = rows.flatMap(({ block = '', arm = '', order_index = 0 }) =>
      (['warm-up', 'warm-up', 'measured', 'measured'] as const).map((phase, index) => {
        const own = { phase, round: (index % 2) + 1, completed: 100 * (index + 1), seconds: 0.5 };
        return { block, arm, order_index, ...own } as SliceLine;
      }),
    );
    const placed = rows.map((row) => ({ ...row, order_index: 0 }));
    const { charts } = rendered(sourceOf(placed, { slices }));
    const [chart] = charts.flatMap((one) => (one.kind === 'lines' && /slice/.test(one.x.label) ? [one] : []));
    expect(chart?.series[1]?.points).toEqual([
      { x: -1, y: 200 },
      { x: 0, y: 400 },
      { x: 1, y: 600 },
      { x: 2, y: 800 },
    ]);
    const twice = rendered(sourceOf(placed, { slices: [...slices, ...slices] })).charts;
    expect(twice.some((one) => one.kind === 'lines' && /slice/.test(one.x.label))).toBe(false);
  });

  const sliceCharts = (rows: readonly Row[], slices: readonly SliceLine[]) =>
    rendered(sourceOf(rows, { slices })).charts.flatMap((one) =>
      one.kind === 'lines' && /slice/.test(one.x.label) ? [one] : [],
    );
  const begun = syntheticRows().map((row, index) => {
    return { ...row, order_index: 0, started_at: `2026-11-28T10:00:${String(index).padStart(2, '0')}Z` };
  });
  const sliceOf = (row: Row, cells: Partial<SliceLine> = {}) =>
    ({ ...lineKeysOf(row), phase: 'measured', round: 1, completed: 50, seconds: 0.5, ...cells }) as SliceLine;

  test('two groups whose blocks share their ids, and two attempts at a block, are told apart by their lines', () => {
    const other = begun.map((row) => ({ ...row, servers: 5 }));
    const [first = {}] = begun;
    const dropped = { ...sliceOf(first, { completed: 1 }), started_at: '2026-11-28T09:00:00Z' };
    const slices = [
      ...begun.map((row) => sliceOf(row)),
      ...other.map((row) => sliceOf(row, { completed: 70 })),
      dropped,
    ];
    const charts = sliceCharts([...begun, ...other], slices);
    expect(charts.map(({ series }) => series.map(({ points }) => points))).toEqual([
      series4([{ x: 1, y: 100 }]),
      series4([{ x: 1, y: 140 }]),
    ]);
  });

  test('a load in which something broke, second by second, with what was done to it', () => {
    const broken = begun.map((row) => ({
      ...row,
      scenario: 'failure',
      fault: 'kill-server',
      availability_pct: 90,
    }));
    const series = broken.flatMap((row) =>
      [0, 1].map((second) => {
        const refused = second * 25;
        const counts = {
          offered: 100,
          ok: 100 - refused,
          denied: 0,
          wrong: 0,
          refused,
          lost: 0,
          p95_us: 1500,
        };
        const done = second === 1 ? { events: ['s1 killed'] } : {};
        return { ...lineKeysOf(row), second, ...counts, ...done } as SeriesLine;
      }),
    );
    const { page, charts } = rendered(sourceOf(broken, { series }));
    const seconds = charts.flatMap((one) =>
      one.kind === 'lines' && /second/.test(one.x.label) ? [one] : [],
    );
    expect(seconds.map(({ y, series: [first] }) => [y.label, first?.points.map((point) => point.y)])).toEqual(
      [
        ['% of those due', [100, 75]],
        ['per second', [0, 25]],
        ['ms', [1.5, 1.5]],
      ],
    );
    expect(textOf(page)).toContain('Done to it: s1 killed in second 1.');
    expect(textOf(page)).toContain('What the clients met');
    expect(page).not.toMatch(/undefined|NaN/);
  });

  test('latency over the slices: p99 where all know it, else p95, else none', () => {
    const labels = (cells: Partial<SliceLine>, last: Partial<SliceLine> = cells) =>
      sliceCharts(
        begun,
        begun.map((row, index) => sliceOf(row, index === begun.length - 1 ? last : cells)),
      ).map(({ y, series }) => [y.label, series[0]?.points[0]?.y]);
    const rate = ['replies per second', 100];
    const known = { p50_us: 500, p95_us: 1000, p99_us: 2000 };
    expect(labels(known)).toEqual([rate, ['ms', 2]]);
    expect(labels(known, { p50_us: 500, p95_us: 1000 })).toEqual([rate, ['ms', 1]]);
    expect(labels(known, {})).toEqual([rate]);
  });
});

describe('the answer', () => {
  const answerIn = (page: string) =>
    textOf(/<section class="answer"[\s\S]*?<\/section>/.exec(page)?.[0] ?? '');

  test('below 12 blocks is that nothing is ranked, and no interval is drawn', () => {
    const { page, charts } = rendered(sourceOf(syntheticRows({}, 4)));
    expect(answerIn(page)).toMatch(/^The answer\s*No ranking: from 4 blocks/);
    expect(
      charts
        .flatMap((chart) => (chart.kind === 'intervals' ? chart.rows : []))
        .every(({ interval }) => interval === undefined),
    ).toBe(true);
  });

  test('of a run that was INVALID is no ranking, by the number of blocks that its record asks for', () => {
    const rows = syntheticRows({}, 16).map((row) => (row.block === 'r-3' ? { ...row, valid: false } : row));
    const record = { options: { repeat: '16' } };
    expect(answerIn(rendered(sourceOf(rows, { record })).page)).toContain('too many blocks were dropped');
    expect(answerIn(rendered(sourceOf(rows)).page)).toContain('less CPU per request');
  });

  test('of two runs is of each by itself', () => {
    const one = (run: string) =>
      sourceOf(syntheticRows({ run_id: run, started_at: `2026-01-0${run}T10:00:00Z` }), {
        path: `d/${run}.csv`,
      });
    const text = answerIn(rendered(one('1'), one('2')).page);
    expect(text).toContain('1.csv, 2026-01-01 10:00 UTC: read, 3 servers, round-robin: ');
    expect(text).toContain('2.csv, 2026-01-02 10:00 UTC: read, 3 servers, round-robin: ');
  });
});

describe('damaged input is one line', () => {
  function write(name: string, beside: Readonly<Record<string, string>> = {}): string {
    mkdirSync(join(directory, name));
    const file = createResultFile(join(directory, name, 'x.csv'));
    for (const row of syntheticRows()) file.append(row);
    file.close();
    for (const [ending, text] of Object.entries(beside))
      writeFileSync(join(directory, name, `x.${ending}`), text);
    return file.path;
  }

  test.each([
    [
      'record',
      { 'env.json': '{' },
      /CSV_INVALID: expected the record of the run beside .*in its \.env\.json\. Restore it/,
    ],
    [
      'histograms',
      { 'histograms.jsonl': '{"block":"r-1"}\n' },
      /CSV_INVALID: expected lines of a run in .*no valid order_index in line 1\./,
    ],
    [
      'cut',
      { 'slices.jsonl': '\n{"block":"r' },
      /CSV_INVALID: expected lines of a run in .*in line 2\. Remove that line/,
    ],
  ])('%s', (name, beside, message) => {
    const path = write(name, beside);
    expect(() => readSources([path])).toThrow(message);
  });

  test('a histogram that cannot be decoded', () => {
    const rows = syntheticRows().map((row) => ({ ...row, order_index: 0 }));
    const histograms = rows.map(({ block = '', arm = '' }) => ({
      block,
      arm,
      order_index: 0,
      operation: 'all',
      histogram: 'AAAA',
    }));
    expect(() => rendered(sourceOf(rows, { histograms }))).toThrow(
      /^CSV_INVALID: expected encoded histograms/,
    );
  });

  test('packages that are not installed', async () => {
    mkdirSync(join(directory, 'bench/report/plots'), { recursive: true });
    const path = join(directory, 'bench/report/plots/package.json');
    writeFileSync(path, JSON.stringify({ dependencies: { '@observablehq/plot': '0.6.17' } }));
    await expect(loadPlotter(directory)).rejects.toThrow(
      'PACKAGES_MISSING: expected the packages of bench/report/plots, got no @observablehq/plot 0.6.17. Run pnpm -C bench/report/plots install --frozen-lockfile.',
    );
  });
});
