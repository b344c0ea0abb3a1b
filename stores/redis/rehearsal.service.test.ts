import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { redisClient } from './client.ts';
import { type RedisFixture, startRedisFixture } from './fixture.ts';

const open: RedisFixture[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.stop();
});

async function start(): Promise<RedisFixture> {
  const fixture = await startRedisFixture('second');
  open.push(fixture);
  return fixture;
}

test.each<[string, (command: RedisFixture['command']) => Promise<unknown>, RegExp, RegExp]>([
  [
    'a user of other keys',
    (command) => command('ACL', 'SETUSER', 'plain', 'reset', 'on', '>pw', '~app:*', '&*', '+@all'),
    /permission|NOPERM|script/i,
    /ACL SETUSER NAME ~sb_\*/,
  ],
  [
    'a user without scripts',
    (command) => command('ACL', 'SETUSER', 'plain', 'on', '>pw', '~*', '&*', '+@all', '-@scripting'),
    /NOPERM/,
    /\+@scripting/,
  ],
  [
    'a user who may only read',
    (command) =>
      command('ACL', 'SETUSER', 'plain', 'reset', 'on', '>pw', '~*', '&*', '+@read', '+@scripting', '+info'),
    /permission|NOPERM|script/i,
    /\+@write/,
  ],
  ['one that is full', (command) => command('CONFIG', 'SET', 'maxmemory', '1'), /OOM/, /maxmemory/],
  [
    'one that could not save',
    async (command) => {
      const [, folder] = (await command('CONFIG', 'GET', 'dir')) as [string, string];
      // A folder in the place of its file: what it saves cannot be renamed to it.
      mkdirSync(join(folder, 'dump.rdb', 'full'), { recursive: true });
      await command('CONFIG', 'SET', 'save', '3600 1');
      await command('BGSAVE');
      await expect
        .poll(() => command('INFO', 'persistence'), { timeout: 10_000 })
        .toContain('rdb_last_bgsave_status:err');
    },
    /MISCONF/,
    /stop-writes-on-bgsave-error no/,
  ],
  [
    'one that waits for replicas',
    (command) => command('CONFIG', 'SET', 'min-replicas-to-write', '1'),
    /NOREPLICAS|replicas/,
    /min-replicas-to-write 0/,
  ],
])('%s is refused before anything starts, with the remedy', async (_, change, got, remedy) => {
  const fixture = await start();
  await fixture.command('ACL', 'SETUSER', 'plain', 'on', '>pw', '~*', '&*', '+@all');
  await change(fixture.command);
  const error = await redisClient.inspect(fixture.url.replace('redis://', 'redis://plain:pw@')).then(
    () => undefined,
    (reason: unknown) => reason as { kind: string; message: string; advice: { remedy: string } },
  );
  expect(error?.kind).toBe('refused');
  expect(error?.message).toMatch(got);
  expect(error?.advice.remedy).toMatch(remedy);
  await fixture.command('CONFIG', 'SET', 'maxmemory', '0');
  expect(await fixture.command('DBSIZE')).toBe(0);
});

test('a user of our keys alone, with the rights that the remedy names, can serve a run', async () => {
  const fixture = await start();
  const rights = ['~sb_*', '+@read', '+@write', '+@scripting', '+@connection'];
  await fixture.command('ACL', 'SETUSER', 'plain', 'on', '>pw', ...rights);
  const { notes } = await redisClient.inspect(fixture.url.replace('redis://', 'redis://plain:pw@'));
  expect(notes.join()).toMatch(/\+info/);
});
