import { Command } from 'commander';
import { nearest, usage } from '../config/values.ts';
import { GROUP_NAMES, type GroupName } from './group.ts';

/** The complete configuration of the command. */
export interface MicroOptions {
  only: GroupName[];
  /** Timed part of each operation. */
  timeMs: number;
  json: boolean;
}

const MS_PER_UNIT = { ms: 1, s: 1_000, m: 60_000 } as const;
const [MIN_MS, MAX_MS] = [1, 60_000];

/** The command line, before values are checked. Errors are thrown, not printed. */
export function createCommand(): Command {
  return new Command('pnpm bench:micro')
    .description(
      'Times the building blocks of sessions, one by one: on this machine, in one process. ' +
        'For stores it starts its own Redis and Postgres. Results go to standard output, progress to standard error.',
    )
    .option(
      '--only <groups>',
      `groups, separated by commas: ${GROUP_NAMES.join(', ')}`,
      GROUP_NAMES.join(','),
    )
    .option('--time <duration>', 'timed part of each operation, such as 500ms or 2s', '500ms')
    .option('--json', 'an array of {group, name, median_us, p99_us, rme_pct, samples}', false)
    .allowExcessArguments(false)
    .configureOutput({ writeErr: () => undefined })
    .exitOverride();
}

/** Parses an argument list. @throws BenchError USAGE; CommanderError for an unknown flag. */
export function parseOptions(argv: readonly string[]): MicroOptions {
  const raw = createCommand()
    .parse([...argv], { from: 'user' })
    .opts<Record<'only' | 'time', string> & { json: boolean }>();
  return { only: parseGroups(raw.only), timeMs: parseTimeMs(raw.time), json: raw.json };
}

function parseGroups(text: string): GroupName[] {
  const wanted = text.split(',').map((item) => item.trim());
  for (const item of wanted) {
    if (!(GROUP_NAMES as readonly string[]).includes(item))
      throw usage(`--only to be of ${GROUP_NAMES.join(', ')}`, quoted(item), suggestion(item, GROUP_NAMES));
  }
  return GROUP_NAMES.filter((name) => wanted.includes(name));
}

function parseTimeMs(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m)$/.exec(text);
  const timeMs =
    match === null ? Number.NaN : Number(match[1]) * MS_PER_UNIT[match[2] as keyof typeof MS_PER_UNIT];
  if (timeMs >= MIN_MS && timeMs <= MAX_MS) return timeMs;
  throw usage(
    'a duration with its unit, from 1ms to 1m, for --time',
    quoted(text),
    'Write for example 500ms or 2s.',
  );
}

function suggestion(text: string, words: readonly string[]): string {
  const near = nearest(text, words);
  return near === undefined ? 'See pnpm bench:micro --help.' : `Did you mean ${near}?`;
}

const quoted = (text: string) => `"${text.slice(0, 80)}"`;
