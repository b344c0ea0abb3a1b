/** express with express-session, and connect-redis or connect-pg-simple, with the options that their READMEs name. */

import connectPgSimple from 'connect-pg-simple';
import { RedisStore } from 'connect-redis';
import session from 'express-session';
import type { ServerConfig } from '../../config.ts';
import { SESSION_COOKIE } from '../../protocol.ts';
import { type Arm, COOKIE, type OnError, type Service } from './arm.ts';
import { expressArm } from './express-arm.ts';
import { middlewareSessions } from './middleware.ts';
import { openPostgres, type Place } from './postgres.ts';
import { openRedis } from './redis.ts';

export async function createServer(config: ServerConfig, onError: OnError): Promise<Arm> {
  const { store, service } = await openStore(config, onError);
  const middleware = session({
    name: SESSION_COOKIE,
    secret: config.secret,
    store,
    // Both as the README of connect-redis asks.
    resave: false,
    saveUninitialized: false,
    proxy: true,
    cookie: COOKIE,
  });
  return expressArm(config, onError, service, middlewareSessions(middleware));
}

async function openStore(
  config: ServerConfig,
  onError: OnError,
): Promise<{ store: session.Store; service: Service }> {
  const { idleSeconds: ttl, namespace, options } = config;
  const disableTouch = options['touch'] === 'off';
  if (options['store'] === 'postgres') {
    const { pool, schema: schemaName, ...service } = await openPostgres(config, onError, 'express', tables);
    const PgStore = connectPgSimple(session);
    return { store: new PgStore({ pool, schemaName, ttl, disableTouch }), service };
  }
  const { client, ...service } = await openRedis(config, onError);
  return { store: new RedisStore({ client, prefix: `${namespace}:`, ttl, disableTouch }), service };
}

/** As table.sql of connect-pg-simple has it. */
const tables = ({ schema, table }: Place) => `
create ${table} if not exists ${schema}.session (
  sid varchar not null collate "default" primary key, sess json not null, expire timestamp(6) not null
);
create index if not exists "IDX_session_expire" on ${schema}.session (expire);`;
