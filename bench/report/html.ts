import { plain } from '../results/text.ts';

/** Markup that is safe to insert. Everything else is text, and escaped: names and notes come from untrusted files. */
export class Html {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** What a template takes: absent values are nothing, lists are joined. */
export type Content = string | number | Html | undefined | readonly Content[];

/** Markup of a template. Its values are escaped unless they are markup. */
export function html(strings: TemplateStringsArray, ...values: readonly Content[]): Html {
  return new Html(strings.map((text, index) => text + textOf(values[index])).join(''));
}

function textOf(value: Content): string {
  if (value === undefined) return '';
  if (value instanceof Html) return value.text;
  if (typeof value === 'object') return value.map(textOf).join('');
  return escapedText(String(value));
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text as HTML shows it unchanged, within elements and quoted attributes; without control characters. */
export function escapedText(text: string): string {
  return plain(text).replace(/[&<>"']/g, (sign) => ENTITIES[sign] as string);
}
