/** The accounts that log in to the servers, and changes of their passwords. A run measures only the precomputed credential. */

import { hash, randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto';
import { link, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ServerConfig } from './config.ts';
import { ADMIN_USER } from './protocol.ts';

/** Checks passwords. Any well-formed name is a user. */
export interface Accounts {
  /**
   * The version of the user's password; `undefined` when the password is wrong. Synchronous where nothing is read from
   * disk.
   */
  check(user: string, password: string): Promise<string | undefined> | string | undefined;
  /** Absent where passwords cannot be changed. */
  changeable?: ChangeablePasswords;
}

/** Passwords that can be changed, shared by all servers. */
export interface ChangeablePasswords {
  /** The version of the user's current password; unique for the user. */
  versionOf(user: string): Promise<string>;
  /**
   * Replaces the password of this version. `conflict`: another one is current, and stays. One of several concurrent
   * calls wins.
   */
  change(user: string, version: string, next: string): Promise<'changed' | 'conflict'>;
}

/** Creates the accounts for this configuration. */
export function createAccounts(
  config: Pick<ServerConfig, 'password' | 'adminPassword' | 'accountsDirectory' | 'passwordCostLog2'>,
): Accounts {
  const check = fixtureCheck(config);
  const { accountsDirectory, passwordCostLog2 = COST_LOG2 } = config;
  return accountsDirectory === undefined
    ? { check }
    : fileAccounts(accountsDirectory, check, passwordCostLog2);
}

/** The version of every password that has not been changed. */
const FIXTURE_VERSION = 'fixture';

type Check = (user: string, password: string) => string | undefined;

/**
 * Compares a password with a precomputed digest in constant time. A slow password hash would cost a thousand times what
 * a session does, and drown what is measured.
 */
function fixtureCheck({ password, adminPassword }: Pick<ServerConfig, 'password' | 'adminPassword'>): Check {
  const ofUser = digest(password);
  const ofAdmin = digest(adminPassword);
  return (user, given) =>
    timingSafeEqual(digest(given), user === ADMIN_USER ? ofAdmin : ofUser) ? FIXTURE_VERSION : undefined;
}

/** A digest, for a comparison of equal lengths. */
function digest(password: string): Buffer {
  return hash('sha256', password, 'buffer');
}

/** A changed password as stored in its file; both fields in base64. The salt is also its version. */
interface StoredPassword {
  salt: string;
  hash: string;
}

/**
 * Each user has a directory with one numbered file for each password; the highest number is the current one. A user
 * without a directory has the fixture's password. The time of a check shows which of the two applies, and nothing of
 * the password.
 */
function fileAccounts(directory: string, checkFixture: Check, costLog2: number): Required<Accounts> {
  // Named by the hash of the user, so that no name can lead out of the directory.
  const homeOf = (user: string) => join(directory, hash('sha256', user, 'hex'));
  const versionOf = ({ stored }: Present) => stored?.salt ?? FIXTURE_VERSION;
  return {
    async check(user, password) {
      const { stored } = await readPresent(homeOf(user));
      if (stored === undefined) return checkFixture(user, password);
      const expected = Buffer.from(stored.hash, 'base64');
      const actual = await derive(password, Buffer.from(stored.salt, 'base64'), costLog2);
      return actual.length === expected.length && timingSafeEqual(actual, expected) ? stored.salt : undefined;
    },
    changeable: {
      versionOf: async (user) => versionOf(await readPresent(homeOf(user))),
      async change(user, version, next) {
        const home = homeOf(user);
        const before = await readPresent(home);
        if (versionOf(before) !== version) return 'conflict';
        const salt = randomBytes(16);
        const derived = await derive(next, salt, costLog2);
        const stored: StoredPassword = { salt: salt.toString('base64'), hash: derived.toString('base64') };
        await mkdir(home, { recursive: true, mode: 0o700 });
        return (await addPassword(home, before.number + 1, JSON.stringify(stored))) ? 'changed' : 'conflict';
      },
    },
  };
}

/** The current password of a user, and its number; 0 when it has not been changed yet. */
interface Present {
  number: number;
  stored?: StoredPassword;
}

const NUMBERED = /^(\d+)\.json$/;

async function readPresent(home: string): Promise<Present> {
  const numbers = (await listNames(home)).map((name) => Number(NUMBERED.exec(name)?.[1] ?? 0));
  const number = Math.max(0, ...numbers);
  if (number === 0) return { number };
  const text = await readFile(join(home, `${number}.json`), 'utf8');
  return { number, stored: JSON.parse(text) as StoredPassword };
}

/**
 * Adds the password of this number; false when that number already exists. Linked into place, which is atomic: another
 * server reads the whole file or none, and a killed server leaves no lock behind. Former passwords are kept: a number
 * that became free could be taken twice.
 */
async function addPassword(home: string, number: number, text: string): Promise<boolean> {
  // Leftovers of a killed server, or the file of a change in progress, which then gets a conflict.
  for (const name of await listNames(home))
    if (!NUMBERED.test(name)) await rm(join(home, name), { force: true });
  const half = join(home, randomBytes(6).toString('hex'));
  try {
    await writeFile(half, text, { mode: 0o600, flag: 'wx' });
    await link(half, join(home, `${number}.json`));
    return true;
  } catch (error) {
    if (['EEXIST', 'ENOENT'].includes(codeOf(error))) return false;
    throw error;
  } finally {
    await rm(half, { force: true });
  }
}

async function listNames(home: string): Promise<string[]> {
  try {
    return await readdir(home);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? '';
}

/** One of OWASP's parameters for scrypt that fits Node's memory limit. */
const COST_LOG2 = 14;
const COST = { r: 8, p: 5 } as const;
const HASH_BYTES = 32;

function derive(password: string, salt: Buffer, costLog2: number): Promise<Buffer> {
  const cost: ScryptOptions = { ...COST, N: 2 ** costLog2 };
  return new Promise((resolve, reject) => {
    scrypt(password, salt, HASH_BYTES, cost, (error, key) => (error === null ? resolve(key) : reject(error)));
  });
}
