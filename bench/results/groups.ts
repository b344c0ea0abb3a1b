import { STORES } from '../../stores/registry.ts';
import { rowArmText } from '../../stores/variant.ts';
import { median } from '../stats/median.ts';
import { groupKey } from './blocks.ts';
import type { Row } from './row.ts';
import { whole } from './text.ts';

/** The rows of arms that share everything else. */
export interface RowGroup {
  /** The axes held fixed. */
  title: string;
  rows: Row[];
}

/** The groups of a run, in the order of its rows. */
export function groupsOf(rows: readonly Row[]): RowGroup[] {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const key = groupKey(row);
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  return [...groups.values()].map((group) => ({ title: groupTitle(group), rows: group }));
}

/** Scenario, servers and affinity: a short name for contexts where it is unambiguous. */
export function shortTitle(row: Row): string {
  const servers = `${row.servers} ${row.servers === 1 ? 'server' : 'servers'}`;
  return `${row.scenario}, ${servers}, ${row.affinity}`;
}

/** The axes held fixed, as a heading. In an open loop with the rate, which may differ a little between blocks. */
function groupTitle(rows: readonly Row[]): string {
  const [row = {}] = rows;
  const balancer = row.balancer === 'none' ? 'no balancer' : row.balancer;
  const closed = `${shortTitle(row)}, ${balancer}, ${row.payload_bytes} B, ${row.connections} connections, ${row.transport}`;
  if (!isOpen(row)) return closed;
  const rate = median(rows.map((one) => one.target_rps).filter((value) => value !== undefined));
  const arrivals = (row.load_model ?? '').replace('open-', '');
  return `${closed}, ${rate === undefined ? '' : `${whole(rate)}/s `}${arrivals}, response times`;
}

/** Whether requests were sent at a rate, regardless of replies. */
export const isOpen = (row: Row): boolean => row.load_model !== undefined && row.load_model !== 'closed';

/** Rows of one arm and operation over all blocks; in the order of the registry. */
export function byArmAndOperation(rows: readonly Row[], onlyWhole: boolean): Row[][] {
  const arms = new Map<string, Row[]>();
  for (const row of rows) {
    if (onlyWhole && row.operation !== 'all') continue;
    const key = `${row.arm} ${row.operation}`;
    arms.set(key, [...(arms.get(key) ?? []), row]);
  }
  const place = ([row]: Row[]) => STORES.findIndex((definition) => definition.name === row?.store);
  return [...arms.values()].sort((a, b) => place(a) - place(b));
}

/** An arm as `--store` takes it: see {@link rowArmText}. */
export const armText = (row: Row): string => rowArmText(row);
