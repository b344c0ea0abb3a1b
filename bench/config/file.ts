import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { messageOf } from '../errors.ts';
import { type Flag, type FlagTable, keyOf, longName, takesNoValue } from './flag.ts';
import { FILE_TABLE } from './flags.ts';
import { nearest, quoted, type RawOptions, usage } from './values.ts';

/** A flag's value in JSON: text as on the command line, a number, a boolean, or a list of these. */
export const FLAG_VALUE = z.union([
  z.string(),
  z.number(),
  z.boolean(),
  z.array(z.union([z.string(), z.number()])).min(1),
]);
const FILE = z.record(z.string(), FLAG_VALUE);

/**
 * Adds the options in the file of `--config`; explicit flags win.
 * @throws BenchError USAGE for the first wrong key or value.
 */
export function withConfigFile(given: RawOptions): RawOptions {
  const path = given['config'];
  return typeof path === 'string' ? { ...flagsFromFile(parse(path), path, FILE_TABLE), ...given } : given;
}

/**
 * The options in such an object, with flag names as keys: `{"store": "redis", "servers": [1, 3], "pin": true}`.
 * @param path of the file, for errors.
 */
export function flagsFromFile(content: z.infer<typeof FILE>, path: string, table: FlagTable): RawOptions {
  const known = flagsByName(table);
  const options: Record<string, string | string[] | boolean> = {};
  for (const [key, value] of Object.entries(content)) {
    const flag = known.get(key.replace(/^--/, ''));
    if (flag === undefined) {
      const near = nearest(key, [...known.keys()]);
      throw usage(
        `a flag's name as a key of ${path}`,
        quoted(key),
        near === undefined ? 'Correct it.' : `Did you mean ${near}?`,
      );
    }
    const texts = Array.isArray(value) ? value.map(String) : [String(value)];
    const wrong = (expected: string, got: string) =>
      usage(`${expected} for "${key}" in ${path}`, got, 'Correct it.');
    const isBoolean = takesNoValue(flag);
    if (isBoolean && typeof value !== 'boolean') throw wrong('true or false', quoted(texts.join(',')));
    if (!isBoolean && typeof value === 'boolean') throw wrong('a value', String(value));
    const list = flag.isRepeatable === true ? texts : texts.join(',');
    options[keyOf(flag)] = isBoolean ? (value as boolean) : list;
  }
  return options;
}

function parse(path: string): z.infer<typeof FILE> {
  const parsed = FILE.safeParse(readJson(path, `flags as JSON in ${path} for --config`));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue?.path.length ? `something else for "${String(issue.path[0])}"` : 'something else';
  throw usage(
    `an object of flags and their values in ${path}`,
    where,
    'Write for example {"store": "redis", "servers": [1, 3]}.',
  );
}

/** The content of a file of JSON. @throws BenchError USAGE; `expected` says what it should have been. */
export function readJson(path: string, expected: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    const remedy =
      error instanceof SyntaxError ? 'Correct it: no comments, no trailing comma.' : 'Name a readable file.';
    // The part of the file that a parser quotes may be a password.
    const got = error instanceof SyntaxError ? 'text that is not JSON' : messageOf(error);
    throw usage(expected, got, remedy);
  }
}

/** Every flag that a file may contain, by its long name and by its key. */
function flagsByName(table: FlagTable): Map<string, Flag> {
  const flags = Object.values(table).filter(({ inFile }) => inFile !== false);
  // `--no-color` is `"color": false` in the file.
  return new Map(flags.flatMap((flag) => [[longName(flag), flag] as const, [keyOf(flag), flag] as const]));
}
