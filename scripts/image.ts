/**
 * Builds the image of our server by docker/Dockerfile: the server as one program, its packages included, on an image
 * that has Node. It has our backends; libraries and stores of the user's are loaded by their path and are not in it.
 * Usage: pnpm exec tsx scripts/image.ts [--tag session-bench/server:1] [--base node:22-slim]
 */

import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { ignoreClosedPipes } from '../bench/commands/closed-pipe.ts';
import { PROJECT_ROOT } from '../bench/environment/programs.ts';
import { BenchError, messageOf } from '../bench/errors.ts';
import { SERVER_ENTRY } from '../servers/frozen.ts';
import { fail } from './fail.ts';

ignoreClosedPipes();

/** Packages written for CommonJS call `require`, which a module does not have. */
const REQUIRE = `import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);`;

async function compileServer(directory: string): Promise<void> {
  await build({
    absWorkingDir: PROJECT_ROOT,
    entryPoints: { server: SERVER_ENTRY },
    outdir: directory,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    // A server loads no driver that its backend does not use.
    splitting: true,
    minify: true,
    banner: { js: REQUIRE },
    platform: 'node',
    format: 'esm',
    target: 'node20',
    logLevel: 'error',
  });
}

async function run(argv: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      tag: { type: 'string', default: 'session-bench/server:1' },
      base: { type: 'string', default: 'node:22-slim' },
    },
  });
  const context = mkdtempSync(join(tmpdir(), 'session-bench-image-'));
  try {
    mkdirSync(join(context, 'server'));
    await compileServer(join(context, 'server'));
    copyFileSync(join(PROJECT_ROOT, 'docker', 'Dockerfile'), join(context, 'Dockerfile'));
    const args = ['build', '--build-arg', `BASE=${values.base}`, '--tag', values.tag, context];
    const { status, error } = spawnSync('docker', args, { stdio: ['ignore', 'ignore', 'inherit'] });
    if (status !== 0)
      throw new BenchError({
        code: 'SERVICE_MISSING',
        expected: `docker build on ${values.base} to succeed`,
        got: error === undefined ? `exit code ${status}` : messageOf(error),
        remedy: 'Start a Docker engine, and name by --base an image that it has or can pull.',
        cause: error,
      });
    process.stdout.write(`${values.tag}\n`);
  } finally {
    rmSync(context, { recursive: true, force: true });
  }
}

await run(process.argv.slice(2)).catch(fail);
