/**
 * Makes the secrets of a site on several machines, at random: DIRECTORY/server.json for its servers (`secretsFile`), and
 * DIRECTORY/contract.json for `--contract`, with the password of its users. Both can be read by their owner alone.
 * Usage: pnpm exec tsx scripts/site-secrets.ts DIRECTORY [--store redis] [--server URL]...
 * Each --server is an address at which a part of the site is reached without the others, such as that of a node.
 */

import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ignoreClosedPipes } from '../bench/commands/closed-pipe.ts';
import { OWN_CONTRACT } from '../bench/config/contract.ts';
import { nearest, quoted, usage } from '../bench/config/values.ts';
import { httpUrl } from '../bench/config/wire.ts';
import { writing } from '../bench/errors.ts';
import { ADMIN_USER } from '../servers/protocol.ts';
import { defaultOptions } from '../stores/options.ts';
import { STORES } from '../stores/registry.ts';
import { traitsOf } from '../stores/traits.ts';
import { fail } from './fail.ts';

ignoreClosedPipes();

const EXAMPLE =
  'Write for example: pnpm exec tsx scripts/site-secrets.ts site --server http://10.0.0.11:8080.';

function parse(argv: readonly string[]): { directory: string; store: string; servers: string[] } {
  const { positionals, values } = parseArgs({
    args: [...argv],
    options: { store: { type: 'string' }, server: { type: 'string', multiple: true } },
    allowPositionals: true,
  });
  const [directory, ...more] = positionals;
  if (directory === undefined || more.length > 0)
    throw usage('one directory', positionals.length === 0 ? 'none' : quoted(positionals.join(' ')), EXAMPLE);
  const servers = (values.server ?? []).map((url) => httpUrl(url, 'server'));
  return { directory, store: values.store ?? 'redis', servers };
}

function contractOf(store: string, servers: readonly string[], password: string, adminPassword: string) {
  const definition = STORES.find(({ name }) => name === store);
  if (definition === undefined) {
    const names = STORES.map(({ name }) => name);
    const near = nearest(store, names);
    const remedy = near === undefined ? EXAMPLE : `Did you mean ${near}?`;
    throw usage(`--store to be one of ${names.join(', ')}`, quoted(store), remedy);
  }
  // Passwords are changed in files that servers on several machines do not share.
  const { password: _, ...operations } = OWN_CONTRACT.operations;
  return {
    name: 'site',
    ...OWN_CONTRACT,
    operations,
    password,
    admin: { user: ADMIN_USER, password: adminPassword },
    servers,
    traits: traitsOf(definition, defaultOptions(definition), 'second'),
  };
}

function run(argv: readonly string[]): void {
  const { directory, store, servers } = parse(argv);
  const [secret, password, adminPassword] = [32, 18, 18].map((bytes) =>
    randomBytes(bytes).toString('base64'),
  );
  const files = {
    'server.json': { secret, password, adminPassword },
    'contract.json': contractOf(store, servers, password as string, adminPassword as string),
  };
  writing(`to write new files in ${directory}`, 'Name another directory, or remove them.', () => {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    for (const [name, content] of Object.entries(files)) {
      // Never over another: a running site has it.
      const text = `${JSON.stringify(content, undefined, 2)}\n`;
      writeFileSync(join(directory, name), text, { mode: 0o600, flag: 'wx' });
      process.stdout.write(`${join(directory, name)}\n`);
    }
  });
}

try {
  run(process.argv.slice(2));
} catch (error) {
  fail(error);
}
