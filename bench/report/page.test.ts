import { readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, test } from 'vitest';
import { PROJECT_ROOT } from '../environment/programs.ts';
import { rankRows } from '../ranking/ranking.ts';
import { sentenceOf } from '../ranking/sentence.ts';
import { layOutRun } from '../results/layout.ts';
import type { Row } from '../results/row.ts';
import { fixed, milliseconds } from '../results/shown.ts';
import { renderLimits, renderTables } from '../results/table.ts';
import { whole } from '../results/text.ts';
import { COLORS, strokeOf } from './chart.ts';
import { committedFiles, rendered, sourceOf, syntheticRows, tablesIn, textOf } from './page-fixture.ts';
import { RULES } from './rules.ts';
import { readSources, type Source } from './source.ts';
import { STYLE } from './style.ts';

const REFERENCE = join(PROJECT_ROOT, 'results/reference/read-1-server.csv');
const EQUAL_LOAD = join(PROJECT_ROOT, 'results/reference/read-1-server-equal-load.csv');
const [closed, open] = readSources([REFERENCE, EQUAL_LOAD]);
if (closed === undefined || open === undefined) throw new Error('expected the committed reference runs');
const pages = {
  closed: rendered(closed),
  open: rendered(open),
  synthetic: rendered(sourceOf(syntheticRows())),
};

describe.each(Object.entries(pages))('the page of a run: %s', (_, { page, charts }) => {
  test('loads nothing and runs nothing', () => {
    expect(page).not.toMatch(
      /<script|<link|<img|<iframe|<object|<form|@import|url\(|\ssrc=|\son\w+=|javascript:/i,
    );
    const links = [...page.matchAll(/href="([^"]*)"/g)].map(([, link = '']) => link);
    expect(links.length).toBeGreaterThan(4);
    expect(links.filter((link) => !link.startsWith('#'))).toEqual([]);
    expect(page).toContain(`content="default-src &#39;none&#39;; style-src &#39;unsafe-inline&#39;"`);
  });

  test('has one h1, headings that skip no level, and a target for every link', () => {
    const levels = [...page.matchAll(/<h(\d)/g)].map(([, level]) => Number(level));
    expect(levels.filter((level) => level === 1)).toEqual([1]);
    const skipped = levels.filter((level, index) => level > (levels[index - 1] ?? 0) + 1);
    expect(skipped).toEqual([]);
    const ids = [...page.matchAll(/\sid="([^"]*)"/g)].map(([, id = '']) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const [, link] of page.matchAll(/href="#([^"]*)"/g)) expect(ids).toContain(link);
    for (const [, label] of page.matchAll(/aria-labelledby="([^"]*)"/g)) expect(ids).toContain(label);
    const sections = [...page.matchAll(/<h2[^>]*>(.*?)<\/h2>/g)].map(([, text = '']) => textOf(text));
    expect(sections[0]).toBe('The answer');
    expect(sections.slice(-4)).toEqual([
      'What each can and cannot do',
      'Which to choose',
      'How it was measured',
      'What is invalid, and why',
    ]);
  });

  test('names every drawing for who does not see it, and has a table below it', () => {
    const sections = page.split('<div class="figure').slice(1);
    const drawn = sections.filter((section) => section.includes('<figure>'));
    expect(drawn.length).toBe(charts.length);
    expect(charts.length).toBeGreaterThanOrEqual(5);
    for (const section of drawn) {
      const label = /<figure><svg role="img" aria-label="([^"]+)"/.exec(section)?.[1] ?? '';
      expect(label.length).toBeGreaterThan(20);
      expect(section).toMatch(/<caption>[^<]+<\/caption>/);
    }
    for (const { caption, headings } of tablesIn(page)) {
      expect(caption).not.toBe('');
      expect(headings.length).toBeGreaterThan(1);
    }
    expect(page).not.toMatch(/<th[^>]*><\/th>/);
  });

  test('is small enough for a mail', () => {
    expect(Buffer.byteLength(page)).toBeLessThan(120 * 1024);
  });
});

describe('the figures of a page are those of the tables of its run', () => {
  test.each([
    ['closed', closed, pages.closed],
    ['open', open, pages.open],
  ])('%s: every cell', (_, { rows }, { page }) => {
    const shown = tablesIn(page).map(({ lines }) => JSON.stringify(lines));
    const expected = layOutRun(rows, true).flatMap(({ tables }) => tables.map(({ table }) => table.lines));
    expect(expected.length).toBe(3);
    for (const lines of expected) expect(shown).toContain(JSON.stringify(lines));
    const printed = renderTables(rows, false, true);
    for (const cell of expected.flat(2)) expect(printed).toContain(cell);
  });

  test('every mark with its interval', () => {
    const [costs, load] = layOutRun(closed.rows, true)[0]?.tables ?? [];
    const marks = pages.closed.charts.flatMap((chart) => (chart.kind === 'intervals' ? [chart.rows] : []));
    const [cpu = [], net = [], rate = []] = marks;
    const asCells = (rows: typeof cpu, format: (value: number) => string) =>
      rows.map(({ name, value, interval }) => [name, format(value), `[${interval?.map(format).join(', ')}]`]);
    expect(asCells(cpu, fixed(1))).toEqual(
      costs?.table.lines.map(([name, value, interval]) => [name, value, interval]),
    );
    expect(asCells(rate, whole)).toEqual(
      load?.table.lines.map(([name, value, interval]) => [name, value, interval]),
    );
    const overControl = costs?.table.headings.indexOf('over\ncontrol') ?? -1;
    expect(net.map(({ name, value }) => [name, fixed(1)(value)])).toEqual(
      costs?.table.lines.filter(([name]) => name !== 'none').map((line) => [line[0], line[overControl]]),
    );
    for (const { value, interval = [0, 0] } of net) {
      expect(interval[0]).toBeLessThanOrEqual(value);
      expect(interval[1]).toBeGreaterThanOrEqual(value);
    }
  });

  test('every percentile that a table has lies on its curve', () => {
    const [, load] = layOutRun(closed.rows, true)[0]?.tables ?? [];
    const curves = pages.closed.charts.flatMap((chart) =>
      chart.kind === 'lines' && chart.x.scale === 'log' ? [chart] : [],
    );
    expect(curves).toHaveLength(1);
    expect(curves[0]?.hasMarks).toBe(false);
    for (const [percent, heading] of [
      [50, 'p50 ms'],
      [99, 'p99 ms'],
    ] as const) {
      const column = load?.table.headings.indexOf(heading) ?? -1;
      expect(
        curves[0]?.series.map(({ name, points }) => [
          name,
          milliseconds((points.find(({ y }) => y === percent)?.x ?? 0) * 1000),
        ]),
      ).toEqual(load?.table.lines.map((line) => [line[0], line[column]]));
    }
  });

  test('the answer is what the ranking says, word for word', () => {
    const answer = /<section class="answer"[\s\S]*?<\/ol>/.exec(pages.closed.page)?.[0] ?? '';
    const items = [...answer.matchAll(/<li>([\s\S]*?)<\/li>/g)].map(([, item = '']) => textOf(item));
    expect(items).toHaveLength(3);
    const sentences = rankRows(closed.rows).flatMap(({ figures }) => figures.map(sentenceOf));
    expect(sentences).toHaveLength(2);
    for (const [index, sentence] of sentences.entries()) expect(items[index]).toContain(`: ${sentence}`);
  });

  test('what they cannot do is what the run prints', () => {
    const limits = renderLimits(closed.rows)
      .replace(/\n {4}/g, ' ')
      .split('\n')
      .slice(1);
    expect(limits).toHaveLength(6);
    for (const line of limits) {
      const [name, text] = line.trim().split(/: (.*)/) as [string, string];
      expect(textOf(pages.closed.page)).toContain(`${name} cannot, or costs: ${text}.`);
    }
  });
});

describe('result files of every generation', () => {
  const files = committedFiles();

  /** Without a usable row in them. */
  const spoilt = files.filter((file) => /fixtures.*(flags|large|revocation)\.csv$/.test(file));
  const several = files.filter(
    (file) => !spoilt.includes(file) && !/campaign\/(?!001)|gates-none-[12]|-twin/.test(file),
  );

  test('are there, and those without a usable row are refused', () => {
    expect(several.length).toBeGreaterThan(15);
    expect(spoilt).toHaveLength(3);
    for (const file of spoilt)
      expect(() => readSources([file])).toThrow('NOTHING_TO_REPORT: expected a usable row in');
  });

  test.each(several.map((file) => relative(PROJECT_ROOT, file)))('%s', (name) => {
    const file = join(PROJECT_ROOT, name);
    const { page, charts } = rendered(...readSources([file]));
    expect(charts.length).toBeGreaterThan(0);
    expect(page).not.toMatch(/undefined|NaN|Infinity|\[object/);
    expect(Buffer.byteLength(page)).toBeLessThan(700 * 1024);
  });

  test('without histograms the percentiles of the rows are drawn', () => {
    const [source] = readSources([join(PROJECT_ROOT, 'results/proof/runs-later-redis.csv')]);
    const { page, charts } = rendered(source as NonNullable<typeof source>);
    expect(page).toContain('No histograms are kept');
    expect(charts.some((chart) => chart.kind === 'lines' && chart.x.scale === 'log' && chart.hasMarks)).toBe(
      true,
    );
  });
});

describe('logouts and their refusals', () => {
  const [source] = readSources([
    join(PROJECT_ROOT, 'results/reference/revocation-full/time-to-refusal.csv'),
  ]) as [Source];

  test('have one line for each backend, and neither service times nor slices', () => {
    const { charts, page } = rendered(source);
    expect(textOf(page)).toMatch(
      /The answer\s*revocation, 3 servers, round-robin: a logged-out token of redis was refused within 14\.8 ms;.* jwt:lib=fast-jwt was refused within 5173\.2 ms, and accepted 10,549 times after the logout/,
    );
    const [chart, ...others] = charts;
    const names = chart?.kind === 'intervals' ? chart.rows.map(({ name }) => name) : [];
    expect([names.length, new Set(names).size, others]).toEqual([8, 8, []]);
  });

  test.each([
    ['check=at-refresh', 'when its access token is over'],
    ['check=pushed', 'within a bound'],
    ['check=lookup', 'yes'],
  ])('with %s a logout holds: %s', (check, text) => {
    const variant = `alg=HS256;cache=off;${check};db=redis;durability=second;lib=fast-jwt;on-outage=closed;refresh=rotating`;
    const cells: Row = { store: 'jwt-blacklist', arm: check, variant };
    const { page } = rendered(sourceOf(syntheticRows().map((row) => ({ ...row, ...cells }))));
    expect(textOf(page)).toMatch(new RegExp(`a logout holds at once, on every server\\s*[✓✗]?\\s*${text}`));
  });
});

describe('the look', () => {
  test('RULES are those of docs/measurement.md', () => {
    const text = readFileSync(join(PROJECT_ROOT, 'docs/measurement.md'), 'utf8').replaceAll('`', '');
    const rows = [...text.matchAll(/^\| (\d) \| (.*) \| (.*) \|$/gm)].map(([, ...cells]) => cells);
    expect(RULES).toEqual(rows);
  });

  test('series differ in colour or dash, up to three times the palette', () => {
    const strokes = Array.from({ length: 3 * COLORS + 1 }, (_, color) => JSON.stringify(strokeOf(color)));
    expect(new Set(strokes).size).toBe(strokes.length);
  });

  const modes = [...STYLE.matchAll(/--page:#[^}]*/g)].map(([text]) =>
    Object.fromEntries(
      [...text.matchAll(/--([\w-]+):(#[0-9a-f]+)/g)].map(([, name, color]) => [name, color]),
    ),
  ) as Record<string, string>[];

  test.each(['light', 'dark', 'print'])('contrast in %s: text 4.5:1, marks 3:1', (mode) => {
    expect(modes).toHaveLength(3);
    const colors = modes[['light', 'dark', 'print'].indexOf(mode)] ?? {};
    const low = Object.entries(colors).filter(([name, color]) => {
      if (['page', 'card', 'line', 'grid', 'bar'].includes(name)) return false;
      const least = ['text', 'soft', 'link'].includes(name) ? 4.5 : 3;
      return ['page', 'card'].some((ground) => contrast(color, colors[ground] ?? '') < least);
    });
    expect(low).toEqual([]);
    expect(Object.keys(colors).length).toBe(21);
  });
});

/** Source: WCAG 2.2, relative luminance and contrast ratio. */
function contrast(one: string, other: string): number {
  const [dark = 0, light = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

function luminance(color: string): number {
  const digits = color.length === 4 ? color.replace(/[0-9a-f]/g, '$&$&') : color;
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const value = Number.parseInt(digits.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
