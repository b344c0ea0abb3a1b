import { setImmediate } from 'node:timers/promises';

/**
 * Tests of rows of bits, one row for each id, in the order of issue. Pure.
 *
 * Each has a bound that rows of independent fair bits keep with a total probability over 1 − 1e-9: the five families of
 * tests that can raise a false alarm (frequency, repetition, bytes, runs, trend) get {@link FALSE_ALARM} each, divided
 * by the number of their events (union bound).
 */

const FALSE_ALARM = 1e-10;
const WINDOW_BITS = 32;
/** Other checks send their requests meanwhile: so many columns of ten thousand ids take some milliseconds. */
const COLUMNS_A_TURN = 16;
/** A longer token is a text, not an id, and elimination over its columns would take minutes. */
const MAX_COLUMNS = 1_024;
/** Rows beyond the columns: a random matrix then lacks full rank with probability under 2^-64. */
const SPARE_ROWS = 64;

/**
 * How far a count of n independent fair coins may be from n/2: by Hoeffding, P(|count − n/2| ≥ t) ≤ 2·exp(−2t²/n), so
 * that with t = √(n/2 · ln(2·events / FALSE_ALARM)) none of `events` counts exceeds it, except with probability
 * FALSE_ALARM.
 */
function coinTolerance(coins: number, events: number): number {
  return Math.sqrt((coins / 2) * Math.log((2 * events) / FALSE_ALARM));
}

/** Evidence against fair and independent bits, each in a few words; empty when there is none. */
export function bitFindings(rows: readonly Uint8Array[], width: number): string[] {
  const findings: string[] = [];
  const ones = new Float64Array(width);
  // Sums (mod 2) of neighbours in a sequence of independent fair coins are independent fair coins, too.
  const changes = new Float64Array(width);
  let before: Uint8Array | undefined;
  for (const row of rows) {
    for (let column = 0; column < width; column += 1) {
      const bit = row[column] ?? 0;
      ones[column] = (ones[column] ?? 0) + bit;
      if (before !== undefined) changes[column] = (changes[column] ?? 0) + (bit ^ (before[column] ?? 0));
    }
    before = row;
  }
  const unfair = (counts: Float64Array, coins: number) =>
    counts.filter((count) => Math.abs(count - coins / 2) > coinTolerance(coins, width)).length;
  const biased = unfair(ones, rows.length);
  if (biased > 0) findings.push(`${biased} of ${width} bits are not set half of the time`);
  const repeating = unfair(changes, rows.length - 1);
  if (repeating > 0) findings.push(`${repeating} of ${width} bits depend on the id before`);
  if (bytesAreUneven(rows, width)) findings.push('some bytes are more frequent than others');
  const dependent = dependentColumns(rows, width);
  if (dependent > 0) findings.push(`${dependent} of ${width} bits are sums of other bits`);
  return findings;
}

/**
 * Pearson's chi-square of all bytes against the uniform distribution, 255 degrees of freedom k. For a chi-square X, P(X
 * ≥ k + 2√(kx) + 2x) ≤ exp(−x) (Laurent and Massart 2000, lemma 1); x = ln(1 / FALSE_ALARM). The statistic follows this
 * distribution only approximately, but closely with hundreds of expected bytes for each value, and the inequality has a
 * margin: a true chi-square exceeds its bound, 454, only once in some 1e12 times.
 */
function bytesAreUneven(rows: readonly Uint8Array[], width: number): boolean {
  const perRow = Math.floor(width / 8);
  const counts = new Float64Array(256);
  for (const row of rows) {
    for (let byte = 0; byte < perRow; byte += 1) {
      let value = 0;
      for (let at = byte * 8; at < byte * 8 + 8; at += 1) value = value * 2 + (row[at] as number);
      counts[value] = (counts[value] ?? 0) + 1;
    }
  }
  const each = (rows.length * perRow) / 256;
  // With few bytes the statistic does not follow a chi-square distribution.
  if (each < 100) return false;
  const statistic = counts.reduce((sum, count) => sum + (count - each) ** 2 / each, 0);
  const x = Math.log(1 / FALSE_ALARM);
  return statistic > 255 + 2 * Math.sqrt(255 * x) + 2 * x;
}

/**
 * The number of columns that are sums (mod 2) of others, as in the output of a linear generator, such as the one of
 * `Math.random`, however even its bits are. Ids from a CSPRNG have none, except with probability 2^-64.
 */
function dependentColumns(rows: readonly Uint8Array[], width: number): number {
  const [first] = rows;
  const used = rows.slice(1, 1 + width + SPARE_ROWS);
  if (first === undefined || width > MAX_COLUMNS || used.length < width + SPARE_ROWS) return 0;
  const pivots = new Map<number, Uint8Array>();
  for (const row of used) {
    // Minus the first row, so that a constant added to all of them does not count.
    const left = row.map((bit, column) => bit ^ (first[column] ?? 0));
    for (let column = left.indexOf(1); column !== -1; column = left.indexOf(1, column)) {
      const pivot = pivots.get(column);
      if (pivot === undefined) {
        pivots.set(column, left);
        break;
      }
      for (let at = column; at < width; at += 1) left[at] = (left[at] ?? 0) ^ (pivot[at] ?? 0);
    }
    if (pivots.size === width) return 0;
  }
  return width - pivots.size;
}

/**
 * Detects counters and clocks anywhere in the id: the number in each window of 32 bits must neither run (up or down
 * from one id to the next) nor have a trend (from the first half of the ids to the second). Windows wrap around the end
 * of a row, so that a short number there is not hidden by the bits before it.
 * @param sequences which rows to examine together, by index.
 */
export async function sequenceFindings(
  rows: readonly Uint8Array[],
  width: number,
  sequences: readonly (readonly number[])[],
): Promise<string[]> {
  const window = Math.min(WINDOW_BITS, width);
  const events = width * sequences.length;
  let running = 0;
  let trending = 0;
  const mask = window === WINDOW_BITS ? 0xffff_ffff : 2 ** window - 1;
  for (const sequence of sequences) {
    const ordered = sequence.map((row) => rows[row] as Uint8Array);
    const numbers = new Uint32Array(ordered.length);
    for (let end = 0; end < width + window - 1; end += 1) {
      const column = end % width;
      for (let index = 0; index < numbers.length; index += 1)
        numbers[index] = (((numbers[index] as number) << 1) | (ordered[index]?.[column] as number)) & mask;
      if (end < window - 1) continue;
      if (end % COLUMNS_A_TURN === 0) await setImmediate();
      if (runs(numbers, events)) running += 1;
      if (trends(numbers, events)) trending += 1;
    }
  }
  return [
    ...(running > 0
      ? [`a number in them runs from one id to the next (${running} of ${events} examined)`]
      : []),
    ...(trending > 0 ? [`a number in them has a trend (${trending} of ${events} examined)`] : []),
  ];
}

/**
 * Runs up and down: of n independent numbers (2n − 1)/3 on average. Changing one number adds or removes at most two
 * runs, so that by McDiarmid P(|runs − mean| ≥ t) ≤ 2·exp(−t²/2n).
 */
function runs(numbers: Uint32Array, events: number): boolean {
  const { length } = numbers;
  let count = 1;
  let wasUp = (numbers[1] ?? 0) > (numbers[0] ?? 0);
  for (let index = 2; index < length; index += 1) {
    const isUp = (numbers[index] as number) > (numbers[index - 1] as number);
    if (isUp !== wasUp) count += 1;
    wasUp = isUp;
  }
  const tolerance = Math.sqrt(2 * length * Math.log((2 * events) / FALSE_ALARM));
  return Math.abs(count - (2 * length - 1) / 3) > tolerance;
}

/**
 * Compares each number of the second half with its counterpart in the first: pairs share nothing, so these are coins.
 */
function trends(numbers: Uint32Array, events: number): boolean {
  const half = Math.floor(numbers.length / 2);
  let larger = 0;
  for (let index = 0; index < half; index += 1) {
    if ((numbers[index + half] as number) > (numbers[index] as number)) larger += 1;
  }
  return Math.abs(larger - half / 2) > coinTolerance(half, events);
}
