/** The settings on which the durability of MariaDB rests. Every connection has the same ones: they are global. */

import type { Durability } from '../service.ts';
import type { Link } from './links.ts';

export type Settings = Readonly<Record<string, string>>;

const REPORTED_SETTINGS = [
  'version',
  'innodb_flush_log_at_trx_commit',
  'innodb_doublewrite',
  'log_bin',
  'sync_binlog',
  'binlog_format',
  'innodb_buffer_pool_size',
  'innodb_log_file_size',
  'innodb_redo_log_capacity',
  'innodb_flush_method',
  'max_connections',
  'max_allowed_packet',
  'read_only',
  'super_read_only',
  'innodb_read_only',
  'wsrep_on',
  'performance_schema',
];

/** The relevant settings; those that this server lacks are missing. */
export async function readSettings(link: Pick<Link, 'query'>): Promise<Settings> {
  const names = REPORTED_SETTINGS.map((name) => `'${name}'`).join(', ');
  const { rows } = await link.query(`show global variables where variable_name in (${names})`);
  return Object.fromEntries(rows.map(([name, value]) => [String(name).toLowerCase(), String(value)]));
}

/** Whether a switch is off or absent. */
export const isOff = (value: string | undefined): boolean =>
  value === undefined || /^(off|0|no)$/i.test(value);

/**
 * Whether the settings provide that durability; `undefined` when they are unknown. At `second` the log is passed to the
 * system with each commit, and to the disk each second; at `none` both each second.
 */
export function mariadbDurabilityMatches(settings: Settings, durability: Durability): boolean | undefined {
  const { innodb_flush_log_at_trx_commit: flush, innodb_doublewrite: doublewrite } = settings;
  if (flush === undefined) return undefined;
  if (durability === 'none') return flush === '0';
  if (isOff(doublewrite)) return false;
  if (durability === 'second') return flush === '2';
  return flush === '1' && isBinlogDurable(settings);
}

const isBinlogDurable = ({ log_bin, sync_binlog }: Settings) => isOff(log_bin) || sync_binlog === '1';

/** Why these settings are less durable than requested, for an error; `undefined` when they are not. */
export function durabilityFault(settings: Settings, durability: Durability): string | undefined {
  const { innodb_flush_log_at_trx_commit: flush, innodb_doublewrite, log_bin, sync_binlog } = settings;
  const isEnough =
    durability === 'none' ||
    (flush !== '0' &&
      !isOff(innodb_doublewrite) &&
      (durability === 'second' || (flush === '1' && isBinlogDurable(settings))));
  if (isEnough) return undefined;
  return (
    `expected MariaDB to be as durable as '${durability}', got innodb_flush_log_at_trx_commit=${flush}, ` +
    `innodb_doublewrite=${innodb_doublewrite}, log_bin=${log_bin}, sync_binlog=${sync_binlog}; set them there`
  );
}
