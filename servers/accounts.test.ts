import { scryptSync } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { createAccounts } from './accounts.ts';
import { ADMIN_USER } from './protocol.ts';

const root = mkdtempSync(join(tmpdir(), 'accounts-'));
let directories = 0;
let accountsDirectory = '';
beforeEach(() => {
  directories += 1;
  accountsDirectory = join(root, String(directories));
});
afterAll(() => rmSync(root, { recursive: true }));

const NEXT = 'a new password';
const fixture = { password: 'right', adminPassword: 'root' };

describe('accounts without a directory', () => {
  test('check synchronously, and cannot change passwords', () => {
    const { check, changeable } = createAccounts(fixture);
    expect([check('u1', 'right'), check('u1', 'root')]).toEqual(['fixture', undefined]);
    expect([check(ADMIN_USER, 'root'), check(ADMIN_USER, 'right')]).toEqual(['fixture', undefined]);
    expect(changeable).toBeUndefined();
  });
});

describe('accounts in a directory', () => {
  function open(cost: { passwordCostLog2?: number } = { passwordCostLog2: 10 }) {
    const { check, changeable } = createAccounts({ ...fixture, accountsDirectory, ...cost });
    if (changeable === undefined) throw new Error('expected passwords that can be changed');
    const { change, versionOf } = changeable;
    const isRight = async (user: string, password: string) => (await check(user, password)) !== undefined;
    const changeNow = async (user: string, next: string) => change(user, await versionOf(user), next);
    return { check, isRight, versionOf, change, changeNow };
  }
  const files = () => readdirSync(accountsDirectory, { recursive: true, encoding: 'utf8' }).sort();

  test('take a changed password on every server, and the old one on none', async () => {
    const [one, other] = [open(), open()];
    expect(await one.changeNow('u1', NEXT)).toBe('changed');
    for (const { isRight } of [one, other]) {
      expect(await isRight('u1', NEXT)).toBe(true);
      expect(await isRight('u1', 'right')).toBe(false);
      expect(await isRight('u2', 'right')).toBe(true);
      expect(await isRight(ADMIN_USER, 'root')).toBe(true);
    }
    expect(await other.changeNow('u1', 'and another one')).toBe('changed');
    expect(await one.isRight('u1', NEXT)).toBe(false);
    expect(await one.isRight('u1', 'and another one')).toBe(true);
  });

  test('are hashed by scrypt at the cost that OWASP recommends, by default', async () => {
    await open({}).changeNow('u1', NEXT);
    const [file = ''] = files().filter((name) => name.endsWith('.json'));
    const stored = JSON.parse(readFileSync(join(accountsDirectory, file), 'utf8'));
    const hash = scryptSync(NEXT, Buffer.from(stored.salt, 'base64'), 32, { N: 2 ** 14, r: 8, p: 5 });
    expect(stored.hash).toBe(hash.toString('base64'));
  });

  test('return a version for each password', async () => {
    const { check, versionOf, changeNow } = open();
    const seen = new Set([await versionOf('u1')]);
    for (const next of [NEXT, 'right', NEXT]) {
      await changeNow('u1', next);
      expect(await check('u1', next)).toBe(await versionOf('u1'));
      seen.add(await versionOf('u1'));
    }
    expect(seen.size).toBe(4);
  });

  test('are changed by one of many concurrent calls, and by no later one', async () => {
    const servers = Array.from({ length: 4 }, open);
    for (let round = 0; round < 3; round += 1) {
      const version = await open().versionOf('u1');
      const results = await Promise.all(
        servers.map(({ change }, index) => change('u1', version, `number ${round}.${index}`)),
      );
      expect(results.filter((result) => result === 'changed')).toHaveLength(1);
      expect(await open().isRight('u1', `number ${round}.${results.indexOf('changed')}`)).toBe(true);
      expect(await open().change('u1', version, 'too late')).toBe('conflict');
    }
    expect(files()).toHaveLength(1 + 3);
  });

  test('can be changed after a server died over it, which leaves nothing behind', async () => {
    const { changeNow, isRight } = open();
    await changeNow('u1', NEXT);
    const [home = ''] = files();
    writeFileSync(join(accountsDirectory, home, 'a1b2c3'), '{"salt":');
    expect(await isRight('u1', NEXT)).toBe(true);
    expect(await changeNow('u1', 'and another one')).toBe('changed');
    expect(files()).toEqual([home, join(home, '1.json'), join(home, '2.json')]);
  });

  test('store neither name nor password, and salt each separately', async () => {
    const { changeNow } = open();
    // Long names: two letters stand in one of fifteen salts by chance.
    for (const user of ['the first user', 'the second user']) await changeNow(user, NEXT);
    const names = files().filter((name) => name.endsWith('.json'));
    const named = expect.stringMatching(/^[0-9a-f]{64}.1\.json$/);
    expect(names).toEqual([named, named]);
    const texts = names.map((name) => readFileSync(join(accountsDirectory, name), 'utf8'));
    expect(texts.join()).not.toMatch(/the first user|the second user|a new password/);
    expect(texts[0]).not.toBe(texts[1]);
  });

  test('are never read half written', async () => {
    const { changeNow, isRight } = open();
    await changeNow('u1', NEXT);
    let isOver = false;
    const reads = (async () => {
      let count = 0;
      while (!isOver) {
        expect(await isRight('u1', NEXT)).toBe(true);
        count += 1;
      }
      return count;
    })();
    await Promise.all(Array.from({ length: 10 }, () => changeNow('u1', NEXT)));
    isOver = true;
    expect(await reads).toBeGreaterThan(0);
  });

  test('a file that cannot be read is an error, not a wrong password', async () => {
    const { changeNow, check } = open();
    await changeNow('u1', NEXT);
    writeFileSync(join(accountsDirectory, files().at(-1) ?? ''), '{');
    await expect(Promise.resolve(check('u1', 'right'))).rejects.toThrow();
  });
});
