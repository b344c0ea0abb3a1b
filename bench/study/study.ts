import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { FLAG_VALUE, flagsFromFile, readJson } from '../config/file.ts';
import { RUN_FLAGS } from '../config/flags.ts';
import { nearest, quoted, type RawOptions, usage } from '../config/values.ts';
import { PROJECT_ROOT } from '../environment/programs.ts';

/** One run of a study: a file of rows of its own, which may be made on another day or commit. */
export interface Piece {
  name: string;
  title: string;
  /** Flags of `run`, without those of the preset. */
  flags: RawOptions;
  /** Those that the preset `full` changes, such as how many sessions and blocks. */
  full: RawOptions;
}

/** A question, and the runs that answer it. */
export interface Study {
  name: string;
  question: string;
  pieces: readonly [Piece, ...Piece[]];
}

const NAME = z.string().regex(/^[a-z0-9-]+$/, 'lower case, digits and hyphens');
const FILE = z.strictObject({
  question: z.string().min(1),
  pieces: z
    .record(
      NAME,
      z.strictObject({
        title: z.string().min(1),
        flags: z.record(z.string(), FLAG_VALUE),
        full: z.record(z.string(), FLAG_VALUE).default({}),
      }),
    )
    .refine((pieces) => Object.keys(pieces).length > 0, 'one piece or more'),
});

const FOLDER = join(PROJECT_ROOT, 'studies');
const ENDING = '.json';

/** The names of the studies that come with the project, sorted. */
export function studyNames(): string[] {
  return readdirSync(FOLDER)
    .filter((file) => file.endsWith(ENDING))
    .map((file) => basename(file, ENDING))
    .sort();
}

/**
 * Reads a study: one of the project's by its name, another one by the path of its file, which ends with `.json`.
 * @throws BenchError USAGE for an unknown name, or the first fault of the file.
 */
export function readStudy(nameOrPath: string): Study {
  const isPath = nameOrPath.endsWith(ENDING);
  const names = studyNames();
  if (!isPath && !names.includes(nameOrPath)) {
    const near = nearest(nameOrPath, names);
    const remedy = near === undefined ? 'pnpm bench study shows them.' : `Did you mean ${near}?`;
    throw usage(`a study: ${names.join(', ')}, or a file that ends with .json`, quoted(nameOrPath), remedy);
  }
  const path = isPath ? nameOrPath : join(FOLDER, nameOrPath + ENDING);
  const { question, pieces } = parse(path);
  const read = Object.entries(pieces).map(([name, { title, flags, full }]): Piece => {
    const where = `${path}, piece ${name}`;
    return {
      ...{ name, title, flags: flagsFromFile(flags, where, STUDY_TABLE) },
      full: flagsFromFile(full, `full of ${where}`, FULL_TABLE),
    };
  });
  return { name: basename(path, ENDING), question, pieces: read as [Piece, ...Piece[]] };
}

/** The flags that a piece may have: what is measured, but not how long, which the preset says. */
const STUDY_TABLE = Object.fromEntries(
  Object.entries(RUN_FLAGS).filter(
    ([name, { scope }]) => scope === 'run' && !['repeat', 'preset', 'withinSeconds'].includes(name),
  ),
);

/** A piece whose blocks take minutes may have fewer of them than the preset `full`. */
const FULL_TABLE = { ...STUDY_TABLE, repeat: RUN_FLAGS.repeat };

function parse(path: string): z.infer<typeof FILE> {
  const parsed = FILE.safeParse(readJson(path, `a study as JSON in ${path}`));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw usage(
    `a question and pieces in ${path}, as in studies/payload.json`,
    `${issue?.path.join('.') || 'the whole'}: ${issue?.message}`,
    'Correct it.',
  );
}
