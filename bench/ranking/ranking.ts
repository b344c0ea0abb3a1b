import { CONTROL, findStore } from '../../stores/registry.ts';
import { traitsOf } from '../../stores/traits.ts';
import { parseVariant } from '../../stores/variant.ts';
import { blockKey, isInterleaved, usableRows } from '../results/blocks.ts';
import { type Centre, centreOf, type Figure, figuresOf } from '../results/figures.ts';
import { armText, byArmAndOperation, groupsOf, shortTitle } from '../results/groups.ts';
import type { Row } from '../results/row.ts';
import { FAMILY_ALPHA, MIN_BLOCKS } from '../stats/levels.ts';
import { type Pair, sortByRank } from './order.ts';
import { judgePairs, speedsOf } from './pairs.ts';

/** An arm in a ranking, with its centre over the blocks. */
export interface RankedArm {
  name: string;
  centre: Centre;
}

/** The ranking of a group's arms by one figure. */
export interface FigureRanking {
  figure: Figure;
  /** Best first. Neighbours need not differ: `pairs` says which do. */
  arms: RankedArm[];
  pairs: Pair[];
  /** Blocks that are needed before any of this many pairs can be ranked. */
  blocksNeeded: number;
  apart: Unranked[];
}

/** An arm that is not ranked. */
export interface Unranked {
  name: string;
  reason: string;
}

export interface GroupRanking {
  title: string;
  shortTitle: string;
  /** A row of the group, for the axes held fixed. */
  axes: Row;
  /** Usable blocks. */
  blocks: number;
  /** Whether arms took turns. If not, `figures` is empty. */
  interleaved: boolean;
  /** Arms with figures that could be ranked. */
  arms: number;
  apart: Unranked[];
  figures: FigureRanking[];
}

/**
 * Ranks the arms of each group of a run, figure by figure. Pure.
 *
 * A pair is ranked when at least 12 blocks have both arms and the exact signed-rank test of the ln ratios of these
 * blocks, adjusted by Holm over all pairs of the group and figure, gives p at most 1 %, and the interval, widened where
 * neighbouring blocks are alike, does not hold 0; otherwise it is a tie. The control, arms whose reads miss by design, and arms without a usable row are not ranked; nor is anything when the arms
 * did not take turns.
 */
export function rankRows(rows: readonly Row[]): GroupRanking[] {
  return groupsOf(rows.filter((row) => row.operation === 'all')).map(({ title, rows: group }) => {
    const [row = {}] = group;
    const usable = usableRows(group);
    const sorted = byArmAndOperation(group, true).map(([first = {}]) => ({
      first,
      reason: reasonUnranked(first, group, usable),
    }));
    const ranked = sorted.filter(({ reason }) => reason === undefined).map(({ first }) => first.arm);
    const apart = sorted.flatMap(({ first, reason }) =>
      reason === undefined ? [] : [{ name: armText(first), reason }],
    );
    const interleaved = group.every(isInterleaved);
    const comparable = usable.filter((one) => ranked.includes(one.arm));
    const figures =
      interleaved && ranked.length > 1 ? figuresOf(row).map((figure) => rankBy(figure, comparable)) : [];
    const blocks = new Set(usable.map(blockKey)).size;
    return {
      title,
      shortTitle: shortTitle(row),
      axes: row,
      blocks,
      interleaved,
      arms: ranked.length,
      apart,
      figures,
    };
  });
}

function reasonUnranked(row: Row, group: readonly Row[], usable: readonly Row[]): string | undefined {
  if (!usable.some((one) => one.arm === row.arm)) {
    const own = group.filter((one) => one.arm === row.arm);
    const reason = own.find((one) => one.invalid_reason !== undefined)?.invalid_reason;
    return reason === undefined ? 'no valid block' : `no valid block: ${reason}`;
  }
  if (row.store === CONTROL.name) return 'the control';
  return missesByDesign(row) ? 'reads miss by design' : undefined;
}

/** Sessions that stay in one server while requests go to all: a refusal is cheaper than a reply with data. */
function missesByDesign(row: Row): boolean {
  if (row.affinity !== 'round-robin' || (row.servers ?? 1) < 2) return false;
  const options = parseVariant(row.store, row.variant);
  const definition = findStore(row.store ?? '');
  return definition !== undefined && !traitsOf(definition, options, 'second').shared;
}

/** Ranks arms by one figure. Pure; rows are usable ones of whole trials of one group. */
function rankBy(figure: Figure, rows: readonly Row[]): FigureRanking {
  const known = new Map<string, { name: string; figures: Map<string, number> }>();
  for (const row of rows) {
    const arm = known.get(row.arm ?? '') ?? { name: armText(row), figures: new Map<string, number>() };
    known.set(row.arm ?? '', arm);
    const value = figure.of(row);
    if (value !== undefined && value > 0) arm.figures.set(blockKey(row), value);
  }
  const arms = [...known.values()].flatMap(({ name, figures }) => {
    const centre = centreOf([...figures.values()]);
    return centre === undefined ? [] : [{ name, centre, figures }];
  });
  const apart = [...known.values()]
    .filter(({ figures }) => figures.size === 0)
    .map(({ name }) => ({ name, reason: 'this figure is not known' }));
  const pairs = judgePairs(arms, speedsOf(rows), figure);
  const ordered = sortByRank(
    arms.map(({ name }) => name),
    pairs,
    figure.better,
  );
  return {
    figure,
    arms: ordered.map((name) => {
      const { centre } = arms.find((arm) => arm.name === name) as RankedArm;
      return { name, centre };
    }),
    pairs,
    blocksNeeded: Math.max(MIN_BLOCKS, Math.ceil(1 + Math.log2(Math.max(1, pairs.length) / FAMILY_ALPHA))),
    apart,
  };
}
