/** The lines below the tables that say what a backend costs beyond the one that it extends: the price of a blacklist. */

import { findStore } from '../../stores/registry.ts';
import { parseVariant } from '../../stores/variant.ts';
import { CONFIDENCE, MIN_BLOCKS } from '../stats/levels.ts';
import { median } from '../stats/median.ts';
import { signedRankEstimate } from '../stats/signed-rank.ts';
import { differencesWithinBlocks, isInterleaved, usableRows } from './blocks.ts';
import { cpuUs } from './figures.ts';
import { armText, byArmAndOperation, groupsOf } from './groups.ts';
import { isOfSpeed, type Row } from './row.ts';

/**
 * The cost of the blacklist per request over the plain token, in each group that has both: one line each, not wrapped.
 * CPU of server and store together, and round trips. For arms that took turns the difference is taken within each
 * block, from 12 blocks on with its interval (Hodges–Lehmann, inverted signed-rank test); for others it is one of
 * medians, and says so.
 */
export function blacklistPrice(rows: readonly Row[]): string[] {
  const whole = rows.filter((row) => row.operation === 'all' && isOfSpeed(row));
  return groupsOf(usableRows(whole)).flatMap(({ title, rows: group }) => {
    const arms = byArmAndOperation(group, true);
    return arms.flatMap((listed) => {
      const plain = arms.find((rows) => isPlainOf(rows[0], listed[0])) ?? [];
      const cpu = group.every(isInterleaved) ? pairedText(listed, plain) : unpairedText(listed, plain);
      const trips = medianOf(listed, (row) => row.store_commands_per_req);
      if (cpu === undefined || trips === undefined) return [];
      const { cost, remark } = cpu;
      const name = armText(listed[0] ?? {});
      return `Price of ${name} beyond ${armText(plain[0] ?? {})} (${title}): ${cost}, ${trips.toFixed(2)} round trips per request${remark}`;
    });
  });
}

/** Whether one is what the other adds to: all of its options are the other's as well. */
function isPlainOf(plain: Row | undefined, listed: Row | undefined): boolean {
  if (plain?.store === undefined || listed?.store === undefined) return false;
  if (findStore(listed.store)?.addsTo !== plain.store) return false;
  const options = parseVariant(listed.store, listed.variant);
  return Object.entries(parseVariant(plain.store, plain.variant)).every(
    ([key, value]) => options[key] === value,
  );
}

interface Cost {
  cost: string;
  /** Ends the sentence. */
  remark: string;
}

function pairedText(listed: readonly Row[], plain: readonly Row[]): Cost | undefined {
  const differences = differencesWithinBlocks(listed, plain, cpuUs);
  const { estimate, lower, upper } = signedRankEstimate(differences, CONFIDENCE);
  if (estimate === undefined) return undefined;
  if (differences.length < MIN_BLOCKS) return { cost: costText(estimate), remark: '.' };
  const interval = `[${lower.toFixed(1)}, ${upper.toFixed(1)}] µs`;
  const remark = `; within each of ${differences.length} blocks.`;
  if (lower <= 0 && upper >= 0) return { cost: `no difference of CPU shown, ${interval}`, remark };
  return { cost: `${estimate.toFixed(1)} ${interval} CPU of server and store`, remark };
}

function unpairedText(listed: readonly Row[], plain: readonly Row[]): Cost | undefined {
  const [more, less] = [medianOf(listed, cpuUs), medianOf(plain, cpuUs)];
  if (more === undefined || less === undefined) return undefined;
  return { cost: costText(more - less), remark: '. The two were not measured at the same time.' };
}

function costText(us: number): string {
  return us > 0 ? `${us.toFixed(1)} µs CPU of server and store` : 'CPU below the noise of this run';
}

function medianOf(rows: readonly Row[], figure: (row: Row) => number | undefined): number | undefined {
  return median(rows.map(figure).filter((value) => value !== undefined));
}
