/** express with express-session, and a Store that a module of the user's exports. */

import { pathToFileURL } from 'node:url';
import session from 'express-session';
import type { ServerConfig } from '../../config.ts';
import { MODULE_FAULT, SESSION_COOKIE } from '../../protocol.ts';
import { type Arm, COOKIE, type OnError } from './arm.ts';
import { expressArm } from './express-arm.ts';
import { middlewareSessions } from './middleware.ts';

/** What a function that returns a Store is called with, after express-session itself. */
interface StoreContext {
  /** Of `--service`. */
  serviceUrl?: string | undefined;
  /** Letters, digits and `_`: keeps arms apart on one service. */
  namespace: string;
  ttlSeconds: number;
}

type Callable = (...given: unknown[]) => unknown;
type Constructor = new (options: object) => unknown;

const METHODS = ['get', 'set', 'destroy'] as const;
/** Of the class Store of express-session. */
const INHERITED = ['createSession', 'regenerate', 'on'] as const;

/** @throws Error that begins with MODULE_FAULT for a module without a Store. */
export async function createServer(config: ServerConfig, onError: OnError): Promise<Arm> {
  const store = await openStore(config);
  const middleware = session({
    name: SESSION_COOKIE,
    secret: config.secret,
    store,
    // As the README of express-session asks: a store without touch keeps a session alive by saving it.
    resave: typeof store.touch !== 'function',
    saveUninitialized: false,
    proxy: true,
    cookie: { ...COOKIE, maxAge: config.idleSeconds * 1000 },
  });
  const service = { roundTrips: () => undefined, close: () => Promise.resolve() };
  return expressArm(config, onError, service, {
    ...middlewareSessions(middleware),
    // Whatever the store reports is an outage: the app has no other errors.
    failureStatus: 503,
  });
}

async function openStore(config: ServerConfig): Promise<session.Store> {
  const path = config.module?.path;
  if (path === undefined) throw new TypeError('expected a module with a Store, got none');
  const context: StoreContext = {
    serviceUrl: config.serviceUrl,
    namespace: config.namespace,
    ttlSeconds: config.idleSeconds,
  };
  let opened: unknown;
  try {
    opened = await storeFrom(await exportedBy(path), context);
  } catch (error) {
    throw fault('a module that can be imported and gives a Store', reasonOf(error), 'Mend the module');
  }
  const missing = METHODS.find((name) => !has(opened, name));
  if (missing !== undefined)
    throw fault('a Store of express-session', `${kindOf(opened)} without the method ${missing}`, EXPORTS);
  const lacks = INHERITED.find((name) => !has(opened, name));
  if (lacks === undefined) return opened as session.Store;
  const remedy = 'Let its class extend Store of express-session';
  throw fault('a Store that extends Store of express-session', `one without its method ${lacks}`, remedy);
}

const EXPORTS =
  'Export by default a Store, its class, a function that returns one, or one that takes express-session and returns the class';

/** The default export, also of a CommonJS module that a compiler has made of another one. */
async function exportedBy(path: string): Promise<unknown> {
  const { default: exported } = (await import(pathToFileURL(path).href)) as { default: unknown };
  const isCompiled = typeof exported === 'object' && exported !== null && '__esModule' in exported;
  return isCompiled && 'default' in exported ? exported.default : exported;
}

/** A Store from what a module exports: a Store, its class, or a function that returns one of both. */
async function storeFrom(exported: unknown, context: StoreContext): Promise<unknown> {
  if (typeof exported !== 'function') return exported;
  if (isStoreClass(exported)) return new (exported as unknown as Constructor)({});
  if (/^class\b/.test(Function.prototype.toString.call(exported))) return exported;
  // The older stores take express-session, and return the class.
  const given = await (exported as Callable)(session, context);
  return isStoreClass(given) ? new (given as Constructor)({}) : given;
}

function isStoreClass(value: unknown): boolean {
  return typeof value === 'function' && METHODS.every((name) => has(value.prototype, name));
}

const has = (value: unknown, name: string) =>
  typeof (value as Record<string, unknown> | null | undefined)?.[name] === 'function';

function kindOf(value: unknown): string {
  return typeof value === 'function'
    ? 'a function'
    : value === null
      ? 'null'
      : `a value of type ${typeof value}`;
}

function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message || error.name : String(error);
  return text.slice(0, 300);
}

/** The harness reads it from the output. */
function fault(expected: string, got: string, remedy: string): Error {
  return new Error(`${MODULE_FAULT}${JSON.stringify({ expected, got, remedy: `${remedy}.` })}`);
}
