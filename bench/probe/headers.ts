import { usage } from '../config/values.ts';
import { readInput } from './input-file.ts';

/** Headers that the user gives. A value may be a secret: no message contains one, nor a line that was not understood. */

const MAX_FILE_BYTES = 64 * 1024;

/** Headers that the generator writes itself, or that would change how a request ends, with the remedy. */
const RESERVED: Readonly<Record<string, string>> = {
  'content-length': 'It is that of the body: leave it out.',
  'transfer-encoding': 'A body has a length and no chunks: leave it out.',
  connection: 'Connections are kept alive: leave it out.',
  expect: 'A body is sent with its head: leave it out.',
  upgrade: 'A probe speaks HTTP/1.1 only: leave it out.',
};

/** A token (RFC 9110 §5.6.2); a value without control characters and line breaks (§5.5). */
const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const VALUE = /^[\t\P{Cc}]*$/u;
/** A name or an address, and a port. */
const HOST = /^(?:[\w.~%!$&'()*+,;=-]+|\[[\d:.a-f]+\])(?::\d{1,5})?$/i;

/** A header, and where it was written. */
interface Line {
  text: string;
  place: string;
}

/** Lines of --header and of the file of --headers, by name in lower case. @throws BenchError USAGE */
export function parseHeaders(lines: readonly string[], path: string | undefined): Record<string, string> {
  const given = lines.map((text, index) => ({
    text,
    place: lines.length === 1 ? '--header' : `--header number ${index + 1}`,
  }));
  const headers = new Map<string, string>();
  for (const line of [...given, ...(path === undefined ? [] : linesOf(path))]) {
    const [name, value] = parseLine(line);
    if (headers.has(name)) {
      const join = 'Join the values by a comma, cookies by a semicolon.';
      throw usage('each header once', `"${name}" twice, the second in ${line.place}`, join);
    }
    headers.set(name, value);
  }
  return Object.fromEntries(headers);
}

/** Without blank lines and comments. */
function linesOf(path: string): Line[] {
  const text = readInput('headers', path, MAX_FILE_BYTES)
    .toString()
    .replace(/^\uFEFF/, '');
  return text
    .split(/\r?\n/)
    .map((line, index) => ({ text: line, place: `line ${index + 1} of --headers` }))
    .filter((line) => !/^\s*(#|$)/.test(line.text));
}

function parseLine({ text, place }: Line): [name: string, value: string] {
  const colon = text.indexOf(':');
  const wrong = (what: string) =>
    usage(`'name: value' on one line in ${place}`, what, "Write for example 'accept: text/html'.");
  if (colon < 0) throw wrong('no colon');
  const written = text.slice(0, colon);
  // Not shown: it may be a secret before which the name was forgotten.
  if (!NAME.test(written)) throw wrong('a name with a character that no name has');
  const name = written.toLowerCase();
  const value = text.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, '');
  if (!VALUE.test(value)) throw wrong(`a line break or another control character in the value of "${name}"`);
  const remedy = RESERVED[name];
  if (remedy !== undefined) throw usage(`a header that is yours to set in ${place}`, `"${name}"`, remedy);
  if (name === 'host' && !HOST.test(value)) {
    throw usage(`a host and no more than a port for "host" in ${place}`, 'something else', 'Correct it.');
  }
  return [name, value];
}
