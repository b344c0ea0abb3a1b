/**
 * The picture of the README: what a session costs over the control, from the rows of results/reference. Prints
 * docs/pictures/price-of-a-session.svg, or replaces it with --write. It needs what `pnpm bench report` needs. Usage: pnpm
 * exec tsx scripts/price-picture.ts [--write]
 */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ignoreClosedPipes } from '../bench/commands/closed-pipe.ts';
import { PROJECT_ROOT } from '../bench/environment/programs.ts';
import { armFigures } from '../bench/report/figures.ts';
import { html } from '../bench/report/html.ts';
import { runsOf } from '../bench/report/parts.ts';
import { loadPlotter } from '../bench/report/plotter.ts';
import { readSources } from '../bench/report/source.ts';
import { DARK, LIGHT } from '../bench/report/style.ts';

ignoreClosedPipes();

const ROWS = 'results/reference/read-1-server.csv';
const PICTURE = 'docs/pictures/price-of-a-session.svg';
const FIGURE = /^Net CPU/;

// A picture by itself has neither the colours nor the font of the page.
const STYLE = `<style>svg{${LIGHT};color:var(--text);background:var(--page);font-family:system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
@media (prefers-color-scheme:dark){svg{${DARK}}}</style>`;

const [run] = runsOf(readSources([join(PROJECT_ROOT, ROWS)]));
const [part] = run?.parts ?? [];
const figure = part === undefined ? undefined : armFigures(part).find(({ title }) => FIGURE.test(title));
if (figure?.chart?.kind !== 'intervals') throw new Error(`expected a figure ${FIGURE} of ${ROWS}, got none`);
const draw = await loadPlotter();
// In the order of the table beside it.
const rows = [...figure.chart.rows].sort((a, b) => a.value - b.value);
const picture = draw({ ...figure.chart, rows }).replace(
  /^<svg ([^>]*)>/,
  (_, attributes: string) =>
    `${html`<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="${figure.alternative}" fill="currentColor" `.text}${attributes.replace(/xmlns="[^"]*" ?/, '')}>${STYLE}`,
);
if (process.argv.includes('--write')) writeFileSync(join(PROJECT_ROOT, PICTURE), `${picture}\n`);
else process.stdout.write(`${picture}\n`);
