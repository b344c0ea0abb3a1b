/** The text format of Prometheus, version 0.0.4 (https://prometheus.io/docs/instrumenting/exposition_formats/). Pure. */

/** One line of a metric. */
export interface Sample {
  name: string;
  labels: Readonly<Record<string, string>>;
  value: number;
  /** When the exporter took the value, by its clock, ms since 1970; absent: when it was asked. */
  takenAtMs?: number;
}

/** Text that is not in this format; the message has the line's number, and not its content, which may be anything. */
export class NotExposition extends Error {
  constructor(line: number) {
    super(`line ${line}`);
    this.name = 'NotExposition';
  }
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*(?=[{ \t])/;
const REST = /^(?:\{(.*)\})?[ \t]+(\S+)(?:[ \t]+(-?\d+))?[ \t]*$/;
const LABEL = /[ \t]*([a-zA-Z_]\w*)[ \t]*=[ \t]*"((?:[^"\\]|\\.)*)"[ \t]*(?:,[ \t]*|$)/y;
const ESCAPED: Readonly<Record<string, string>> = { n: '\n', '"': '"', '\\': '\\' };
const SPECIAL: Readonly<Record<string, number>> = {
  '+Inf': Number.POSITIVE_INFINITY,
  '-Inf': Number.NEGATIVE_INFINITY,
  NaN: Number.NaN,
};

/**
 * The samples of these metrics, in their order. A scrape may have megabytes of others, of which only the names are read.
 * @throws NotExposition at the first line that is not in the format.
 */
export function samplesOf(text: string, names: readonly string[]): Sample[] {
  const samples: Sample[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    const trimmed = line.trim();
    if (trimmed === '' || trimmed.startsWith('#')) continue;
    const [name] = NAME.exec(trimmed) ?? [];
    if (name === undefined) throw new NotExposition(index + 1);
    if (!names.includes(name)) continue;
    const sample = sampleOf(name, trimmed.slice(name.length));
    if (sample === undefined) throw new NotExposition(index + 1);
    samples.push(sample);
  }
  return samples;
}

function sampleOf(name: string, rest: string): Sample | undefined {
  const [whole, inBraces = '', number = '', taken] = REST.exec(rest) ?? [];
  const labels = labelsOf(inBraces);
  const value = SPECIAL[number] ?? (/^[-+.\deE]+$/.test(number) ? Number(number) : undefined);
  if (whole === undefined || labels === undefined || value === undefined) return undefined;
  if (Number.isNaN(value) && number !== 'NaN') return undefined;
  return { name, labels, value, ...(taken === undefined ? {} : { takenAtMs: Number(taken) }) };
}

/** `undefined` when they are malformed. */
function labelsOf(text: string): Record<string, string> | undefined {
  const labels: Record<string, string> = {};
  for (let at = 0; at < text.length; at = LABEL.lastIndex) {
    LABEL.lastIndex = at;
    const [, name, value = ''] = LABEL.exec(text) ?? [];
    if (name === undefined) return undefined;
    labels[name] = value.replace(/\\(.)/g, (all, char: string) => ESCAPED[char] ?? all);
  }
  return labels;
}
