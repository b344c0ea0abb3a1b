/**
 * better-auth with email and password on express, in Postgres by the pool of pg, as its documentation begins. Not its
 * defaults: the hash of passwords, which is slow on purpose; the limit of requests; telemetry; the names of its cookies,
 * which the load keeps by how they begin.
 */

import { createHmac } from 'node:crypto';
import { betterAuth } from 'better-auth';
import { fromNodeHeaders } from 'better-auth/node';
import type { Request, Response } from 'express';
import type { ServerConfig } from '../../config.ts';
import { ADMIN_USER, ORIGIN, payloadFor, SESSION_COOKIE } from '../../protocol.ts';
import type { Arm, OnError, State } from './arm.ts';
import { expressArm } from './express-arm.ts';
import { openPostgres, type Place } from './postgres.ts';

const DOMAIN = '@site.test';

/** The library splits its cache over as many cookies as it takes, and clients refuse heads over 16 KB. */
const MOST_CACHED_BYTES = 4_096;

export async function createServer(config: ServerConfig, onError: OnError): Promise<Arm> {
  const { pool, ...service } = await openPostgres(config, onError, 'betterauth', tables);
  const auth = authOn(pool, config);
  const passwordOf = (user: string) => (user === ADMIN_USER ? config.adminPassword : config.password);

  async function signIn(request: Request, user: string): Promise<Headers> {
    const headers = fromNodeHeaders(request.headers);
    const body = { email: `${user}${DOMAIN}`, password: passwordOf(user) };
    try {
      return (await auth.api.signInEmail({ body, headers, returnHeaders: true })).headers;
    } catch (error) {
      if ((error as { statusCode?: number }).statusCode !== 401) throw error;
      // A user's first login: the password has been checked before.
      const account = { ...body, name: user };
      return (await auth.api.signUpEmail({ body: account, headers, returnHeaders: true })).headers;
    }
  }

  const isCached = config.options['cookie-cache'] === 'on';
  /** The app's own limit. @throws Error with the status 413. */
  function checkSize(data: string): void {
    if (!isCached || Buffer.byteLength(JSON.stringify(data)) <= MOST_CACHED_BYTES) return;
    throw Object.assign(new Error('the data does not fit the cache'), { status: 413 });
  }

  return expressArm(config, onError, service, {
    // It has neither sessions without a user nor a change of id.
    visits: false,
    rotates: false,
    async read(request, response) {
      const headers = fromNodeHeaders(request.headers);
      const { headers: sent, response: found } = await auth.api.getSession({ headers, returnHeaders: true });
      forward(sent, response);
      if (found === null) return undefined;
      const { name: user } = found.user;
      const { data, version } = found.session;
      return { user, role: user === ADMIN_USER ? 'admin' : 'user', version: version ?? 1, data: data ?? '' };
    },
    async begin(request, response, { user, data }: State) {
      checkSize(data);
      forward(await signIn(request, user ?? ''), response);
    },
    async save(request, response, { data, version }) {
      checkSize(data);
      const headers = fromNodeHeaders(request.headers);
      const body = { data, version };
      forward((await auth.api.updateSession({ body, headers, returnHeaders: true })).headers, response);
    },
    async end(request, response) {
      const headers = fromNodeHeaders(request.headers);
      forward((await auth.api.signOut({ headers, returnHeaders: true })).headers, response);
    },
  });
}

type Pool = Awaited<ReturnType<typeof openPostgres>>['pool'];

function authOn(pool: Pool, config: ServerConfig) {
  const hashOf = (password: string) =>
    createHmac('sha256', config.secret).update(password).digest('base64url');
  return betterAuth({
    baseURL: ORIGIN,
    secret: config.secret,
    database: pool,
    emailAndPassword: {
      enabled: true,
      password: {
        hash: async (password) => hashOf(password),
        verify: async ({ hash, password }) => hash === hashOf(password),
      },
    },
    session: {
      expiresIn: config.idleSeconds,
      updateAge: config.touchIntervalSeconds,
      additionalFields: {
        data: { type: 'string', required: false },
        version: { type: 'number', required: false },
      },
      ...(config.options['cookie-cache'] === 'on' ? { cookieCache: { enabled: true } } : {}),
    },
    databaseHooks: {
      session: {
        create: {
          before: async (session, context) => {
            const { email = '' } = (context?.body ?? {}) as { email?: string };
            const data = payloadFor(email.replace(DOMAIN, ''), 0, config.payloadBytes);
            return { data: { ...session, data, version: 1 } };
          },
        },
      },
    },
    advanced: {
      useSecureCookies: false,
      defaultCookieAttributes: { secure: true },
      cookiePrefix: SESSION_COOKIE,
      cookies: { session_token: { name: SESSION_COOKIE } },
    },
    rateLimit: { enabled: false },
    telemetry: { enabled: false },
    logger: { level: 'error' },
  });
}

function forward(headers: Headers, response: Response): void {
  for (const cookie of headers.getSetCookie()) response.append('set-cookie', cookie);
}

/** As its command `generate` writes them, with the two fields of the session. */
const tables = ({ schema, table }: Place) => `
create ${table} if not exists ${schema}."user" (
  "id" text not null primary key, "name" text not null, "email" text not null unique,
  "emailVerified" boolean not null, "image" text,
  "createdAt" timestamptz default current_timestamp not null,
  "updatedAt" timestamptz default current_timestamp not null
);
create ${table} if not exists ${schema}."session" (
  "id" text not null primary key, "expiresAt" timestamptz not null, "token" text not null unique,
  "createdAt" timestamptz default current_timestamp not null, "updatedAt" timestamptz not null,
  "ipAddress" text, "userAgent" text,
  "userId" text not null references ${schema}."user" ("id") on delete cascade,
  "data" text, "version" integer
);
create ${table} if not exists ${schema}."account" (
  "id" text not null primary key, "accountId" text not null, "providerId" text not null,
  "userId" text not null references ${schema}."user" ("id") on delete cascade,
  "accessToken" text, "refreshToken" text, "idToken" text,
  "accessTokenExpiresAt" timestamptz, "refreshTokenExpiresAt" timestamptz, "scope" text, "password" text,
  "createdAt" timestamptz default current_timestamp not null, "updatedAt" timestamptz not null
);
create ${table} if not exists ${schema}."verification" (
  "id" text not null primary key, "identifier" text not null, "value" text not null,
  "expiresAt" timestamptz not null, "createdAt" timestamptz default current_timestamp not null,
  "updatedAt" timestamptz default current_timestamp not null
);
create index if not exists "session_userId_idx" on ${schema}."session" ("userId");
create index if not exists "account_userId_idx" on ${schema}."account" ("userId");
create index if not exists "verification_identifier_idx" on ${schema}."verification" ("identifier");`;
