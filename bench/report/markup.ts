import type { Layout } from '../results/text.ts';
import { type Chart, type Draw, type Series, strokeOf } from './chart.ts';
import type { Figure } from './figure.ts';
import { type Content, Html, html } from './html.ts';

/** Tables and figures as markup. */

/** Cells of at most so many characters stay on one line. */
const SHORT = 30;

/** A name without spaces breaks after the separators of options, and not at the hyphens within them. */
function nameMarkup(name: string): Content {
  const parts = name.split(/(?<=[:;,])/);
  return /\s/.test(name) || parts.length === 1
    ? name
    : html`<span class="name">${parts.map((part, index) => html`${new Html(index === 0 ? '' : '<wbr>')}${part}`)}</span>`;
}

/** A table with its caption. It scrolls by itself where the screen is too narrow, also by the keyboard. */
export function tableMarkup(caption: string, { headings, alignments, lines }: Layout): Html {
  const side = (index: number, text = '') => {
    const isShort = text !== '' && text.length <= SHORT;
    const classes = [...(alignments[index] === 'right' ? ['number'] : []), ...(isShort ? ['short'] : [])];
    return new Html(classes.length === 0 ? '' : ` class="${classes.join(' ')}"`);
  };
  const heading = (text: string, index: number) =>
    text === ''
      ? html`<td></td>`
      : html`<th scope="col"${side(index)}>${text.replaceAll('\n', ' ').replace('/ ', '/')}</th>`;
  const cell = (text: string, index: number) =>
    index === 0 && text !== ''
      ? html`<th scope="row"${side(0, text)}>${nameMarkup(text)}</th>`
      : html`<td${side(index, text)}>${text}</td>`;
  return html`<div class="scroll" role="group" tabindex="0" aria-label="${caption}"><table>
<caption>${caption}</caption>
<thead><tr>${headings.map(heading)}</tr></thead>
<tbody>${lines.map((line) => html`<tr>${line.map(cell)}</tr>\n`)}</tbody>
</table></div>`;
}

/** A figure: heading, chart, legend, remarks and tables. @param level of the heading. @param id unique on the page. */
function figureMarkup(figure: Figure, draw: Draw, level: 3 | 4, id: string): Html {
  const { title, chart, alternative, remarks, tables } = figure;
  const tag = new Html(`h${level}`);
  const drawn = chart === undefined ? undefined : chartMarkup(chart, alternative, draw);
  return html`<div class="figure${new Html(drawn === undefined || isPlain(figure) ? ' tables' : '')}">
<${tag} id="${id}">${title}</${tag}>
${drawn}
<div class="beside">
${tables.map(({ caption, layout, isFolded }) => folded(tableMarkup(caption, layout), isFolded ? caption : undefined))}
${remarks.map((remark) => html`<p class="remark">${remark}</p>\n`)}</div>
</div>
`;
}

/**
 * Figures one below the other. Those whose tables are folded away go by two where there is room.
 * @param prefix of the identifiers of their headings.
 */
export function figuresMarkup(figures: readonly Figure[], draw: Draw, level: 3 | 4, prefix: string): Html {
  const markups = figures.map((figure, index) => ({
    isPlain: isPlain(figure),
    markup: figureMarkup(figure, draw, level, `${prefix}-${index + 1}`),
  }));
  const [plain, others] = [markups.filter((one) => one.isPlain), markups.filter((one) => !one.isPlain)];
  const pairs =
    plain.length === 0 ? undefined : html`<div class="pairs">${plain.map(({ markup }) => markup)}</div>`;
  return html`${others.map(({ markup }) => markup)}${pairs}`;
}

const isPlain = ({ chart, tables }: Figure) =>
  chart !== undefined && tables.every(({ isFolded }) => isFolded);

function folded(content: Html, summary: string | undefined): Html {
  return summary === undefined
    ? content
    : html`<details><summary>Table: ${summary}</summary>${content}</details>`;
}

function chartMarkup(chart: Chart, alternative: string, draw: Draw): Html {
  const svg = draw(chart);
  // The drawing is one picture for screen readers; the table has its figures.
  const named = svg.replace(
    /^<svg /,
    html`<svg role="img" aria-label="${alternative}" fill="currentColor" `.text,
  );
  return html`<figure>${new Html(named)}${legendOf(chart)}</figure>`;
}

function legendOf(chart: Chart): Content {
  if (chart.kind === 'intervals') return undefined;
  const items =
    chart.kind === 'stack'
      ? chart.parts.flatMap((name, index) =>
          name === undefined ? [] : [{ name, swatch: partSwatch(index) }],
        )
      : chart.series
          .filter(({ points }) => points.length > 0)
          .map((series) => ({ name: series.name, swatch: lineSwatch(series) }));
  return html`<ul class="legend">${items.map(({ name, swatch }) => html`<li>${swatch}${name}</li>`)}</ul>`;
}

const partSwatch = (index: number) =>
  new Html(
    `<svg viewBox="0 0 26 12" width="26" height="12" aria-hidden="true"><rect width="26" height="12" fill="var(--part-${index + 1})"/></svg>`,
  );

function lineSwatch({ color }: Series): Html {
  const { stroke, dash } = strokeOf(color);
  return new Html(
    `<svg viewBox="0 0 26 12" width="26" height="12" aria-hidden="true"><path d="M0,6H26" stroke="${stroke}" stroke-width="3" stroke-dasharray="${dash}" fill="none"/></svg>`,
  );
}
