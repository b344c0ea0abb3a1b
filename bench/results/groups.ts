import { ARMS } from '../../stores/registry.ts';
import { rowArmText } from '../../stores/variant.ts';
import { median } from '../stats/median.ts';
import { groupBy, groupKey } from './blocks.ts';
import type { Row } from './row.ts';
import { counted, whole } from './text.ts';

/** The rows of arms that share everything else. */
export interface RowGroup {
  /** The axes held fixed. */
  title: string;
  rows: Row[];
}

/** The groups of a run, in the order of its rows. */
export function groupsOf(rows: readonly Row[]): RowGroup[] {
  return groupBy(rows, groupKey).map((group) => ({ title: groupTitle(group), rows: group }));
}

/** Scenario, servers and affinity: a short name for contexts where it is unambiguous. */
export function shortTitle(row: Row): string {
  if (row.target !== undefined) return `${row.scenario}, external`;
  const what = row.fault === undefined ? row.scenario : `${row.scenario} (${row.fault})`;
  return `${what}, ${counted(row.servers, 'server')}, ${row.affinity}`;
}

/** The axes held fixed, as a heading. In an open loop with the rate, which may differ a little between blocks. */
function groupTitle(rows: readonly Row[]): string {
  const [row = {}] = rows;
  const load = [`${row.connections} connections`, row.transport, ...lifetimeAxes(row)];
  const closed = [shortTitle(row), ...ownAxes(row), ...load].join(', ');
  if (!isOpen(row)) return closed;
  const rate = median(rows.map((one) => one.target_rps).filter((value) => value !== undefined));
  const arrivals = (row.load_model ?? '').replace('open-', '');
  return `${closed}, ${rate === undefined ? '' : `${whole(rate)}/s `}${arrivals}, response times`;
}

/** Balancer, size of the data, distance of the service and what is within, which are unknown of external sites. */
function ownAxes({
  target,
  balancer,
  edge_tls: tls,
  payload_bytes: bytes,
  store_distance_ms: ms,
  inner_servers: inner,
}: Row): string[] {
  if (target !== undefined) return [];
  const name = balancer === 'none' ? 'no balancer' : balancer;
  const away = ms === undefined ? [] : [`store ${ms} ms away`];
  const within = inner === undefined ? [] : [counted(inner, 'inner service')];
  return [tls === undefined ? String(name) : `${name} with TLS`, `${bytes} B`, ...away, ...within];
}

/** How often a read renews its session's idle expiry, and what expires. */
function lifetimeAxes({
  touch_s: seconds,
  expiring_sessions: expiring,
  churned_sessions: churned,
}: Row): string[] {
  const touches = seconds === 0 ? 'touched by every read' : `touched every ${seconds} s`;
  return [
    ...(seconds === undefined ? [] : [touches]),
    ...(expiring === undefined ? [] : [`${whole(expiring)} expire`]),
    ...(churned === undefined ? [] : [`after ${whole(churned)} logins and logouts`]),
  ];
}

/** Whether requests were sent at a rate, regardless of replies. */
export const isOpen = (row: Row): boolean => row.load_model !== undefined && row.load_model !== 'closed';

/** Rows of one arm and operation over all blocks; in the order of the registry, libraries and then modules last. */
export function byArmAndOperation(rows: readonly Row[], onlyWhole: boolean): Row[][] {
  const asked = onlyWhole ? rows.filter((row) => row.operation === 'all') : rows;
  const known = ARMS.map(({ name }) => name);
  const place = ([row]: Row[]) => (isOfModule(row, known) ? known.length : known.indexOf(row?.store ?? ''));
  return groupBy(asked, (row) => `${row.arm} ${row.operation}`).sort((a, b) => place(a) - place(b));
}

/** A store of the user's has versions, and no place in the registry. */
function isOfModule(row: Row | undefined, known: readonly string[]): boolean {
  return row?.library_versions !== undefined && !known.includes(row.store ?? '');
}

/** An arm as `--store` takes it: see {@link rowArmText}. */
export const armText = (row: Row): string => rowArmText(row);
