/** mongod in its image. */

import { randomBytes } from 'node:crypto';
import { isAvailable, LOOPBACK, type ServiceServer } from '../service.ts';
import { withMongodb } from './client.ts';

const USER = 'bench';
const DATABASE = 'bench';
const CACHE_GIGABYTES = 1;
const LEAST_CONNECTIONS = 1_024;

/** Arguments of mongod. What it collects about itself every second is off: that would be charged to an arm. */
export function mongodArguments(port: number, maxConnections: number): string[] {
  const connections = Math.max(LEAST_CONNECTIONS, 2 * maxConnections);
  return [
    ...['--auth', '--bind_ip', LOOPBACK, '--port', String(port), '--nounixsocket', '--quiet'],
    ...['--maxConns', String(connections), '--wiredTigerCacheSizeGB', String(CACHE_GIGABYTES)],
    ...['--setParameter', 'diagnosticDataCollectionEnabled=false'],
  ];
}

/**
 * Creates the user on a server that only a socket of the container leads to, and becomes the server with passwords. The
 * password comes by the environment, for every user of the machine can read arguments. The image's own variables for it
 * would open port 27017 of this machine meanwhile.
 */
const START = [
  'set -e',
  'umask 077',
  'mongod --fork --logpath /tmp/init.log --bind_ip /tmp/init.sock --dbpath /data/db >/dev/null',
  `mongosh --quiet 'mongodb://%2Ftmp%2Finit.sock/admin' --eval '
    db.createUser({ user: process.env.MONGODB_USER, pwd: process.env.MONGODB_PASSWORD, roles: ["root"] })' >/dev/null`,
  'mongod --shutdown --dbpath /data/db >/dev/null',
  'exec mongod --dbpath /data/db "$@"',
].join('\n');

export const mongodbServer: ServiceServer = {
  local: () => Promise.resolve('MongoDB is started from its image only'),
  embedded: () => Promise.resolve('there is no npm package with a real MongoDB'),
  plan({ maxConnections }) {
    const password = randomBytes(18).toString('base64url');
    const url = (port: number) =>
      `mongodb://${USER}:${password}@${LOOPBACK}:${port}/${DATABASE}?authSource=admin`;
    return {
      command: 'sh',
      args: (port) => ['-c', START, 'mongod', ...mongodArguments(port, maxConnections)],
      env: { MONGODB_USER: USER, MONGODB_PASSWORD: password },
      url,
      secrets: [password],
      // Another one that took its port first does not know this password.
      isReady: (port) => isAvailable(() => withMongodb(url(port), async () => undefined)),
    };
  },
};
