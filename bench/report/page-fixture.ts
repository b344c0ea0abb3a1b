import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECT_ROOT } from '../environment/programs.ts';
import { interleavedRows } from '../ranking/rows-fixture.ts';
import type { Row } from '../results/row.ts';
import { seededRandom } from '../stats/random.ts';
import type { Chart } from './chart.ts';
import { renderPage } from './page.ts';
import type { Source } from './source.ts';

/** For tests: pages, their charts as data, and what a reader finds in them. */

export interface Rendered {
  page: string;
  charts: Chart[];
}

/** A page whose charts are kept instead of drawn: the unit lane has no packages that draw. */
export function rendered(...sources: readonly Source[]): Rendered {
  const charts: Chart[] = [];
  const page = renderPage(sources, (chart) => {
    charts.push(chart);
    return '<svg viewBox="0 0 360 100"></svg>';
  });
  return { page, charts };
}

/** A result file that exists only here. */
export const sourceOf = (rows: readonly Row[], more: Partial<Source> = {}): Source => ({
  ...{ path: 'results/x.csv', rows, record: undefined, histograms: [], slices: [], series: [] },
  ...more,
});

/** Interleaved blocks of three arms and the control. */
export const syntheticRows = (cells: Row = {}, blocks = 12): Row[] =>
  interleavedRows({
    arms: { none: 0.5, memory: 1, redis: 1.6, 'jwt-blacklist': 2 },
    blocks,
    scatter: 0.01,
    random: seededRandom(3),
    cells: { run_id: 'r', ...cells },
  });

/** Every committed result file of the project, of several generations of columns. */
export function committedFiles(): string[] {
  const folders = [
    'results/reference',
    ...foldersIn('results/reference'),
    'results/proof',
    'results/proof/campaign',
    'bench/compare/fixtures/07d888b',
  ];
  return folders.flatMap((folder) =>
    readdirSync(join(PROJECT_ROOT, folder))
      .filter((name) => name.endsWith('.csv'))
      .map((name) => join(PROJECT_ROOT, folder, name)),
  );
}

const foldersIn = (folder: string) =>
  readdirSync(join(PROJECT_ROOT, folder), { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? [`${folder}/${entry.name}`] : [],
  );

const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', '#39': "'" };
/** What a reader sees of some markup. */
export const textOf = (markup: string): string =>
  markup
    .replace(/<[^>]*>/g, '')
    .replace(/&(#?\w+);/g, (_, name: string) => ENTITIES[name] ?? '?')
    .trim();

export interface FoundTable {
  caption: string;
  headings: string[];
  lines: string[][];
}

/** The tables of a page, as text. */
export function tablesIn(page: string): FoundTable[] {
  return [...page.matchAll(/<table>([\s\S]*?)<\/table>/g)].map(([, markup = '']) => {
    const [head, ...rows] = [...markup.matchAll(/<tr>([\s\S]*?)<\/tr>/g)].map(([, row = '']) =>
      [...row.matchAll(/<t[hd][^>]*>([\s\S]*?)<\/t[hd]>/g)].map(([, cell = '']) => textOf(cell)),
    );
    const caption = textOf(/<caption>([\s\S]*?)<\/caption>/.exec(markup)?.[1] ?? '');
    return { caption, headings: head ?? [], lines: rows };
  });
}
