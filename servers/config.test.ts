import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { parseServerConfig } from './config.ts';

const folder = mkdtempSync(join(tmpdir(), 'session-bench-secrets-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function secretsIn(text: string): string {
  const path = join(folder, 'secrets.json');
  writeFileSync(path, text);
  return path;
}

const SHOWN = { id: 's1', store: 'memory' };
const SECRETS = { secret: 'c2VjcmV0', password: 'p', adminPassword: 'a' };

describe('secretsFile', () => {
  test('completes what the environment shows, and replaces its keys', () => {
    const secretsFile = secretsIn(JSON.stringify({ ...SECRETS, serviceUrl: 'redis://:hush@redis' }));
    const shown = { ...SHOWN, secretsFile, serviceUrl: 'redis://redis' };
    expect(parseServerConfig(JSON.stringify(shown))).toMatchObject({
      ...SHOWN,
      ...SECRETS,
      serviceUrl: 'redis://:hush@redis',
      durability: 'second',
    });
  });

  test('a key that neither has is named', () => {
    const secretsFile = secretsIn(JSON.stringify({ secret: 'c2VjcmV0', password: 'p' }));
    const text = JSON.stringify({ ...SHOWN, secretsFile });
    expect(() => parseServerConfig(text)).toThrow('lacks adminPassword');
  });

  test('a file that is absent is named, with the reason', () => {
    const text = JSON.stringify({ ...SHOWN, secretsFile: join(folder, 'absent.json') });
    expect(() => parseServerConfig(text)).toThrow(/absent\.json of secretsFile: ENOENT$/);
  });

  test('a file without JSON is named, and nothing of it is shown', () => {
    const text = JSON.stringify({ ...SHOWN, secretsFile: secretsIn('{"password":"hush"') });
    expect(() => parseServerConfig(text)).toThrow(/^the file .*secrets\.json of secretsFile must hold JSON$/);
  });
});
