import { execFile } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PROJECT_ROOT } from '../environment/programs.ts';
import { bench, scratch } from '../tests/cli-fixture.ts';
import type { Draw } from './chart.ts';
import { loadPlotter, PLOTS_FOLDER } from './plotter.ts';

/** `pnpm bench report` as a process, and what draws its charts. */

const directory = scratch();
const at = (name: string) => join(directory.path, name);
const report = (...args: string[]) => bench(['report', ...args], directory.path);
const REFERENCE = join(PROJECT_ROOT, 'results/reference/read-1-server.csv');
const run = promisify(execFile);
let draw: Draw;

// Without the network where they are installed already.
beforeAll(async () => {
  const options = { cwd: join(PROJECT_ROOT, PLOTS_FOLDER), env: { ...process.env, CI: 'true' } };
  await run('pnpm', ['install', '--frozen-lockfile', '--prefer-offline'], options);
  draw = await loadPlotter();
});
afterAll(directory.remove);

describe.concurrent('the command', () => {
  test('writes one page, which replaces an older one', async () => {
    writeFileSync(at('page.html'), 'an older page');
    const { code, stdout, stderr } = await report(REFERENCE, '-o', at('page.html'));
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/page\.html: 84 rows of 1 file, \d+ KiB\n$/);
    const page = readFileSync(at('page.html'), 'utf8');
    expect(page.match(/<figure><svg role="img"/g)?.length).toBe(8);
    expect(page.match(/<circle/g)?.length).toBeGreaterThan(20);
    // But for the name of SVG itself, which no browser loads.
    expect(page.replaceAll('http://www.w3.org/2000/svg', '')).not.toMatch(/https?:|<script|\ssrc=|url\(/);
    expect(Buffer.byteLength(page)).toBeLessThan(200 * 1024);
  });

  test('says what is wrong in one line, and writes nothing', async () => {
    const { code, stdout, stderr } = await report('absent.csv', '-o', at('absent.html'));
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toBe(
      'session-bench: USAGE: expected a result file, got "absent.csv", which does not exist. Write pnpm bench report FILE.csv -o report.html.\n',
    );
    expect(existsSync(at('absent.html'))).toBe(false);
  });
});

test('the picture of the README is what its command makes of the committed rows', async () => {
  const { stdout } = await run(process.execPath, ['--import', 'tsx', 'scripts/price-picture.ts'], {
    cwd: PROJECT_ROOT,
  });
  expect(readFileSync(join(PROJECT_ROOT, 'docs/pictures/price-of-a-session.svg'), 'utf8')).toBe(stdout);
});

describe('what draws', () => {
  const texts = (svg: string) => [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, text]) => text);

  test('compiles by itself, as its packages are not those of the project', async () => {
    await run(process.execPath, ['node_modules/typescript/bin/tsc', '-p', PLOTS_FOLDER], {
      cwd: PROJECT_ROOT,
    });
  });

  test('a dot lies at its value, and a name is text', () => {
    const row = (name: string, value: number) => ({
      name,
      value,
      text: String(value),
      interval: [value - 1, value + 1] as const,
    });
    const svg = draw({
      kind: 'intervals',
      label: 'µs',
      mark: 'dot',
      rows: [row('<b>a', 10), row('b', 20), row('c', 30)],
    });
    const places = [...svg.matchAll(/<circle[^>]*cx="([\d.]+)"/g)].map(([, x]) => Number(x));
    expect(places).toHaveLength(3);
    const [first = 0, second = 0, third = 0] = places;
    expect(third - second).toBeCloseTo(second - first, 0);
    expect(second - first).toBeGreaterThan(50);
    expect(texts(svg)).toEqual(expect.arrayContaining(['&lt;b&gt;a', 'b', '20', 'µs']));
    expect(svg).not.toMatch(/<style|class=|\sid=|style=|<b>/);
  });

  test('on a log scale factors are distances, and nothing begins at 0', () => {
    const rows = [5, 50, 500].map((value) => ({ name: `a${value}`, text: '', value }));
    const svg = draw({ kind: 'intervals', label: 'ms', mark: 'dot', scale: 'log', rows });
    const [first = 0, second = 0, third = 0] = [...svg.matchAll(/<circle[^>]*cx="([\d.]+)"/g)].map(([, x]) =>
      Number(x),
    );
    expect(third - second).toBeCloseTo(second - first, 0);
    expect(second - first).toBeGreaterThan(50);
    expect(texts(svg)).toEqual(expect.arrayContaining(['10', '100']));
    expect(svg).not.toMatch(/--bar|NaN|Infinity/);
  });

  test('long names are broken, and lie above one another', () => {
    const name = 'jwt-blacklist:alg=ES256;cache=1000;db=postgres;lib=jsonwebtoken;on-outage=open';
    const svg = draw({
      kind: 'stack',
      label: 'µs',
      parts: ['servers'],
      rows: [{ name, text: 'servers 1', values: [1] }],
    });
    const parts = texts(svg).filter((text) => text !== undefined && name.includes(text) && text.length > 3);
    expect(parts.join('')).toBe(name);
    expect(Math.max(...parts.map((text = '') => text.length))).toBeLessThan(40);
  });

  test('series have the colours of the page, and its crosses are drawn', () => {
    const points = [1, 10, 100].map((x) => ({ x, y: x }));
    const svg = draw({
      kind: 'lines',
      x: { label: 'ms', scale: 'log' },
      y: { label: '%', scale: 'linear', domain: [0, 100] },
      series: [
        { name: 'none', color: 0, points },
        { name: 'a', color: 9, points },
        { name: 'nothing', color: 2, points: [] },
      ],
      hasMarks: true,
      crosses: [{ x: 5, y: 5 }],
    });
    expect(svg).toMatch(/stroke="var\(--series-0\)"/);
    expect(svg).toMatch(
      /stroke-dasharray="7 3"[^>]*stroke="var\(--series-1\)"|stroke="var\(--series-1\)"[^>]*stroke-dasharray="7 3"/,
    );
    expect(svg).not.toContain('--series-2');
    expect(svg.match(/<circle/g)).toHaveLength(6);
  });
});
