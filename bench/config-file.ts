import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { z } from 'zod';
import { messageOf } from './errors.ts';
import { addGateOptions, addRunOptions } from './options.ts';
import { nearest, quoted, type RawOptions, usage } from './values.ts';

/** A flag's value as JSON has it: text as on the command line, a number, yes or no, or a list of these. */
const VALUE = z.union([
  z.string(),
  z.number(),
  z.boolean(),
  z.array(z.union([z.string(), z.number()])).min(1),
]);
const FILE = z.record(z.string(), VALUE);

/** Flags that may be given more than once: a list in the file is these, and not one value with commas. */
const REPEATABLE = ['threshold', 'export'];
/** A file that names another one, or a run to go on with, would be a riddle. */
const NOT_IN_A_FILE = ['config', 'resume', 'dryRun'];

/**
 * The options with those of the file that `--config` names below them: a flag that is given wins.
 * @throws BenchError USAGE naming the first key or value that is wrong.
 */
export function withConfigFile(given: RawOptions): RawOptions {
  const path = given['config'];
  return typeof path === 'string' ? { ...readConfigFile(path), ...given } : given;
}

/** The options in a JSON file with flag names as keys: `{"store": "redis", "servers": [1, 3], "pin": true}`. */
function readConfigFile(path: string): RawOptions {
  const known = knownFlags();
  const options: Record<string, string | string[] | boolean> = {};
  for (const [key, value] of Object.entries(parse(path))) {
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
    if (flag.isBoolean && typeof value !== 'boolean') throw wrong('true or false', quoted(texts.join(',')));
    if (!flag.isBoolean && typeof value === 'boolean') throw wrong('a value', String(value));
    if (flag.isBoolean) options[flag.option] = value as boolean;
    else options[flag.option] = REPEATABLE.includes(flag.option) ? texts : texts.join(',');
  }
  return options;
}

function parse(path: string): z.infer<typeof FILE> {
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    const remedy =
      error instanceof SyntaxError
        ? 'Correct it: no comments, no comma at the end.'
        : 'Name a file that can be read.';
    // What a parser quotes of the file may be a password.
    const got = error instanceof SyntaxError ? 'no JSON' : messageOf(error);
    throw usage(`flags as JSON in ${path} for --config`, got, remedy);
  }
  const parsed = FILE.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue?.path.length ? `something else for "${String(issue.path[0])}"` : 'something else';
  throw usage(
    `an object of flags and their values in ${path}`,
    where,
    'Write for example {"store": "redis", "servers": [1, 3]}.',
  );
}

interface KnownFlag {
  /** As commander names it. */
  option: string;
  isBoolean: boolean;
}

/** Every flag of `run` and `gate`, by its long name and in camel case. */
function knownFlags(): Map<string, KnownFlag> {
  const flags = [addRunOptions(new Command()), addGateOptions(new Command())].flatMap(
    (command) => command.options,
  );
  const known = new Map<string, KnownFlag>();
  for (const flag of flags) {
    const option = flag.attributeName();
    if (NOT_IN_A_FILE.includes(option)) continue;
    const entry = { option, isBoolean: flag.isBoolean() || flag.negate };
    // `--no-color` is `"color": false` in the file.
    known.set(flag.negate ? option : (flag.long ?? '').replace(/^--/, ''), entry);
    known.set(option, entry);
  }
  return known;
}
