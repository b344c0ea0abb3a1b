import { CONTROL } from '../../stores/registry.ts';
import { answerMarkup, runTitle } from './answer.ts';
import { behaviourMarkup } from './behaviour.ts';
import type { Draw } from './chart.ts';
import type { Figure, Palette } from './figure.ts';
import { armFigures, nameOf } from './figures.ts';
import { guideMarkup, type Prices } from './guide.ts';
import { Html, html } from './html.ts';
import { latencyFigure } from './latency.ts';
import { figuresMarkup } from './markup.ts';
import { invalidMarkup, methodMarkup } from './method.ts';
import { blockFigures, sliceFigures } from './over-time.ts';
import { type Part, type Run, runsOf } from './parts.ts';
import { payloadFigures } from './payload.ts';
import { seriesFigures } from './seconds.ts';
import type { Source } from './source.ts';
import { STYLE } from './style.ts';

/** What a page says without a script, and loads from nowhere: the browser refuses both. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'";

const NO_PRICES: Prices = { core: undefined, rate: undefined };

/**
 * One self-contained HTML page of result files: the answer, figures, behaviour, method, and what is invalid. Pure.
 * @param draw draws its charts.
 */
export function renderPage(sources: readonly Source[], draw: Draw, prices: Prices = NO_PRICES): string {
  const runs = runsOf(sources);
  const parts = runs.flatMap((run) => run.parts);
  const palette = paletteOf(parts);
  const sweeps = payloadFigures(runs, palette);
  const [behaviour, guide] = [behaviourMarkup(runs), guideMarkup(runs, prices)];
  const links: [string, string][] = [
    ['answer', 'The answer'],
    ...parts.map((part): [string, string] => [part.id, headingOf(part, runs)]),
    ...(sweeps.length === 0 ? [] : [['sizes', 'By the size of the session'] as [string, string]]),
    ...(behaviour === undefined ? [] : [['behaviour', 'What each can and cannot do'] as [string, string]]),
    ...(guide === undefined ? [] : [['guide', 'Which to choose'] as [string, string]]),
    ['method', 'How it was measured'],
    ['invalid', 'What is invalid, and why'],
  ];
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="generator" content="session-bench">
<title>${titleOf(runs)}</title>
<style>${new Html(STYLE)}</style>
</head>
<body>
<header>
<h1>${titleOf(runs)}</h1>
<p class="soft">${subtitleOf(runs)}</p>
<nav aria-label="On this page"><ul>${links.map(([id, text]) => html`<li><a href="#${id}">${text}</a></li>\n`)}</ul></nav>
</header>
<main>
${answerMarkup(runs)}
${parts.map((part) => partMarkup(part, headingOf(part, runs), palette, draw))}
${
  sweeps.length === 0
    ? undefined
    : html`<section aria-labelledby="sizes"><h2 id="sizes">By the size of the session</h2>
${sweeps.map(
  ({ title, figures }, at) => html`<h3 id="sizes-${at + 1}">${title}</h3>
${figuresMarkup(figures, draw, 4, `sizes-${at + 1}`)}`,
)}</section>`
}
${behaviour}
${guide}
${methodMarkup(runs)}
${invalidMarkup(runs)}
</main>
<footer><p class="soft">Made by pnpm bench report. Figures are of the machines named above. results/README.md explains every column.</p></footer>
</body>
</html>
`.text;
}

function partMarkup(part: Part, heading: string, palette: Palette, draw: Draw): Html {
  // Logouts are polled at a pace of their own: their service times are neither of a full box nor of a rate.
  const ofLoad = part.axes.scenario === 'revocation' ? [] : loadFigures(part, palette);
  const figures = withoutRepeats([...armFigures(part), ...ofLoad]);
  const { notes } = part.layout;
  return html`<section>
<h2 id="${part.id}">${heading}</h2>
${notes.length === 0 ? undefined : html`<ol class="remark">${notes.map((note) => html`<li>${note}</li>\n`)}</ol>`}
${figuresMarkup(figures, draw, 3, part.id)}</section>
`;
}

function loadFigures(part: Part, palette: Palette): Figure[] {
  const latency = latencyFigure(part, palette);
  return [
    ...(latency === undefined ? [] : [latency]),
    ...blockFigures(part, palette),
    ...seriesFigures(part, palette),
    ...sliceFigures(part, palette),
  ];
}

/** Each remark below the first figure that it is about. */
function withoutRepeats(figures: readonly Figure[]): Figure[] {
  const said = new Set<string>();
  return figures.map((figure) => {
    const remarks = figure.remarks.filter((remark) => !said.has(remark));
    for (const remark of remarks) said.add(remark);
    return { ...figure, remarks };
  });
}

/** Of a page with several runs each part says which it is of. */
function headingOf(part: Part, runs: readonly Run[]): string {
  const { title } = part.layout;
  return runs.length === 1
    ? title
    : `${title} (${runTitle({ source: part.source, startedAt: part.run.startedAt })})`;
}

function titleOf(runs: readonly Run[]): string {
  const scenarios = [
    ...new Set(runs.flatMap(({ rows }) => rows.map(({ scenario = 'sessions' }) => scenario))),
  ];
  return `How to remember who is logged in: ${scenarios.join(', ')}`;
}

function subtitleOf(runs: readonly Run[]): string {
  const rows = runs.flatMap((run) => run.rows);
  const machines = [
    ...new Set(rows.map((row) => `${row.cpu_count ?? 'unknown'} processors (${row.cpu_model ?? 'unknown'})`)),
  ];
  const days = [...new Set(runs.map(({ startedAt }) => startedAt.slice(0, 10)))].filter((day) => day !== '');
  const what = runs.length === 1 ? 'One run' : `${runs.length} runs, each by itself`;
  return `${[what, days.join(', '), machines.join('; ')].filter((text) => text !== '').join(', ')}. The order holds on this machine; sizes differ between machines.`;
}

/** The place of each arm in the palette: the control is 0, the others as the tables have them. */
function paletteOf(parts: readonly Part[]): Palette {
  const names = new Map<string, number>();
  for (const part of parts)
    for (const arm of part.arms) {
      const isControl = arm.rows[0]?.store === CONTROL.name;
      if (!names.has(nameOf(arm))) names.set(nameOf(arm), isControl ? 0 : places(names) + 1);
    }
  return names;
}

const places = (names: ReadonlyMap<string, number>) =>
  [...names.values()].filter((place) => place > 0).length;
