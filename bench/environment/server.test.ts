import { expect, test } from 'vitest';
import { clientEnvironment } from './server.ts';

test('servers get the variables by which the harness has reached a service, and no others', () => {
  const needed = {
    PGUSER: 'u',
    PGPASSWORD: 'hunter2',
    PGPASSFILE: '/home/u/.pgpass',
    PGDATABASE: 'db',
    PGSSLMODE: 'require',
    NODE_EXTRA_CA_CERTS: '/etc/ca.pem',
    SSL_CERT_FILE: '/etc/file.pem',
    SSL_CERT_DIR: '/etc/certs',
  };
  const others = { PATH: '/bin', NODE_OPTIONS: '--inspect', DATABASE_URL: 'postgres://prod', REDIS_URL: 'x' };
  expect(clientEnvironment({ ...needed, ...others })).toEqual(needed);
  expect(clientEnvironment(others)).toEqual({});
});
