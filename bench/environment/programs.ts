import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Plugin } from 'esbuild';
import { SERVER_ENTRY } from '../../servers/frozen.ts';

/** The project's folder, which contains package.json. */
export const PROJECT_ROOT: string = fileURLToPath(new URL('../../', import.meta.url));

/** Where programs of this project are placed: Node finds its packages from there. */
export const PROGRAMS_FOLDER: string = join(PROJECT_ROOT, 'node_modules', '.cache', 'session-bench');

const ENTRIES = {
  balancer: 'servers/balancers/relay/main.ts',
  distance: 'bench/environment/distance/relay-main.ts',
  generator: 'bench/load/generator-main.ts',
  probe: 'bench/probe/probe-main.ts',
  nullServer: 'bench/probe/null-server-main.ts',
} as const;

/** Paths of the programs that run as separate processes, as plain JavaScript. */
export type Programs = Record<keyof typeof ENTRIES | 'server', string>;

/**
 * Compiles the entries to plain JavaScript under node_modules/.cache, so that a measured process has no transpiler:
 * through tsx it would have a second thread and some 30 MB more.
 */
export async function buildPrograms(): Promise<Programs> {
  const [server, others] = await Promise.all([buildServer(PROJECT_ROOT), bundle(PROJECT_ROOT, ENTRIES)]);
  return { server, ...others } as Programs;
}

/**
 * Compiles the server of a checkout of this project, from its sources and with its packages; returns the path. Alone:
 * with other entries it would share chunks with them, and code that is imported from a chunk costs 0.6 % more.
 * @throws what esbuild throws when the sources cannot be built.
 */
export async function buildServer(root: string): Promise<string> {
  return (await bundle(root, { server: SERVER_ENTRY }))['server'] as string;
}

/**
 * The programs are placed in the root's own node_modules, where Node resolves the packages that they import. Two roots
 * may share one: the hash in the name separates their programs. `define` replaces global names by code.
 */
export async function bundle(
  root: string,
  entries: Readonly<Record<string, string>>,
  define: Readonly<Record<string, string>> = {},
  plugins: readonly Plugin[] = [],
): Promise<Record<string, string>> {
  const directory = join(root, 'node_modules', '.cache', 'session-bench');
  const result = await build({
    absWorkingDir: root,
    entryPoints: { ...entries },
    define: { ...define },
    plugins: [...plugins],
    outdir: directory,
    entryNames: '[name]-[hash]',
    outExtension: { '.js': '.mjs' },
    bundle: true,
    // Dynamic imports become separate files: a server loads no library that its backend does not use.
    splitting: true,
    chunkNames: '[name]-[hash]',
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20',
    write: false,
    metafile: true,
    logLevel: 'silent',
  });
  mkdirSync(directory, { recursive: true });
  for (const { path, contents } of result.outputFiles) {
    // Renamed into place, so that a concurrent run never reads a partial file.
    const half = `${path}.${process.pid}`;
    writeFileSync(half, contents);
    renameSync(half, path);
  }
  const built = Object.entries(result.metafile.outputs);
  return Object.fromEntries(
    Object.entries(entries).map(([name, entry]) => {
      const [path = ''] = built.find(([, { entryPoint }]) => entryPoint === entry) ?? [];
      return [name, join(root, path)];
    }),
  );
}
