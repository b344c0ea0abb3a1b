import { blockKey, groupBy, isInterleaved, spoiltBlocks, WITH_ANOTHER_ARM } from './blocks.ts';
import { armText } from './groups.ts';
import { isUsable, type Row } from './row.ts';
import { counted } from './text.ts';

/** Footnotes of a table: those of one arm by its place in the table, and those of the whole table. */
export interface Notes {
  /** In the order of the arms given, each without the arm's name. */
  ofArms: string[][];
  ofAll: string[];
}

/**
 * What a reader must know about these rows. Notes that differ only in their figures are merged, with the range of the
 * figures; a note that every arm of interleaved blocks has concerns the machine, and appears once.
 * @param arms the rows of each arm (and operation) of a group.
 */
export function notesOf(arms: readonly (readonly Row[])[]): Notes {
  const remarks = arms.map((rows) => merged(rows.flatMap(remarkOf)));
  const [first = new Map()] = remarks;
  const isSliced = arms.every((rows) => rows.every(isInterleaved));
  const shared = [...first.keys()].filter(
    (kind) => isSliced && arms.length > 1 && remarks.every((one) => one.has(kind)),
  );
  return {
    ofArms: remarks.map((one, index) =>
      [...one]
        .filter(([kind]) => !shared.includes(kind))
        .map(([, remark]) => `${armText(arms[index]?.[0] ?? {})}: ${withBlocks(remark)}`),
    ),
    ofAll: [
      ...shared.map((kind) => {
        const all = merged(arms.flat().flatMap(remarkOf));
        return withBlocks(all.get(kind) as Remark);
      }),
      ...droppedNote(arms.flat()),
    ],
  };
}

/** A remark of a row; a block that is dropped as a whole is reported once, for all of its arms. */
function remarkOf(row: Row): Remark[] {
  const reason = row.invalid_reason ?? '';
  const remark = (text: string) => [{ text, blocks: new Set([blockKey(row)]) }];
  if (row.status !== 'ok') return remark(`${row.status}: ${reason}`);
  if (isUsable(row)) return row.note === undefined ? [] : remark(row.note);
  return isInterleaved(row) ? [] : remark(`INVALID, not to be used: ${reason}`);
}

/** How many blocks were dropped, and why. */
function droppedNote(rows: readonly Row[]): string[] {
  const spoilt = spoiltBlocks(rows);
  if (spoilt.size === 0) return [];
  const total = new Set(rows.map(blockKey)).size;
  const invalid = rows.filter(
    (row) =>
      row.operation === 'all' &&
      row.status === 'ok' &&
      !isUsable(row) &&
      isInterleaved(row) &&
      row.invalid_reason?.startsWith(WITH_ANOTHER_ARM) !== true,
  );
  const reasonOf = (row: Row) => row.invalid_reason ?? 'no reason';
  const kinds = merged(invalid.map((row) => ({ text: reasonOf(row), blocks: new Set([blockKey(row)]) })));
  const arms = new Set(rows.map((row) => row.arm)).size;
  const list = [...kinds].map(([kind, remark]) => {
    const struck = new Map(
      invalid.filter((row) => kindOf(reasonOf(row)) === kind).map((row) => [row.arm, armText(row)]),
    );
    // What affected all arms alike concerns the machine.
    const who = struck.size === arms && arms > 1 ? '' : `${[...struck.values()].join(', ')}: `;
    return `${who}${withBlocks(remark)}`;
  });
  const end = spoilt.size === total ? '; the figures shown are INVALID and not to be used' : '';
  const remedy = 'docs/measurement.md names a remedy for each rule';
  const blocks = counted(total, 'block');
  return [`INVALID: ${spoilt.size} of ${blocks} dropped: ${list.join('; ')}${end}. ${remedy}.`];
}

interface Remark {
  text: string;
  blocks: Set<string>;
}

/** A separate figure: not part of a word, such as p99, 5xx or s1. */
const FIGURE = /(?<![\w.])\d+(?:,\d{3})*(?:\.\d+)?(?!\w)/g;

const kindOf = (text: string) => text.replace(FIGURE, '#');

/** The remarks, grouped by their text without figures. */
function merged(remarks: readonly Remark[]): Map<string, Remark> {
  const kinds = groupBy(remarks, ({ text }) => kindOf(text));
  return new Map(kinds.map((like) => [kindOf(like[0]?.text ?? ''), joined(like)]));
}

/** One remark for several of a kind: each figure, or its range. */
function joined(remarks: readonly Remark[]): Remark {
  const [first] = remarks as readonly [Remark, ...Remark[]];
  const blocks = new Set(remarks.flatMap((remark) => [...remark.blocks]));
  const figures = remarks.map(({ text }) => text.match(FIGURE) ?? []);
  let place = 0;
  const text = first.text.replace(FIGURE, () => {
    const sorted = figures.map((one) => one[place] ?? '').sort((a, b) => numberOf(a) - numberOf(b));
    place += 1;
    const [least = '', greatest = ''] = [sorted[0], sorted.at(-1)];
    return least === greatest ? least : `${least} to ${greatest}`;
  });
  return { text, blocks };
}

const numberOf = (figure: string) => Number(figure.replaceAll(',', ''));

const withBlocks = ({ text, blocks }: Remark) =>
  blocks.size === 1 ? text : `${text} (${blocks.size} blocks)`;
