/** Layout of text for people: pure. */

/** Maximum columns of a line: a terminal beside an editor. */
const LINE_COLUMNS = 100;

/** The text in lines of at most {@link LINE_COLUMNS}, broken between words; further lines are indented. */
export function wrap(text: string, indent = '  '): string {
  let width = 0;
  const words = text.split(' ').map((word) => {
    width += word.length + 1;
    if (width <= LINE_COLUMNS + 1) return ` ${word}`;
    width = indent.length + word.length + 1;
    return `\n${indent}${word}`;
  });
  return words.join('').slice(1);
}

/** A whole number with its thousands apart: `14,949`. */
export function whole(value: number): string {
  // Without the sign of a negative zero.
  return (Math.round(value) || 0).toLocaleString('en-US');
}

/** For cli-table3: no frame, one rule below the heading. */
const BORDERLESS = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  right: '',
  'right-mid': '',
  mid: '─',
  'mid-mid': '─',
  middle: ' ',
} as const;

/** The look of every table: options of cli-table3. @param gap columns between two cells. */
export function tableStyle(color: boolean, gap = 1) {
  const [head, border] = color ? [['bold'], ['grey']] : [[], []];
  const style = { head, border, compact: true, 'padding-left': 0, 'padding-right': gap };
  return { style, chars: BORDERLESS };
}

/** Text of a file without control characters. */
export function plain(text: string): string {
  return text.replace(/\p{Cc}/gu, ' ');
}

/** Text that Markdown shows unchanged, without mentions: names come from an untrusted file. */
export function escaped(text: string): string {
  return plain(text)
    .replace(/[\\`*_[\]<>|~#&]/g, '\\$&')
    .replaceAll('@', '@\u200b');
}

/** One line of a Markdown table; the cells are Markdown already. */
export const tableLine = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
