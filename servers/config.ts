import type { Durability, StoreOptions } from '../stores/store.ts';
import { REQUIRED_CONFIG_KEYS, SERVER_CONFIG_ENV } from './frozen.ts';
import { checkHandicap } from './handicap.ts';
import type { Handicap } from './protocol.ts';

/** Everything that a server process is told, as JSON in the environment variable {@link SERVER_CONFIG_ENV}. */
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
  /** Bytes of session data that a login begins with. */
  payloadBytes: number;
  /** Most concurrent logins of a user; 0 sets no limit. */
  loginCap: number;
  onCap: 'evict' | 'refuse';
  /** Failed logins of an account within the window from which on it is refused; 0 sets no limit, and looks at nothing. */
  failedLoginLimit: number;
  failedLoginWindowSeconds: number;
  /** How long a token lives where the backend renews it by a refresh token. */
  accessSeconds: number;
  /** Where changed passwords lie, shared by all servers; absent, no password can be changed. */
  accountsDirectory?: string;
  /** Log2 of scrypt's cost N for these; 14, as OWASP has it, unless given: less where checks change them by the hundred. */
  passwordCostLog2?: number;
  /** File that the lifecycle of sessions is appended to; absent, nothing is written. */
  lifecycleLog?: string;
  /** How far the store's clock is ahead of the machine's from the start, in milliseconds. */
  clockOffsetMs?: number;
  /** Whether the message `clock` may set that offset; absent in all but tests of expiry. */
  adjustableClock?: boolean;
  /** At least 32 random bytes, base64. */
  secret: string;
  privateKeyPem?: string;
  /** Password of every user of the fixture, and that of its administrator. */
  password: string;
  adminPassword: string;
  /** Planted slowness; absent in all but the proof of the instrument. */
  handicap?: Handicap;
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

/** The configuration in this text, defaults filled in. @throws Error naming what is missing or unknown. */
export function parseServerConfig(text: string | undefined): ServerConfig {
  if (text === undefined)
    throw new Error(`${SERVER_CONFIG_ENV} must hold the server's configuration as JSON`);
  const given = parsed(text);
  const missing = REQUIRED_CONFIG_KEYS.filter((key) => typeof given[key] !== 'string' || given[key] === '');
  if (missing.length > 0) throw new Error(`${SERVER_CONFIG_ENV} lacks ${missing.join(', ')}`);
  if (given.handicap !== undefined) checkHandicap(given.handicap);
  return { ...DEFAULTS, ...(given as ServerConfig) };
}

/** What a parser says of a text quotes from it, and this one holds secrets: the cause is left out. */
function parsed(text: string): Partial<ServerConfig> {
  try {
    return JSON.parse(text) as Partial<ServerConfig>;
  } catch {
    throw new Error(`${SERVER_CONFIG_ENV} must hold JSON`);
  }
}
