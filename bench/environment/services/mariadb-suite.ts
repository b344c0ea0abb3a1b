import { withMariadb } from '../../../stores/mariadb/client.ts';
import { mariadbService } from '../../../stores/mariadb/service.ts';
import type { ServiceSuite } from './service-suite.ts';

const COMMON = {
  innodb_doublewrite: 'ON',
  log_bin: 'OFF',
  sync_binlog: '1',
  innodb_buffer_pool_size: String(256 * 1024 * 1024),
  innodb_log_file_size: String(256 * 1024 * 1024),
  // Those requested, and ten spare ones.
  max_connections: '30',
  max_allowed_packet: String(64 * 1024 * 1024),
  read_only: 'OFF',
  performance_schema: 'OFF',
};

/** Guarantees of MariaDB on every tier. */
export const MARIADB_SUITE: Omit<ServiceSuite, 'tier'> = {
  definition: mariadbService,
  settings: {
    none: { ...COMMON, innodb_doublewrite: 'OFF', innodb_flush_log_at_trx_commit: '0' },
    second: { ...COMMON, innodb_flush_log_at_trx_commit: '2' },
    commit: { ...COMMON, innodb_flush_log_at_trx_commit: '1' },
  },
  use: (url) =>
    withMariadb(url, async (link) => {
      await link.query('create table if not exists sb_example (id int primary key, data varchar(9))');
      await link.query(`insert ignore into sb_example values (1, 'value')`);
      const { rows } = await link.query('select data from sb_example');
      if (rows[0]?.[0] !== 'value') throw new Error('MariaDB lost a value');
    }),
};
