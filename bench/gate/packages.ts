import { existsSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { findOnPath } from '../../stores/programs.ts';
import { gitEnvironment } from '../environment/processes/git-environment.ts';
import type { Guard } from '../environment/processes/guard.ts';
import { exitText, startProcess } from '../environment/processes/process.ts';
import { BenchError } from '../errors.ts';

/** Where packages are needed, and where they may come from. */
export interface PackagesRequest {
  /** The checkout that needs packages. */
  root: string;
  /** The checkout that has them installed. */
  head: string;
  guard: Guard;
  signal: AbortSignal;
  say: (line: string) => void;
}

const INSTALL_LIMIT_MS = 5 * 60_000;
const LOCK_FILE = 'pnpm-lock.yaml';

/**
 * Provides a checkout's node_modules: head's own if both lock files are equal, else an installation from its lock file.
 * Without install scripts and development packages: only its servers will run.
 * @throws BenchError SERVER_FAILED when that fails or takes more than five minutes; the signal's reason when aborted.
 */
export async function providePackages(request: PackagesRequest): Promise<void> {
  const { root, head, guard, signal, say } = request;
  const lockOf = (folder: string) => {
    const path = join(folder, LOCK_FILE);
    return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
  };
  const wanted = lockOf(root);
  if (wanted === undefined) throw failed(`a ${LOCK_FILE}`, 'none', 'Name a later --base.');
  if (wanted === lockOf(head)) {
    symlinkSync(join(head, 'node_modules'), join(root, 'node_modules'), 'dir');
    return;
  }
  say('the baseline has other packages: installing them');
  const [command, ...args] = installCommand(root);
  const started = await startProcess({
    name: 'the installation of the baseline’s packages',
    command,
    args,
    cwd: root,
    // The address of a registry or a proxy may be in any variable; CI keeps pnpm from prompting.
    env: { ...gitEnvironment(), CI: 'true' },
    ready: 'spawned',
    timeoutMs: INSTALL_LIMIT_MS,
    guard,
    signal,
    failure: { code: 'SERVER_FAILED', remedy: 'Install pnpm: sh scripts/setup.sh.' },
  });
  const limit = AbortSignal.any([signal, AbortSignal.timeout(INSTALL_LIMIT_MS)]);
  const stop = () => void started.stop();
  limit.addEventListener('abort', stop, { once: true });
  const exit = await started.exited;
  limit.removeEventListener('abort', stop);
  signal.throwIfAborted();
  if (exit.code === 0) return;
  const how = limit.aborted ? `no end within ${INSTALL_LIMIT_MS / 60_000} minutes` : exitText(exit);
  throw failed(
    'the packages of its lock file to be installed',
    `${how}, after the output "${started.outputTail().slice(-500)}"`,
    'Read that output, or name a --base with the packages of head.',
  );
}

/** pnpm if it is installed, else by npx in the version that the commit names. */
function installCommand(root: string): [command: string, ...args: string[]] {
  const flags = ['install', '--frozen-lockfile', '--prefer-offline', '--ignore-scripts', '--prod'];
  const pnpm = findOnPath('pnpm');
  if (pnpm !== undefined) return [pnpm, ...flags];
  const { packageManager = 'pnpm' } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    packageManager?: string;
  };
  return ['npx', '--yes', packageManager.replace(/\+.*/, ''), ...flags];
}

function failed(expected: string, got: string, remedy: string): BenchError {
  return new BenchError({ code: 'SERVER_FAILED', expected: `${expected} for the baseline`, got, remedy });
}
