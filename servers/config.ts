import { readFileSync } from 'node:fs';
import type { StoreModule } from '../stores/module.ts';
import type { Durability, StoreOptions } from '../stores/store.ts';
import { REQUIRED_CONFIG_KEYS, SERVER_CONFIG_ENV } from './frozen.ts';
import { checkHandicap } from './handicap.ts';
import type { Handicap, InnerPlan } from './protocol.ts';

/** The configuration of a server process, passed as JSON in the environment variable {@link SERVER_CONFIG_ENV}. */
export interface ServerConfig {
  /** Name in the `x-served-by` header. */
  id: string;
  host: string;
  /** 0 lets the system choose; the ready message names it. */
  port: number;
  store: string;
  /** The backend's own options; absent ones take their defaults. */
  options: StoreOptions;
  durability: Durability;
  serviceUrl?: string;
  namespace: string;
  poolSize: number;
  idleSeconds: number;
  absoluteSeconds: number;
  touchIntervalSeconds: number;
  transport: 'cookie' | 'bearer';
  /** Bytes of session data at login. */
  payloadBytes: number;
  /** Maximum of concurrent logins of a user; 0 sets no limit. */
  loginCap: number;
  onCap: 'evict' | 'refuse';
  /** Failed logins of an account within the window before it is refused; 0 sets no limit, and makes no store calls. */
  failedLoginLimit: number;
  failedLoginWindowSeconds: number;
  /** Lifetime of an access token, where the backend has refresh tokens. */
  accessSeconds: number;
  /** Directory of changed passwords, shared by all servers. If absent, passwords cannot be changed. */
  accountsDirectory?: string;
  /** Log2 of scrypt's cost N for these. Default 14, as OWASP recommends; lower for checks that change hundreds. */
  passwordCostLog2?: number;
  /** File to which session events are appended; if absent, none are written. */
  lifecycleLog?: string;
  /** How far the store's clock is ahead of the machine's at the start, in milliseconds. */
  clockOffsetMs?: number;
  /** Whether the message `clock` may set that offset; only tests of expiry set it. */
  adjustableClock?: boolean;
  /** At least 32 random bytes, base64. */
  secret: string;
  privateKeyPem?: string;
  /** Password of every user of the fixture, and of its administrator. */
  password: string;
  adminPassword: string;
  /** Path of the program that serves a library; absent for our own backends. */
  program?: string;
  /** A store of the user's, whose kind says what the file exports; absent for ours. */
  module?: StoreModule;
  /** Its part in a fan-out; absent without one. */
  inner?: InnerPlan;
  /** Planted slowness; only set to verify the instrument. */
  handicap?: Handicap;
  /**
   * File with more keys of this configuration, as JSON: secrets that must not stand in the environment, which the engine
   * of a container shows. Its keys replace those of the environment.
   */
  secretsFile?: string;
}

export { SERVER_CONFIG_ENV };

const DEFAULTS = {
  host: '127.0.0.1',
  port: 0,
  options: {},
  durability: 'second',
  namespace: 'bench',
  poolSize: 10,
  idleSeconds: 1800,
  absoluteSeconds: 43_200,
  touchIntervalSeconds: 60,
  transport: 'cookie',
  payloadBytes: 256,
  loginCap: 0,
  onCap: 'evict',
  failedLoginLimit: 0,
  failedLoginWindowSeconds: 300,
  accessSeconds: 60,
} as const satisfies Partial<ServerConfig>;

/**
 * Parses the configuration, adds what its `secretsFile` holds, and fills in defaults.
 * @throws Error that names missing keys, or the file that cannot be read.
 */
export function parseServerConfig(text: string | undefined): ServerConfig {
  if (text === undefined)
    throw new Error(`${SERVER_CONFIG_ENV} must hold the server's configuration as JSON`);
  const shown = parseJson(text, SERVER_CONFIG_ENV);
  const given = { ...shown, ...readSecrets(shown.secretsFile) };
  const missing = REQUIRED_CONFIG_KEYS.filter((key) => typeof given[key] !== 'string' || given[key] === '');
  if (missing.length > 0) throw new Error(`${SERVER_CONFIG_ENV} lacks ${missing.join(', ')}`);
  if (given.handicap !== undefined) checkHandicap(given.handicap);
  return { ...DEFAULTS, ...(given as ServerConfig) };
}

function readSecrets(path: string | undefined): Partial<ServerConfig> {
  if (path === undefined) return {};
  const where = `the file ${path} of secretsFile`;
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new Error(`cannot read ${where}: ${(error as NodeJS.ErrnoException).code}`);
  }
  return parseJson(text, where);
}

/** A JSON error quotes the text, which holds secrets: the cause is omitted. */
function parseJson(text: string, where: string): Partial<ServerConfig> {
  try {
    return JSON.parse(text) as Partial<ServerConfig>;
  } catch {
    throw new Error(`${where} must hold JSON`);
  }
}
