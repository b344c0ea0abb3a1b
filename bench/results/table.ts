import Table from 'cli-table3';
import { findStore, STORES } from '../../stores/registry.ts';
import type { Traits } from '../../stores/store.ts';
import { median } from '../stats/median.ts';
import type { ColumnName, Row } from './row.ts';
import { BORDERLESS, whole, wrap } from './text.ts';

/** One column of the terminal table: heading with its unit, and the text of a cell. */
interface Shown {
  heading: string;
  column: ColumnName;
  format: (value: number) => string;
}

const milliseconds = (us: number) => (us / 1000).toFixed(us < 10_000 ? 2 : 1);
const tenths = (value: number) => value.toFixed(1);
const mebibytes = (bytes: number) => whole(bytes / 2 ** 20);

const LOAD_COLUMNS: readonly Shown[] = [
  { heading: 'ok/s', column: 'rps_ok', format: whole },
  { heading: 'p50\nms', column: 'svc_p50_us', format: milliseconds },
  { heading: 'p99\nms', column: 'svc_p99_us', format: milliseconds },
  { heading: 'server\nµs CPU', column: 'cpu_us_per_req_server', format: tenths },
  { heading: 'balancer\nµs CPU', column: 'cpu_us_per_req_balancer', format: tenths },
  { heading: 'store\nµs CPU', column: 'cpu_us_per_req_store', format: tenths },
  { heading: 'generator\nµs CPU', column: 'cpu_us_per_req_generator', format: tenths },
  { heading: 'store\ntrips', column: 'store_commands_per_req', format: (value) => value.toFixed(2) },
  { heading: 'servers\nMiB', column: 'rss_server_bytes', format: mebibytes },
  { heading: 'store\nMiB', column: 'rss_store_bytes', format: mebibytes },
];

const REVOCATION_COLUMNS: readonly Shown[] = [
  { heading: 'refused after\np50, ms', column: 'revoke_visible_p50_us', format: milliseconds },
  { heading: 'refused after\nworst, ms', column: 'revoke_visible_p99_us', format: milliseconds },
  { heading: 'accepted after\nlogout', column: 'stale_accepts', format: whole },
];

/** The tables of a run, one for each group of arms that share everything else, with footnotes. */
export function renderTables(rows: readonly Row[], color: boolean): string {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const title = groupTitle(row);
    groups.set(title, [...(groups.get(title) ?? []), row]);
  }
  const blocks = new Set(rows.map((row) => row.block)).size;
  const over = blocks < 2 ? '' : `, medians of ${blocks} blocks`;
  return [...groups].map(([title, group]) => `${title}${over}\n${renderGroup(group, color)}`).join('\n\n');
}

/** The axes held fixed, as a heading. */
export function groupTitle(row: Row): string {
  const servers = `${row.servers} ${row.servers === 1 ? 'server' : 'servers'}`;
  return `${row.scenario}, ${servers}, ${row.affinity}, ${row.balancer}, ${row.payload_bytes} B, ${row.connections} connections, ${row.transport}`;
}

function renderGroup(rows: readonly Row[], color: boolean): string {
  const revocation = rows.some((row) => row.scenario === 'revocation');
  const columns = revocation ? REVOCATION_COLUMNS : LOAD_COLUMNS;
  const mixed = rows.some((row) => row.operation !== 'all') && !revocation;
  const table = new Table({
    head: [
      'backend',
      ...(mixed ? ['operation'] : []),
      ...columns.map((one) => one.heading),
      ...(revocation ? [] : ['limit']),
      '',
    ],
    colAligns: [
      'left',
      ...(mixed ? ['left' as const] : []),
      ...columns.map(() => 'right' as const),
      ...(revocation ? [] : ['left' as const]),
      'left',
    ],
    style: {
      head: color ? ['bold'] : [],
      border: color ? ['grey'] : [],
      compact: true,
      'padding-left': 0,
      'padding-right': 1,
    },
    chars: BORDERLESS,
  });
  const notes: string[] = [];
  for (const sameArm of byArmAndOperation(rows, revocation)) {
    const [row] = sameArm as [Row];
    const usable = sameArm.filter((one) => one.status === 'ok' && one.valid === true);
    const shown = usable.length === 0 ? sameArm : usable;
    const cells = columns.map(({ column, format }) => {
      const values = shown.map((one) => one[column]).filter((cell) => typeof cell === 'number');
      // A median over some of the blocks only could stand above one over all of them.
      const value = values.length < shown.length ? undefined : median(values);
      return value === undefined ? '' : format(value);
    });
    const remarks = [...new Set(sameArm.map(remarkOf).filter((remark) => remark !== undefined))];
    for (const remark of remarks) if (!notes.includes(remark)) notes.push(remark);
    const limit = revocation ? [] : [row.bottleneck ?? ''];
    const reference = remarks.map((remark) => `[${notes.indexOf(remark) + 1}]`).join('');
    table.push([armText(row), ...(mixed ? [row.operation ?? ''] : []), ...cells, ...limit, reference]);
  }
  return [table.toString(), ...notes.map((note, index) => wrap(`[${index + 1}] ${note}`, '    '))].join('\n');
}

/** Rows of one arm and operation over all blocks; in the order of the registry. */
function byArmAndOperation(rows: readonly Row[], onlyWhole: boolean): Row[][] {
  const arms = new Map<string, Row[]>();
  for (const row of rows) {
    if (onlyWhole && row.operation !== 'all') continue;
    const key = `${row.arm} ${row.operation}`;
    arms.set(key, [...(arms.get(key) ?? []), row]);
  }
  const place = ([row]: Row[]) => STORES.findIndex((definition) => definition.name === row?.store);
  return [...arms.values()].sort((a, b) => place(a) - place(b));
}

function remarkOf(row: Row): string | undefined {
  if (row.status !== 'ok') return `${row.store}: ${row.status}: ${row.invalid_reason ?? ''}`;
  if (row.valid === false) return `${row.store}: INVALID, not to be used: ${row.invalid_reason ?? ''}`;
  return row.note === undefined ? undefined : `${row.store}: ${row.note}`;
}

/** The backend with those of its options that are not the default. */
function armText(row: Row): string {
  const definition = findStore(row.store ?? '');
  const unusual = (row.variant ?? '').split(';').filter((pair) => {
    const [key = '', value] = pair.split('=');
    return key === 'durability' ? false : definition?.options[key]?.values[0] !== value;
  });
  return unusual.length === 0 ? (row.store ?? '') : `${row.store}:${unusual.join(';')}`;
}

/** What each backend of these rows cannot do, one line each: speed without it misleads. */
export function renderLimits(rows: readonly Row[]): string {
  const lines: string[] = [];
  const measured = rows.filter((row) => row.status === 'ok');
  for (const [row] of byArmAndOperation(measured, true) as [Row][]) {
    const definition = findStore(row.store ?? '');
    if (definition === undefined || definition.name === 'none') continue;
    const pairs = (row.variant ?? '').split(';').map((pair) => pair.split('=') as [string, string]);
    const options = Object.fromEntries(pairs);
    const durability = options['durability'];
    const traits = definition.traits(
      options,
      durability === 'none' || durability === 'commit' ? durability : 'second',
    );
    const limits = limitsOf(traits);
    const line = wrap(
      `  ${armText(row)}: ${limits.length === 0 ? 'none of the limits that others have' : limits.join('; ')}`,
      '    ',
    );
    if (!lines.includes(line)) lines.push(line);
  }
  return lines.length === 0 ? '' : `What they cannot do:\n${lines.join('\n')}`;
}

function limitsOf(traits: Traits): string[] {
  const limits: string[] = [];
  if (traits.revocation === 'at-expiry') limits.push('a logged-out token works until it expires');
  if (!traits.shared) limits.push('sessions are not shared between servers');
  if (!traits.survivesServerRestart) limits.push('sessions end with their server');
  if (traits.survivesStoreCrash === false) limits.push('nothing survives a crash of the store');
  if (!traits.userIndex) limits.push('no list, limit or end of a user’s logins');
  if (!traits.compareAndSwap) limits.push('parallel updates overwrite each other');
  if (traits.clientReadable) limits.push('the client reads the data');
  if (traits.dataInToken) limits.push('data must fit a cookie of 4,096 bytes');
  return limits;
}
