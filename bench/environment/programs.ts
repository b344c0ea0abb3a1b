import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

/** The project's folder: the one that holds package.json. */
export const PROJECT_ROOT: string = fileURLToPath(new URL('../../', import.meta.url));

const ENTRIES = {
  server: 'servers/main.ts',
  balancer: 'servers/balancers/relay/main.ts',
  generator: 'bench/load/generator-main.ts',
} as const;

/** Paths of the programs that run as processes of their own, as plain JavaScript. */
export type Programs = Record<keyof typeof ENTRIES, string>;

/**
 * Turns the entries into plain JavaScript under node_modules/.cache. A measured process then carries no
 * transpiler: through tsx it would have a second thread and some 30 MB more.
 */
export async function buildPrograms(): Promise<Programs> {
  const directory = join(PROJECT_ROOT, 'node_modules', '.cache', 'session-bench');
  const result = await build({
    absWorkingDir: PROJECT_ROOT,
    entryPoints: { ...ENTRIES },
    outdir: directory,
    entryNames: '[name]-[hash]',
    outExtension: { '.js': '.mjs' },
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20',
    write: false,
    logLevel: 'silent',
  });
  mkdirSync(directory, { recursive: true });
  const paths: Partial<Programs> = {};
  for (const { path, contents } of result.outputFiles) {
    // Renamed into place, so that another run at the same moment never reads half a file.
    const half = `${path}.${process.pid}`;
    writeFileSync(half, contents);
    renameSync(half, path);
    const name = Object.keys(ENTRIES).find((entry) => basename(path).startsWith(`${entry}-`));
    if (name !== undefined) paths[name as keyof Programs] = path;
  }
  return paths as Programs;
}
