/**
 * Runs a site with the sessions of another library, as servers/comparators describes it, until Ctrl-C.
 * Usage: pnpm comparator NAME [--port 8101]. Port 0 lets the system choose one.
 */

import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { ignoreClosedPipes } from '../bench/commands/closed-pipe.ts';
import { nearest, quoted, usage, wholeNumber } from '../bench/config/values.ts';
import { checkPackages, COMPARATORS_FOLDER as FOLDER } from '../bench/environment/comparator-packages.ts';
import { PROJECT_ROOT } from '../bench/environment/programs.ts';
import { BenchError, EXIT, messageOf } from '../bench/errors.ts';
import type { ComparatorModule } from '../servers/comparators/comparator.ts';
import { errorReporter } from '../servers/error-reporter.ts';
import type { ReadyMessage } from '../servers/protocol.ts';
import { shutdownOnSignal } from '../servers/shutdown.ts';

ignoreClosedPipes();

const NAMES = ['express-session', 'fastify-session', 'better-auth'];
const HOST = '127.0.0.1';
const PAYLOAD_BYTES = 256;

const pathIn = (name: string) => join(PROJECT_ROOT, FOLDER, name);

/** @throws BenchError USAGE, for the first wrong value. */
function parseOptions(argv: readonly string[]): { name: string; port: number } {
  const remedy = 'Write for example pnpm comparator express-session --port 8101.';
  const { positionals, tokens } = parseArgs({
    args: [...argv],
    options: { port: { type: 'string' } },
    allowPositionals: true,
    strict: false,
    tokens: true,
  });
  const [name = '', ...more] = positionals;
  if (!NAMES.includes(name) || more.length > 0) {
    const near = nearest(name, NAMES);
    const got = positionals.length === 0 ? 'nothing' : quoted(positionals.join(' '));
    throw usage(`one of ${NAMES.join(', ')}`, got, near === undefined ? remedy : `Did you mean ${near}?`);
  }
  let port = 0;
  for (const token of tokens) {
    if (token.kind !== 'option') continue;
    if (token.name !== 'port') throw usage('no flag but --port', token.rawName, remedy);
    if (token.value === undefined) throw usage('a value', 'none for --port', remedy);
    port = wholeNumber('port', token.value, 0, 65_535);
  }
  return { name, port };
}

async function run(argv: readonly string[]): Promise<void> {
  const { name, port } = parseOptions(argv);
  checkPackages(FOLDER);
  // Before the libraries are loaded: they read it then.
  process.env['NODE_ENV'] ??= 'production';
  // By its path: its types are those of packages that this project does not install.
  const { createServer } = (await import(pathToFileURL(pathIn(`${name}.ts`)).href)) as ComparatorModule;
  const { password } = JSON.parse(readFileSync(pathIn(`${name}.json`), 'utf8')) as { password: string };
  const comparator = await createServer({
    secret: randomBytes(32).toString('base64'),
    password,
    payloadBytes: PAYLOAD_BYTES,
  });
  shutdownOnSignal(comparator.close, errorReporter());
  const bound = await comparator.listen({ host: HOST, port }).catch((cause: unknown) => {
    throw new BenchError({
      code: 'PORT_IN_USE',
      expected: `port ${port} of ${HOST} to be free`,
      got: messageOf(cause),
      remedy: 'Choose another --port.',
      cause,
    });
  });
  process.send?.({ type: 'ready', port: bound } satisfies ReadyMessage);
  const target = `http://${HOST}:${bound}`;
  process.stdout.write(
    `${name} at ${target}; to check it:\npnpm conformance --target ${target} --contract ${FOLDER}/${name}.json\n`,
  );
}

run(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`session-bench: ${messageOf(error)}\n`);
  process.exit(error instanceof BenchError ? error.exitCode : EXIT.failure);
});
