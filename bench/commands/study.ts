import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { flagsOf, keyOf, listed, parseFlags, text, word } from '../config/flag.ts';
import { withServiceFlags } from '../config/service-urls.ts';
import { OUTPUT_FLAGS } from '../config/shared-flags.ts';
import { oneOf, type RawOptions, usage } from '../config/values.ts';
import { EXIT, type ExitCode, writing } from '../errors.ts';
import { writeReport } from '../export/write.ts';
import { readResultFile } from '../results/csv.ts';
import { readEnvironmentRecord } from '../results/env-file.ts';
import { renderReport, tooFewOf } from '../run/report.ts';
import { run } from '../run/run.ts';
import { inputOf, type PlannedPiece, planPieces, STUDY_PRESETS, type StudyPreset } from '../study/pieces.ts';
import { type MadePiece, planText, renderStudy } from '../study/render.ts';
import { readStudy, type Study, studyNames } from '../study/study.ts';
import { usesColor } from './color.ts';
import { type BenchCommand, type Call, ended, failed } from './command.ts';

const ALL = 'all';
const { optional, value, yes } = flagsOf('start');
const FLAGS = {
  preset: value(
    '--preset <name>',
    'quick: figures in minutes, without verdicts; full: the blocks that a verdict needs',
    'quick',
    word(Object.keys(STUDY_PRESETS) as StudyPreset[]),
  ),
  pieces: optional('--piece <names>', 'only these pieces of the study', listed(text), {
    fallbackHelp: 'all',
  }),
  folder: optional('--out <folder>', 'where the rows of the pieces and the text lie', text, {
    fallbackHelp: 'results/studies/STUDY-PRESET',
  }),
  dryRun: yes('--dry-run', 'show the pieces, what is there and how long the rest takes; start nothing'),
};
const TABLE = withServiceFlags({ ...FLAGS, verbose: OUTPUT_FLAGS.verbose, color: OUTPUT_FLAGS.color });

/** `pnpm bench study NAME…`: makes the missing pieces of studies, and writes each down as Markdown. */
export const COMMAND: BenchCommand = {
  words: {
    usage: '[STUDY…|all] [options]',
    spelling: '[studies...]',
    help: `studies of this project (${studyNames().join(', ')}; all for each of them), or files; without one, the list`,
  },
  flags: TABLE,
  run: makeStudies,
};

interface Planned {
  study: Study;
  folder: string;
  /** Of the whole study. */
  pieces: readonly PlannedPiece[];
  /** What of it is to be made now. */
  wanted: readonly PlannedPiece[];
}

async function makeStudies({ words, given, signal }: Call): Promise<ExitCode> {
  const { preset, pieces, folder, dryRun } = parseFlags(FLAGS, given);
  const names = words.length === 0 || words.includes(ALL) ? studyNames() : [...new Set(words)];
  if (names.length > 1 && (pieces !== undefined || folder !== undefined)) {
    const flag = pieces === undefined ? '--out' : '--piece';
    throw usage(`one study with ${flag}`, `${names.length}`, 'Name one study.');
  }
  const shared = serviceOptions(given);
  const planned = names.map((name): Planned => {
    const study = readStudy(name);
    const place = folder ?? join('results', 'studies', `${study.name}-${preset}`);
    const all = planPieces(study, preset, place, shared);
    return { study, folder: place, pieces: all, wanted: chosen(all, pieces) };
  });
  const plan = planned.map(({ study, wanted }) => planText(study, preset, wanted)).join('\n\n');
  if (dryRun || words.length === 0) {
    process.stdout.write(`${plan}\n`);
    return EXIT.ok;
  }
  process.stderr.write(`${plan}\n`);
  let code: ExitCode = EXIT.ok;
  for (const one of planned) {
    const made = await makeStudy(one, preset, { shared, signal, color: usesColor(given) });
    code = worse(code, made);
    if (signal.aborted) break;
  }
  return code;
}

/** The flags that name services: they differ from machine to machine, and are in no file. */
function serviceOptions(given: RawOptions): RawOptions {
  const own = Object.values({ ...FLAGS, ...OUTPUT_FLAGS }).map(keyOf);
  return Object.fromEntries(Object.entries(given).filter(([key]) => !own.includes(key)));
}

function chosen(all: readonly PlannedPiece[], names: readonly string[] | undefined): readonly PlannedPiece[] {
  const known = all.map(({ name }) => name);
  for (const name of names ?? []) oneOf('piece', name, known);
  return all.filter(({ name }) => names === undefined || names.includes(name));
}

interface Making {
  shared: RawOptions;
  signal: AbortSignal;
  color: boolean;
}

async function makeStudy(
  { study, folder, pieces, wanted }: Planned,
  preset: StudyPreset,
  making: Making,
): Promise<ExitCode> {
  writing(`a folder for the study at ${folder}`, 'Name another --out.', () =>
    mkdirSync(folder, { recursive: true }),
  );
  const made: MadePiece[] = [];
  let code: ExitCode = EXIT.ok;
  for (const piece of pieces) {
    if (wanted.includes(piece) && piece.state !== 'done' && !making.signal.aborted) {
      const result = await makePiece(study, piece, making);
      code = worse(code, result.code);
      made.push(result);
    } else if (piece.state !== 'absent') made.push(readPiece(piece));
  }
  const path = join(folder, 'README.md');
  writeReport(path, renderStudy(study, preset, made), '--out');
  process.stderr.write(`${study.name}: ${path}\n`);
  return code;
}

/** A piece as it was made before. */
function readPiece(piece: PlannedPiece): MadePiece {
  const rows = readResultFile(piece.path);
  const { repeat, withinSeconds } = piece.config;
  const unavailable = readEnvironmentRecord(piece.path)?.left_out ?? [];
  return { piece, rows, unavailable, tooFew: tooFewOf(rows, repeat, withinSeconds !== undefined) };
}

async function makePiece(
  study: Study,
  piece: PlannedPiece,
  { shared, signal, color }: Making,
): Promise<MadePiece & { code: ExitCode }> {
  process.stderr.write(`\n${study.name}, ${piece.name}: ${piece.title}\n`);
  // Stopped before its first block, a run leaves a file without rows.
  if (piece.state === 'absent') rmSync(piece.path, { force: true });
  const { config, options, unfinished } = inputOf(piece, shared);
  const outcome = await run(config, piece.command, options, signal, unfinished);
  const { rows, unavailable, tooFew, failures, path } = outcome;
  process.stdout.write(renderReport({ rows, command: piece.command, unavailable, tooFew, path }, color));
  const code =
    failures.length > 0
      ? failed(failures)
      : tooFew.length > 0 && !signal.aborted
        ? ended(EXIT.invalid, `INVALID: ${tooFew.join('; ')}`)
        : EXIT.ok;
  return { piece, rows, unavailable, tooFew, code };
}

/** A failure weighs more than a piece that is INVALID. */
function worse(one: ExitCode, other: ExitCode): ExitCode {
  return [EXIT.failure, EXIT.invalid].find((code) => code === one || code === other) ?? EXIT.ok;
}
