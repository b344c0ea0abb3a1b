import { durationText } from '../progress.ts';
import type { Row } from '../results/row.ts';
import { counted, escaped, wrap } from '../results/text.ts';
import { renderReportMarkdown } from '../run/report.ts';
import type { PlannedPiece, StudyPreset } from './pieces.ts';
import type { Study } from './study.ts';

/** What is known of a piece when the study is written down. */
export interface MadePiece {
  piece: PlannedPiece;
  rows: readonly Row[];
  /** Backends that were left out, with the reasons. */
  unavailable: readonly string[];
  /** Groups with too few valid blocks. */
  tooFew: readonly string[];
}

const STATES = { absent: 'to be made', begun: 'begun', done: 'there' } as const;

/** The pieces of a study with their states, and what the missing ones take: the text before it starts. */
export function planText(study: Study, preset: StudyPreset, pieces: readonly PlannedPiece[]): string {
  const missing = pieces.filter(({ state }) => state !== 'done');
  const total = missing.reduce((sum, { longestMs }) => sum + longestMs, 0);
  const time =
    missing.length === 0
      ? 'nothing is missing'
      : `${counted(missing.length, 'piece')} to make, at most about ${durationText(total)}`;
  const lines = pieces.map(({ name, title, state, longestMs }) =>
    wrap(`  ${name}: ${title}; ${STATES[state]}${state === 'done' ? '' : `, ${durationText(longestMs)}`}`),
  );
  return [wrap(`${study.name}, ${preset}: ${study.question}`), ...lines, `  ${time}`].join('\n');
}

/** The study as Markdown: each piece with when, where and from what it was made, its tables and its sentences. */
export function renderStudy(study: Study, preset: StudyPreset, made: readonly MadePiece[]): string {
  const commits = new Set(made.flatMap(({ rows }) => rows.map(({ git_sha }) => git_sha ?? 'unknown')));
  const several =
    commits.size > 1 ? [`The pieces are of ${commits.size} commits: only figures within one compare.`] : [];
  const parts = made.flatMap(({ piece, ...rest }) => [
    `## ${escaped(piece.title)}`,
    originText(rest.rows),
    renderReportMarkdown({ ...rest, command: piece.command, path: `${piece.name}.csv` }).trim(),
  ]);
  const head = [`# ${escaped(study.question)}`, `\`pnpm bench study ${study.name} --preset ${preset}\``];
  return `${[...head, ...several, ...parts].join('\n\n')}\n`;
}

function originText(rows: readonly Row[]): string {
  const [first] = rows;
  if (first === undefined) return 'No rows.';
  const { started_at, git_sha, git_dirty, cpu_model, cpu_count, node_version } = first;
  const commit = `${git_sha?.slice(0, 12) ?? 'no commit'}${git_dirty === true ? ' with changes' : ''}`;
  const machine = `${cpu_model ?? 'unknown processor'}, ${cpu_count ?? '?'} processors`;
  return escaped(
    `Made on ${started_at?.slice(0, 10) ?? 'an unknown day'} from ${commit}: ${machine}, Node ${node_version ?? '?'}.`,
  );
}
