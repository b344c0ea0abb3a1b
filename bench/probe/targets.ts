import { conflict, usage } from '../config/values.ts';
import { BenchError } from '../errors.ts';
import { parseMethod } from './body.ts';
import { readInput } from './input-file.ts';
import { parseTarget, pathOf } from './target.ts';

/** The file of `--urls`. */

export interface Targets {
  count: number;
  /** LINES_PER_PART lines each, the last fewer: `PATH`, or `METHOD PATH`, all in ASCII. */
  parts: readonly string[];
}

const MAX_FILE_BYTES = 256 * 1024 * 1024;
const MAX_TARGETS = 10_000_000;
export const LINES_PER_PART = 10_000;
/** Paths that a URL leaves as they are: no dots as segments, nothing to be encoded, no fragment. */
const PLAIN = /^(?!.*\/\.)\/[\w.~!$&'()*+,;=:@%/?|[\]-]*$/;

/**
 * Parses lines of `URL` or `METHOD URL`, where a URL may be a path. Blank lines and those that begin with # are skipped.
 * @param base of the paths, and of all URLs; without it the first URL says it.
 * @throws BenchError USAGE that names the line; its text is not shown, for a query may be a secret.
 */
export function parseTargets(path: string, base: string | undefined): Targets & { origin: string } {
  const bytes = readInput('urls', path, MAX_FILE_BYTES);
  const parts: string[] = [];
  const lines: string[] = [];
  let origin = base;
  let count = 0;
  for (let [from, number] = [0, 1]; from < bytes.length; number += 1) {
    const lineFeed = bytes.indexOf(10, from);
    const end = lineFeed < 0 ? bytes.length : lineFeed;
    const line = bytes
      .toString('utf8', from, end)
      .replace(number === 1 ? /^\uFEFF/ : '', '')
      .trim();
    from = end + 1;
    if (line === '' || line.startsWith('#')) continue;
    const parsed = parseLine(line, number);
    if (parsed.origin !== undefined) origin ??= parsed.origin;
    if (parsed.origin !== undefined && parsed.origin !== origin) {
      throw usage(
        `URLs of ${origin} alone in --urls`,
        `another origin in line ${number}`,
        'Probe one origin at a time.',
      );
    }
    lines.push(parsed.text);
    count += 1;
    if (lines.length === LINES_PER_PART) parts.push(lines.splice(0).join('\n'));
  }
  if (lines.length > 0) parts.push(lines.join('\n'));
  if (count === 0) throw usage('a URL on each line of --urls', 'no line', 'Write for example GET /path.');
  if (count > MAX_TARGETS) {
    throw usage(`at most ${MAX_TARGETS} lines in --urls`, String(count), 'Use a part of them.');
  }
  if (origin === undefined) {
    const remedy = 'Name the server: pnpm bench probe http://HOST:PORT --urls FILE.';
    throw usage('a URL to probe beside --urls, whose lines are paths', 'none', remedy);
  }
  return { count, parts, origin };
}

/** The origin is absent for a path. */
function parseLine(line: string, number: number): { text: string; origin?: string } {
  const words = line.split(/[ \t]+/);
  const written = words.pop() as string;
  const wrong = (got: string, remedy: string) =>
    usage(`'URL' or 'METHOD URL' in line ${number} of --urls`, got, remedy);
  if (words.length > 1) throw wrong('more than two words', 'Write a space in a URL as %20.');
  const method = words[0] === undefined ? '' : `${parseMethod(words[0], `line ${number} of --urls`)} `;
  if (written.startsWith('/')) {
    // Not resolved against the origin: //a is a path here, and no host.
    const path = PLAIN.test(written) ? written : pathOf(new URL(`http://a${written}`));
    return { text: method + path };
  }
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(written))
    throw wrong('neither', 'Begin a path with /, a URL with http:// or https://.');
  try {
    const url = parseTarget(written);
    return { text: method + pathOf(url), origin: url.origin };
  } catch (error) {
    if (error instanceof BenchError) throw wrong('a URL of another kind', error.details.remedy);
    throw error;
  }
}

/** A request of the list, as people read it. */
export function targetAt(
  { parts }: Targets,
  index: number,
  method: string,
): { method: string; path: string } {
  const line = parts[Math.floor(index / LINES_PER_PART)]?.split('\n')[index % LINES_PER_PART] ?? '';
  const space = line.indexOf(' ');
  return space < 0 ? { method, path: line } : { method: line.slice(0, space), path: line.slice(space + 1) };
}

/** @throws BenchError CONFLICT when the URL beside a list has a path, which would have no effect. */
export function checkBase(url: URL): void {
  if (pathOf(url) === '/') return;
  throw conflict(
    'a URL without a path beside --urls',
    'one with a path',
    'The file has the paths: leave it out.',
  );
}
