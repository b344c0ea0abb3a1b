import { closest, distance } from 'fastest-levenshtein';
import { BenchError, redactUrl } from '../errors.ts';

/** Values of flags: parses text to a checked value, or throws a one-line error. */

/** Options as commander returns them, by flag name in camel case; absent ones are `undefined`. */
export type RawOptions = Readonly<Record<string, string | string[] | boolean | undefined>>;

const SECONDS_PER_UNIT = { ms: 0.001, s: 1, m: 60, h: 3600 } as const;

/** The items between commas, without duplicates. @throws BenchError USAGE for an empty one. */
export function listOf(flag: string, text: string): string[] {
  const items = text.split(',').map((item) => item.trim());
  if (items.includes(''))
    throw usage(`values separated by commas for --${flag}`, quoted(text), 'Remove the empty one.');
  return [...new Set(items)];
}

/** Removes values that equal an earlier one, however it was spelt. */
export function distinct<T>(values: readonly T[]): T[] {
  return [...new Map(values.map((value) => [JSON.stringify(value), value])).values()];
}

/** One of these words. @throws BenchError USAGE, with the nearest one. */
export function oneOf<const T extends readonly string[]>(flag: string, value: unknown, values: T): T[number] {
  const found = values.find((candidate) => candidate === value);
  if (found !== undefined) return found;
  const text = String(value);
  const near = nearest(text, values);
  const remedy = near === undefined ? `Correct --${flag}.` : `Did you mean ${near}?`;
  throw usage(`--${flag} to be one of ${values.join(', ')}`, quoted(text), remedy);
}

/** A whole number within bounds. @throws BenchError USAGE */
export function wholeNumber(flag: string, text: string, min: number, max: number): number {
  const number = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (number >= min && number <= max) return number;
  throw usage(`a whole number from ${min} to ${max} for --${flag}`, quoted(text), `Correct --${flag}.`);
}

/** A duration such as 10s, 500ms, 2m or 8h, in seconds. @throws BenchError USAGE */
export function parseSeconds(flag: string, text: string, leastSeconds = 0.1, mostSeconds = 3600): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text);
  const unit = match?.[2] as keyof typeof SECONDS_PER_UNIT;
  const seconds = match === null ? Number.NaN : Number(match[1]) * SECONDS_PER_UNIT[unit];
  if (seconds >= leastSeconds && seconds <= mostSeconds) return seconds;
  const isNumber = /^\d+$/.test(text) && Number(text) >= leastSeconds && Number(text) <= mostSeconds;
  const near = isNumber
    ? `Did you mean ${text}s?`
    : mostSeconds < 1
      ? 'Write for example 2ms.'
      : `Write for example 500ms or ${Math.min(10, mostSeconds)}s.`;
  const mostText =
    mostSeconds < 1
      ? `${mostSeconds * 1000}ms`
      : mostSeconds > 3600
        ? `${mostSeconds / 3600}h`
        : `${mostSeconds / 60}m`;
  const [least, most] = [`${Math.round(leastSeconds * 1000)}ms`, mostText];
  throw usage(`a duration with its unit, from ${least} to ${most}, for --${flag}`, quoted(text), near);
}

/** The word that was probably meant; `undefined` when none is close. */
export function nearest(text: string, words: readonly string[]): string | undefined {
  if (words.length === 0) return undefined;
  const word = closest(text, [...words]);
  const prefix = words.find((candidate) => text !== '' && candidate.startsWith(text));
  return distance(text, word) <= Math.max(2, word.length / 3) ? word : prefix;
}

/** Text of one value for an error: short, and without passwords, which may have blanks in them. */
export const quoted = (text: string) =>
  `"${redactUrl(text.replace(/(\/\/[^:/?#@\s]*):.*@/s, '$1:***@')).slice(0, 80)}"`;

/** Flags that do not go together, or not with what is there: exit code 2. */
export function conflict(expected: string, got: string, remedy: string): BenchError {
  return new BenchError({ code: 'CONFLICT', expected, got, remedy });
}

/** A wrong flag or value: exit code 2, nothing started. */
export function usage(expected: string, got: string, remedy: string): BenchError {
  return new BenchError({ code: 'USAGE', expected, got, remedy });
}
