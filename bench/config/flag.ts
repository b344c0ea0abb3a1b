/** Flags as data. Help, config file, `--resume`, every command and every configuration read tables of these. */

import { type Command, Option } from 'commander';
import { redactUrl } from '../errors.ts';
import { distinct, listOf, oneOf, parseSeconds, type RawOptions, usage, wholeNumber } from './values.ts';

/** The raw value of one flag, from commander, a config file or a recorded run. */
type Given = RawOptions[string];

/**
 * `run`: determines what is measured, so it is recorded and `--resume` takes it from the record. `view`: how a run is
 * shown or where its services are; allowed again with `--resume`. `start`: neither, such as `--out`.
 */
type Scope = 'run' | 'view' | 'start';

export interface Flag<T = unknown> {
  /** In commander's syntax: `-c, --connections <count>`. */
  spelling: string;
  help: string;
  scope: Scope;
  /** The default, as text. */
  fallback?: string | (() => string);
  /** The default in help; its text if absent, nothing if empty. */
  fallbackHelp?: string;
  /** Accepted words, for help. */
  choices?: readonly string[];
  /** The flag with the opposite meaning, with its help. */
  opposite?: { spelling: string; help: string };
  isRepeatable?: true;
  /** Values separated by commas: given twice, one of them would be lost. */
  isList?: true;
  /** Whether a config file may contain it; default true. */
  inFile?: false;
  /** @throws BenchError USAGE. @param name the long flag without its dashes. */
  parse(given: Given, name: string): T;
  /** Its value in the form of the command line, which is recorded instead of the given text; `undefined` for none. */
  format?(value: T): string | undefined;
}

/** A table of flags, each under the name of its value in a configuration. */
export type FlagTable = Readonly<Record<string, Flag>>;

/** The values that a table parses to. */
export type ValuesOf<F> = { -readonly [K in keyof F]: F[K] extends Flag<infer T> ? T : never };

/** How a text becomes a value, and the words that it may be. */
export interface Kind<T> {
  choices?: readonly string[];
  isList?: true;
  parse(text: string, name: string): T;
}

/** Whatever a flag has besides. */
type More = Partial<Omit<Flag<never>, 'spelling' | 'help' | 'scope' | 'parse' | 'format'>>;

/** The makers of flags of one scope: each takes how the flag is spelt, what help says of it, and what it holds. */
export function flagsOf(scope: Scope) {
  return {
    /** Some text always stands for it. */
    value: <T>(
      spelling: string,
      help: string,
      fallback: string | (() => string),
      { parse, ...kind }: Kind<T>,
      more: More & Pick<Flag<T>, 'format'> = {},
    ): Flag<T> => ({
      ...{ spelling, help, scope, fallback, ...kind, ...more },
      parse: (given, name) => parse(String(given), name),
    }),
    /** `undefined` when it is not given. */
    optional: <T>(
      spelling: string,
      help: string,
      { parse, ...kind }: Kind<T>,
      more: More & Pick<Flag<T | undefined>, 'format'> = {},
    ): Flag<T | undefined> => ({
      ...{ spelling, help, scope, ...kind, ...more },
      parse: (given, name) => (given === undefined ? undefined : parse(String(given), name)),
    }),
    /** It may be given several times. */
    repeatable: <T>(spelling: string, help: string, parseAll: (texts: string[]) => T): Flag<T> => ({
      ...{ spelling, help, scope, isRepeatable: true },
      parse: (given) => parseAll([given ?? []].flat().map(String)),
    }),
    /** It has no value. */
    yes: (spelling: string, help: string, more: More = {}): Flag<boolean> => ({
      ...{ spelling, help, scope, ...more },
      parse: (given) => given === true,
    }),
    /** It has no value but an opposite, and is `undefined` when neither is given. */
    either: (spelling: string, help: string, more: More = {}): Flag<boolean | undefined> => ({
      ...{ spelling, help, scope, ...more },
      parse: (given) => (typeof given === 'boolean' ? given : undefined),
    }),
  };
}

/** The kinds of values. */
export const word = <const W extends readonly string[]>(choices: W): Kind<W[number]> => ({
  choices,
  parse: (text, name) => oneOf(name, text, choices),
});
export const whole = (min: number, max: number): Kind<number> => ({
  parse: (text, name) => wholeNumber(name, text, min, max),
});
export const words = <const W extends readonly string[]>(choices: W) => listed(word(choices));
/** Values of a kind, separated by commas; equal ones count once. */
export const listed = <T>(kind: Kind<T>): Kind<T[]> => ({
  ...kind,
  isList: true,
  parse: (text, name) => distinct(listOf(name, text).map((item) => kind.parse(item, name))),
});
export const duration = (leastSeconds?: number, mostSeconds?: number): Kind<number> => ({
  parse: (text, name) => parseSeconds(name, text, leastSeconds, mostSeconds),
});
export const text: Kind<string> = { parse: (given) => given };

/** A flag for commander. Its value is checked later by the table, like those of files and records. */
function optionOf(flag: Flag): Option {
  const option = new Option(flag.spelling, flag.help);
  if (flag.choices !== undefined) option.choices(flag.choices);
  let earlier: string | undefined;
  option.argParser((given: string, before: unknown) => {
    if (flag.isRepeatable === true) return [...(Array.isArray(before) ? before : []), given];
    if (flag.isList === true && earlier !== undefined) {
      const joined = [earlier, given].join(',');
      throw usage(
        `one --${longName(flag)}, a list`,
        'two',
        `Write --${longName(flag)} ${redactUrl(joined)}.`,
      );
    }
    earlier = given;
    return given;
  });
  const shown = flag.fallbackHelp ?? (typeof flag.fallback === 'string' ? flag.fallback : undefined);
  if (shown !== undefined && shown !== '') option.default(shown, shown);
  return option;
}

/** The key of a flag in commander and in a recorded run: `dryRun`. */
export function keyOf(flag: Flag): string {
  return new Option(flag.spelling).attributeName();
}

/** Its long form without the dashes: `dry-run`. */
export function longName(flag: Flag): string {
  return (new Option(flag.spelling).long ?? '').replace(/^--(no-)?/, '');
}

/** Its spellings: `--connections`, `-c`. */
export function spellingsOf(flag: Flag): string[] {
  const { long, short } = new Option(flag.spelling);
  return [long, short].filter((spelling) => spelling !== undefined);
}

/** Whether it takes no value. */
export function takesNoValue(flag: Flag): boolean {
  const option = new Option(flag.spelling);
  return option.isBoolean() || option.negate;
}

/** Adds the flags of a table to a command. */
export function addFlags(command: Command, table: FlagTable): Command {
  for (const flag of Object.values(table)) {
    command.addOption(optionOf(flag));
    if (flag.opposite !== undefined) command.option(flag.opposite.spelling, flag.opposite.help);
  }
  return command;
}

/** The flags on the command line of a parsed command. */
export function givenFlags(command: Command): RawOptions {
  const given = Object.entries(command.opts<RawOptions>());
  return Object.fromEntries(given.filter(([key]) => command.getOptionValueSource(key) === 'cli'));
}

/** The sources of a value when its flag is absent. */
export interface Elsewhere {
  /** Texts of a preset, by long name. */
  preset?: Readonly<Record<string, string>>;
}

/** Parses the values of a table. @throws BenchError USAGE, for the first wrong one. */
export function parseFlags<F extends FlagTable>(
  table: F,
  raw: RawOptions,
  elsewhere: Elsewhere = {},
): ValuesOf<F> {
  const parsed = Object.entries(table).map(([name, flag]) => [name, parseFlag(flag, raw, elsewhere)]);
  return Object.fromEntries(parsed) as ValuesOf<F>;
}

function parseFlag(flag: Flag, raw: RawOptions, { preset = {} }: Elsewhere): unknown {
  const name = longName(flag);
  const given = raw[keyOf(flag)];
  if (given !== undefined) return flag.parse(given, name);
  const { fallback } = flag;
  return flag.parse(preset[name] ?? (typeof fallback === 'function' ? fallback() : fallback), name);
}

/** Some flags of a table, with changes if given. */
export function pickFlags<F extends FlagTable, K extends keyof F>(
  table: F,
  ...names: readonly (
    | K
    | readonly [K, Partial<Pick<Flag, 'help' | 'fallback' | 'fallbackHelp' | 'choices'>>]
  )[]
): Pick<F, K> {
  const entries = names.map((entry) => {
    const [name, changes] = Array.isArray(entry) ? (entry as [K, object]) : [entry as K, {}];
    return [name, { ...table[name], ...changes }];
  });
  return Object.fromEntries(entries) as Pick<F, K>;
}

/** A table without some of its flags. */
export function omitFlags<F extends FlagTable, K extends keyof F>(table: F, ...names: K[]): Omit<F, K> {
  const kept = Object.entries(table).filter(([name]) => !names.includes(name as K));
  return Object.fromEntries(kept) as Omit<F, K>;
}

/** A table whose flags have other defaults, by their long names; help shows them. */
export function withDefaults(table: FlagTable, texts: Readonly<Record<string, string>>): FlagTable {
  const entries = Object.entries(table).map(([name, flag]) => {
    const fallback = texts[longName(flag)];
    return [name, fallback === undefined ? flag : { ...flag, fallback, fallbackHelp: fallback }];
  });
  return Object.fromEntries(entries);
}

/** The given options and the defaults of the others, for commands whose defaults differ. */
export function withFallbacks(table: FlagTable, raw: RawOptions): RawOptions {
  const texts = Object.values(table).flatMap((flag) =>
    typeof flag.fallback === 'string' ? [[keyOf(flag), flag.fallback] as const] : [],
  );
  return { ...Object.fromEntries(texts), ...raw };
}
