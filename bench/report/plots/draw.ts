import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';
import { type Chart, type IntervalChart, type LineChart, type StackChart, strokeOf } from '../chart.ts';

/**
 * Draws charts with Observable Plot, as static SVG. Widths are those of the narrowest screen: the page lets them grow by
 * a third, so that text is legible at both ends. Names stand above their marks, where there is room for the longest.
 */

const { document } = parseHTML('<!doctype html><html><body></body></html>');
const WIDTH = 360;
const FONT_PX = 14;
const LINE_PX = 18;
const MARK_PX = 24;
/** Of a character, at most, in any of the usual fonts. */
const [BOLD_PX, PLAIN_PX] = [9, 8];
const TEXT_PX = 336;
const MARGINS = { marginLeft: 8, marginRight: 16, marginTop: 4, marginBottom: 44 };
const GRID = { stroke: 'var(--grid)', strokeOpacity: 1 };

/** Draws a chart; see {@link Chart}. */
export function draw(chart: Chart): string {
  switch (chart.kind) {
    case 'intervals':
      return drawIntervals(chart);
    case 'stack':
      return drawStack(chart);
    case 'lines':
      return drawLines(chart);
  }
}

interface Lane {
  name: string;
  text: string;
}

/** Where the texts and the mark of each row lie, pixels from the top of the row. Long texts take a line of their own. */
function lanesOf(rows: readonly Lane[]) {
  const names = rows.map(({ name }) => linesOf(name, Math.floor(TEXT_PX / BOLD_PX)));
  const nameLines = Math.max(...names.map((lines) => lines.length));
  const isLong =
    nameLines > 1 ||
    rows.some(({ name, text }) => name.length * BOLD_PX + (text.length + 2) * PLAIN_PX > TEXT_PX);
  const textPx = (isLong ? nameLines + 1 : 1) * LINE_PX;
  const rowPx = textPx + MARK_PX;
  return {
    heightPx: rows.length * rowPx,
    names: names.flatMap((lines, row) =>
      lines.map((text, line) => ({
        text,
        y: row * rowPx + (line + 0.5 + nameLines - lines.length) * LINE_PX + 2,
      })),
    ),
    text: (index: number) => index * rowPx + textPx - LINE_PX / 2 + 2,
    mark: (index: number) => index * rowPx + textPx + 9,
    isLong,
  };
}

/** A name in lines, broken after the separators of options where there are any. */
function linesOf(name: string, most: number): string[] {
  if (name.length <= most) return [name];
  const end = Math.max(...[';', ':', ',', ' '].map((sign) => name.lastIndexOf(sign, most - 1))) + 1;
  const at = end > most / 3 ? end : most;
  return [name.slice(0, at), ...linesOf(name.slice(at), most)];
}

/** Room for half of the last label of an x axis. */
const marginRightFor = (most: number) =>
  Math.max(MARGINS.marginRight, 4 + (tickText(Math.ceil(most)).length * PLAIN_PX) / 2);
const tickText = (value: number) => value.toLocaleString('en-US', { maximumFractionDigits: 3 });

interface RowAxis {
  label: string;
  domain: readonly [number, number];
  scale?: 'linear' | 'log';
}

function drawRows(
  rows: readonly Lane[],
  { label, domain, scale = 'linear' }: RowAxis,
  marksAt: (mark: (index: number) => number) => Plot.Markish[],
): string {
  const lanes = lanesOf(rows);
  const indices = rows.map((_, index) => index);
  const [least, most] = domain;
  return svgOf({
    ...MARGINS,
    marginRight: marginRightFor(most),
    height: lanes.heightPx + MARGINS.marginTop + MARGINS.marginBottom,
    x: { type: scale, domain: [...domain], nice: false, axis: null },
    y: { domain: [0, lanes.heightPx], axis: null, reverse: true },
    marks: [
      Plot.gridX({ ticks: 4, ...GRID }),
      ...(least < 0 ? [Plot.ruleX([0], { stroke: 'currentColor' })] : []),
      Plot.axisX({
        ticks: 4,
        label,
        labelAnchor: 'left',
        labelArrow: 'none',
        tickSize: 0,
        labelOffset: 40,
        tickFormat: tickText,
      }),
      ...marksAt(lanes.mark),
      Plot.text(lanes.names, {
        x: () => least,
        y: 'y',
        text: 'text',
        textAnchor: 'start',
        fontWeight: 600,
      }),
      Plot.text(indices, {
        x: () => (lanes.isLong ? least : most),
        y: lanes.text,
        text: (index: number) => rows[index]?.text ?? '',
        textAnchor: lanes.isLong ? 'start' : 'end',
      }),
    ],
  });
}

/** From 0, with room at the end. */
function domainOf(values: readonly number[]): [number, number] {
  const [least, most] = [Math.min(0, ...values), Math.max(0, ...values)];
  const room = (most - least) * 0.03 || 1;
  return [least < 0 ? least - room : 0, most + room];
}

/** From a third of the least, so that a power of ten is on the axis. */
const logDomainOf = (values: readonly number[]): [number, number] => [
  Math.min(...values) / 3,
  Math.max(...values) * 1.3,
];

function drawIntervals({ rows, label, mark, scale = 'linear' }: IntervalChart): string {
  const ends = rows.flatMap(({ value, interval = [value, value] }) => [value, ...interval]);
  const domain = scale === 'log' ? logDomainOf(ends) : domainOf(ends);
  const known = rows.flatMap(({ interval }, index) => (interval === undefined ? [] : [{ index, interval }]));
  return drawRows(rows, { label, domain, scale }, (place) => [
    ...(scale === 'log' ? [] : [fromZero(rows, mark, place)]),
    Plot.link(known, {
      x1: ({ interval }) => interval[0],
      x2: ({ interval }) => interval[1],
      y1: ({ index }) => place(index),
      y2: ({ index }) => place(index),
      stroke: 'var(--mark)',
      strokeWidth: 2,
    }),
    ...[0, 1].map((end) =>
      Plot.link(known, {
        x1: ({ interval }) => interval[end],
        x2: ({ interval }) => interval[end],
        y1: ({ index }) => place(index) - 5,
        y2: ({ index }) => place(index) + 5,
        stroke: 'var(--mark)',
        strokeWidth: 2,
      }),
    ),
    Plot.dot(rows, { x: 'value', y: (_, index) => place(index), r: 4, fill: 'var(--mark)' }),
  ]);
}

function fromZero(
  rows: IntervalChart['rows'],
  mark: IntervalChart['mark'],
  place: (index: number) => number,
): Plot.Markish {
  const ends = { x1: () => 0, x2: 'value' };
  const half = mark === 'bar' ? 7 : 0;
  const y1 = (_: unknown, index: number) => place(index) - half;
  const y2 = (_: unknown, index: number) => place(index) + half;
  return mark === 'bar'
    ? Plot.rect(rows, { ...ends, y1, y2, fill: 'var(--bar)' })
    : Plot.link(rows, { ...ends, y1, y2, stroke: 'var(--bar)', strokeWidth: 2 });
}

function drawStack({ rows, label, parts }: StackChart): string {
  const pieces = rows.flatMap(({ values }, row) => {
    let end = 0;
    return values.map((value, part) => {
      const start = end;
      end += value;
      return { row, part, start, end };
    });
  });
  return drawRows(rows, { label, domain: domainOf(pieces.map(({ end }) => end)) }, (place) =>
    parts.map((_, part) =>
      Plot.rect(
        pieces.filter((piece) => piece.part === part && piece.end > piece.start),
        {
          x1: 'start',
          x2: 'end',
          y1: ({ row }) => place(row) - 8,
          y2: ({ row }) => place(row) + 8,
          fill: `var(--part-${part + 1})`,
          stroke: 'var(--page)',
        },
      ),
    ),
  );
}

const LINES_HEIGHT = 300;

function drawLines({ x, y, series, hasMarks, crosses = [] }: LineChart): string {
  const scaleOf = ({ scale, domain }: LineChart['x'], isY: boolean) => ({
    type: scale,
    axis: null,
    nice: false,
    ...(domain === undefined
      ? isY && scale === 'linear'
        ? { zero: true, nice: true }
        : {}
      : { domain: [...domain] }),
  });
  const lines = series.filter(({ points }) => points.length > 0);
  const longest = Math.max(...(y.domain ?? lines.flatMap(({ points }) => points.map((point) => point.y))));
  const marginRight = marginRightFor(
    Math.max(...lines.flatMap(({ points }) => points.map((point) => point.x))),
  );
  // A scale that ends at a round number may be twice as long.
  const marginLeft = 20 + tickText(Math.ceil(2 * longest)).length * PLAIN_PX;
  return svgOf({
    ...{ ...MARGINS, marginTop: 30, marginLeft, marginRight },
    height: LINES_HEIGHT,
    x: scaleOf(x, false),
    y: scaleOf(y, true),
    marks: [
      Plot.gridX({ ticks: 4, ...GRID }),
      Plot.gridY({ ticks: 5, ...GRID }),
      Plot.axisX({
        ticks: 4,
        label: x.label,
        labelAnchor: 'left',
        labelArrow: 'none',
        tickSize: 0,
        labelOffset: 40,
        tickFormat: tickText,
      }),
      Plot.axisY({ ticks: 5, label: y.label, labelArrow: 'none', tickSize: 0, tickFormat: tickText }),
      ...lines.flatMap(({ points, color }) => {
        const { stroke, dash } = strokeOf(color);
        return [
          Plot.line(points, { x: 'x', y: 'y', stroke, strokeWidth: 2, strokeDasharray: dash }),
          ...(hasMarks ? [Plot.dot(points, { x: 'x', y: 'y', r: 2.5, fill: stroke })] : []),
        ];
      }),
      Plot.dot(crosses, { x: 'x', y: 'y', symbol: 'times', r: 4, stroke: 'currentColor', strokeWidth: 1.5 }),
    ],
  });
}

/** The element as text, without what the page says itself: styles, classes, names for screen readers of each part. */
function svgOf(options: Plot.PlotOptions): string {
  const svg = Plot.plot({
    width: WIDTH,
    ...options,
    document: document as never,
  });
  for (const style of svg.querySelectorAll('style')) style.remove();
  for (const name of ['class', 'style', 'font-family', 'fill', 'width', 'height']) svg.removeAttribute(name);
  for (const element of svg.querySelectorAll('*'))
    for (const name of ['class', 'aria-label', 'aria-description', 'aria-hidden'])
      element.removeAttribute(name);
  svg.setAttribute('font-size', String(FONT_PX));
  // Tenths of a pixel are enough.
  return svg.outerHTML.replace(/\d+\.\d{2,}/g, (digits: string) => String(Number(Number(digits).toFixed(1))));
}
