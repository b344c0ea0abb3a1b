/** The accounts of the fixture. None of it is measured but the precomputed credential. */

import { hash, randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto';
import { link, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ServerConfig } from './config.ts';
import { ADMIN_USER } from './protocol.ts';

/** Who may log in: any well-formed name is a user. */
export interface Accounts {
  /** The version of the user's password, `undefined` where this is not it; at once where nothing must be looked up. */
  check(user: string, password: string): Promise<string | undefined> | string | undefined;
  /** Absent where no password can be changed. */
  changeable?: ChangeablePasswords;
}

/** Passwords that can be changed, for all servers at once. */
export interface ChangeablePasswords {
  /** The version of the user's present password: no two of a user's passwords share one. */
  versionOf(user: string): Promise<string>;
  /** Replaces the password of this version. `conflict`: the present one is another, and stays; of several at once one wins. */
  change(user: string, version: string, next: string): Promise<'changed' | 'conflict'>;
}

/** The accounts that this configuration asks for. */
export function createAccounts(
  config: Pick<ServerConfig, 'password' | 'adminPassword' | 'accountsDirectory' | 'passwordCostLog2'>,
): Accounts {
  const check = fixtureCheck(config);
  const { accountsDirectory, passwordCostLog2 = COST_LOG2 } = config;
  return accountsDirectory === undefined ? { check } : accountsIn(accountsDirectory, check, passwordCostLog2);
}

/** The version of every password that was never changed. */
const FIXTURE_VERSION = 'fixture';

type Check = (user: string, password: string) => string | undefined;

/**
 * Checks a password against a precomputed one in constant time. No slow password hash: it would cost
 * a thousand times what a session does, and drown what is measured here.
 */
function fixtureCheck({ password, adminPassword }: Pick<ServerConfig, 'password' | 'adminPassword'>): Check {
  const ofUser = digest(password);
  const ofAdmin = digest(adminPassword);
  return (user, given) =>
    timingSafeEqual(digest(given), user === ADMIN_USER ? ofAdmin : ofUser) ? FIXTURE_VERSION : undefined;
}

/** Equal lengths for the comparison, whatever was typed. */
function digest(password: string): Buffer {
  return hash('sha256', password, 'buffer');
}

/** A changed password, as its file holds it; both in base64. The salt is its version, too. */
interface StoredPassword {
  salt: string;
  hash: string;
}

/**
 * The passwords of a user lie in a directory of the user's own, each in a file that is named by its number: the highest
 * is the present one. A user without one has the fixture's. How long a check takes tells which of the two it is, and
 * nothing of the password.
 */
function accountsIn(directory: string, checkFixture: Check, costLog2: number): Required<Accounts> {
  // By the hash of the name, so that no name can lead out of the directory.
  const homeOf = (user: string) => join(directory, hash('sha256', user, 'hex'));
  const versionOf = ({ stored }: Present) => stored?.salt ?? FIXTURE_VERSION;
  return {
    async check(user, password) {
      const { stored } = await present(homeOf(user));
      if (stored === undefined) return checkFixture(user, password);
      const expected = Buffer.from(stored.hash, 'base64');
      const actual = await derive(password, Buffer.from(stored.salt, 'base64'), costLog2);
      return actual.length === expected.length && timingSafeEqual(actual, expected) ? stored.salt : undefined;
    },
    changeable: {
      versionOf: async (user) => versionOf(await present(homeOf(user))),
      async change(user, version, next) {
        const home = homeOf(user);
        const before = await present(home);
        if (versionOf(before) !== version) return 'conflict';
        const salt = randomBytes(16);
        const derived = await derive(next, salt, costLog2);
        const stored: StoredPassword = { salt: salt.toString('base64'), hash: derived.toString('base64') };
        await mkdir(home, { recursive: true, mode: 0o700 });
        return (await add(home, before.number + 1, JSON.stringify(stored))) ? 'changed' : 'conflict';
      },
    },
  };
}

/** The newest password of a user, and its number; 0 where none was changed yet. */
interface Present {
  number: number;
  stored?: StoredPassword;
}

const NUMBERED = /^(\d+)\.json$/;

async function present(home: string): Promise<Present> {
  const numbers = (await namesIn(home)).map((name) => Number(NUMBERED.exec(name)?.[1] ?? 0));
  const number = Math.max(0, ...numbers);
  if (number === 0) return { number };
  const text = await readFile(join(home, `${number}.json`), 'utf8');
  return { number, stored: JSON.parse(text) as StoredPassword };
}

/**
 * Adds the password of this number; false when somebody else has. Linked into place, which the system does for one of
 * several alone: another server reads all of it or nothing, and there is no lock that a killed server would leave behind.
 * Former passwords stay, for a number that became free could be taken twice.
 */
async function add(home: string, number: number, text: string): Promise<boolean> {
  // What a killed server has left, or of one that is changing it at this moment, which is told of a conflict then.
  for (const name of await namesIn(home))
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

async function namesIn(home: string): Promise<string[]> {
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

/** One of OWASP's choices for scrypt that fits Node's bound on memory. */
const COST_LOG2 = 14;
const COST = { r: 8, p: 5 } as const;
const HASH_BYTES = 32;

function derive(password: string, salt: Buffer, costLog2: number): Promise<Buffer> {
  const cost: ScryptOptions = { ...COST, N: 2 ** costLog2 };
  return new Promise((resolve, reject) => {
    scrypt(password, salt, HASH_BYTES, cost, (error, key) => (error === null ? resolve(key) : reject(error)));
  });
}
