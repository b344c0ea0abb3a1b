import { redactUrl } from '../errors.ts';
import type { RankingText } from '../ranking/render.ts';
import { blockKey, groupBy, spoiltBlocks, usableRows } from '../results/blocks.ts';
import { byArmAndOperation, groupsOf, isOpen } from '../results/groups.ts';
import { type GroupLayout, layOutRun } from '../results/layout.ts';
import type { Row } from '../results/row.ts';
import { shownRows } from '../results/shown.ts';
import { rankingOf, tooFewOf } from '../run/report.ts';
import type { Source } from './source.ts';

/** The rows of one run in one file. Blocks of two runs are never put together: their scatter is another one. */
export interface Run {
  source: Source;
  id: string;
  /** Of the first trial, UTC, ISO 8601; empty when the rows do not say. */
  startedAt: string;
  rows: readonly Row[];
  ranking: RankingText;
  parts: readonly Part[];
}

/** One group of a run: arms that share everything else. */
export interface Part {
  /** Unique on the page; a valid identifier in HTML. */
  id: string;
  /** As above its tables. */
  layout: GroupLayout;
  /** A row, for the axes held fixed. */
  axes: Row;
  rows: readonly Row[];
  arms: readonly PartArm[];
  blocks: { usable: number; dropped: number };
  source: Source;
  run: { id: string; startedAt: string };
}

/** One arm of a part: whole trials. */
export interface PartArm {
  /** Identifies it within the part. */
  arm: string;
  rows: readonly Row[];
  /** Whether these are usable; if not, none is. */
  isUsable: boolean;
}

/** The runs of files, in their order. */
export function runsOf(sources: readonly Source[]): Run[] {
  let count = 0;
  return sources.flatMap((source) =>
    groupBy(source.rows, (row) => row.run_id ?? '').map((rows) => {
      const [id, startedAt] = [rows[0]?.run_id ?? '', rows[0]?.started_at ?? ''];
      const layouts = layOutRun(rows, true);
      const parts = groupsOf(rows).map((group, index) => {
        count += 1;
        const layout = layouts[index] as GroupLayout;
        return { id: `part-${count}`, layout, source, run: { id, startedAt }, ...partOf(group.rows) };
      });
      return { source, id, startedAt, rows, parts, ranking: rankingFor(source, rows) };
    }),
  );
}

function partOf(rows: readonly Row[]): Pick<Part, 'axes' | 'rows' | 'arms' | 'blocks'> {
  const usable = usableRows(rows);
  return {
    axes: rows[0] ?? {},
    rows,
    arms: byArmAndOperation(rows, true).map((same) => ({
      arm: same[0]?.arm ?? '',
      rows: shownRows(same, usable),
      isUsable: same.some((row) => usable.includes(row)),
    })),
    blocks: { usable: new Set(usable.map(blockKey)).size, dropped: spoiltBlocks(rows).size },
  };
}

function rankingFor({ record }: Source, rows: readonly Row[]): RankingText {
  const arms = [...new Set(rows.map(({ store }) => store ?? ''))];
  const command = record?.command?.map(redactUrl) ?? ['run', '--store', arms.join()];
  // A gate ends when it is settled, with fewer blocks.
  const options = record?.gate === undefined ? (record?.options ?? {}) : {};
  const tooFew = tooFewOf(rows, Number(options['repeat']), options['within'] !== undefined);
  return rankingOf({ rows, command, tooFew });
}

/** Whether latency is response time. */
export const isResponseTime = (part: Part) => isOpen(part.axes);
