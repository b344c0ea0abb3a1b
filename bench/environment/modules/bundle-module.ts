import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire, isBuiltin } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  type BuildFailure,
  type BuildOptions,
  type BuildResult,
  build,
  type Metafile,
  type OnResolveArgs,
  type Plugin,
} from 'esbuild';
import { usage } from '../../config/values.ts';
import { messageOf } from '../../errors.ts';
import { PROGRAMS_FOLDER, PROJECT_ROOT } from '../programs.ts';

/** A module of the user's, read without running it. */
export interface ReadModule {
  /** Names of the packages that it and its own files import. */
  packages: readonly string[];
  hasDefault: boolean;
  /** Of its own files, 12 digits. */
  hash: string;
}

/** Our own files, for a definition that imports the classes of the contract. */
const OURS = /^session-bench\//;
/** What an import of a package has neither: a path of a file, or an alias of a package.json. */
const BARE = /^[^./#]/;

const COMMON = {
  bundle: true,
  write: false,
  metafile: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  logLevel: 'silent',
  // Programs for Node, not for bundlers, which prefer the field `module`.
  conditions: [],
  loader: { '.node': 'empty' },
} as const satisfies BuildOptions;

/** Reads a module. @throws BenchError USAGE with the place of what cannot be parsed or found. */
export async function readModule(path: string): Promise<ReadModule> {
  const packages = new Set<string>();
  const result = await built(path, { plugins: [external(packages)] });
  const exports = Object.values(result.metafile.outputs).flatMap((output) => output.exports);
  return {
    packages: [...packages].sort(),
    hasDefault: exports.includes('default'),
    hash: hashOf(result.metafile, dirname(path)),
  };
}

/**
 * Bundles a module of the user's with its own files into one program of JavaScript. Its packages stay outside, and are
 * those that Node finds from the file that imports them, wherever the program is.
 * @throws BenchError USAGE with the place of what cannot be parsed or found.
 */
export async function bundleModule(path: string): Promise<{ program: string }> {
  const url = pathToFileURL(path).href;
  const result = await built(path, {
    plugins: [resolved()],
    define: {
      'import.meta.url': JSON.stringify(url),
      'import.meta.filename': JSON.stringify(path),
      'import.meta.dirname': JSON.stringify(dirname(path)),
      __filename: JSON.stringify(path),
      __dirname: JSON.stringify(dirname(path)),
    },
    banner: {
      js: `import { createRequire as createRequireOfModule } from 'node:module';\nconst require = createRequireOfModule(${JSON.stringify(url)});`,
    },
  });
  const text = result.outputFiles[0]?.text ?? '';
  const hash = createHash('sha256').update(text).digest('hex').slice(0, 12);
  const name = `module-${basename(path).replaceAll(/[^\w.-]+/g, '-')}-${hash}.mjs`;
  const program = join(PROGRAMS_FOLDER, name);
  mkdirSync(PROGRAMS_FOLDER, { recursive: true });
  // Renamed into place, so that a concurrent run never reads a partial file.
  const half = `${program}.${process.pid}`;
  writeFileSync(half, text);
  renameSync(half, program);
  return { program };
}

async function built(
  path: string,
  more: BuildOptions,
): Promise<BuildResult<{ metafile: true; write: false }>> {
  try {
    return await build({ ...more, ...COMMON, absWorkingDir: dirname(path), entryPoints: [path] });
  } catch (cause) {
    throw usage(`a module in ${path} that can be read`, reasonOf(cause), 'Mend the module.');
  }
}

/** The first error of esbuild, with its place. */
function reasonOf(cause: unknown): string {
  const [first] = (cause as Partial<BuildFailure>).errors ?? [];
  if (first === undefined) return messageOf(cause);
  const { text, location } = first;
  return location === null ? text : `${text} (${location.file}:${location.line})`;
}

/** Leaves every package outside, and notes its name. */
function external(packages: Set<string>): Plugin {
  return {
    name: 'packages outside',
    setup(build) {
      build.onResolve({ filter: BARE }, ({ path, kind }) => {
        if (kind === 'entry-point') return undefined;
        if (!isBuiltin(path) && !OURS.test(path)) packages.add(packageOf(path));
        return { path, external: true };
      });
    },
  };
}

const RESOLVING = Symbol('resolving');

/** Replaces the name of each package by the file that the importing file gets. */
function resolved(): Plugin {
  return {
    name: 'packages of the module',
    setup(build) {
      build.onResolve({ filter: BARE }, async (given: OnResolveArgs) => {
        const { path, kind, resolveDir, importer, pluginData } = given;
        if (pluginData === RESOLVING || kind === 'entry-point') return undefined;
        if (OURS.test(path)) return { path: join(PROJECT_ROOT, path.replace(OURS, '')) };
        if (isBuiltin(path)) return { path, external: true };
        const found = await build.resolve(path, { kind, resolveDir, importer, pluginData: RESOLVING });
        if (found.errors.length > 0) return { errors: found.errors };
        const isRequired = kind === 'require-call' || kind === 'require-resolve';
        return { path: isRequired ? found.path : pathToFileURL(found.path).href, external: true };
      });
    },
  };
}

/** `@scope/name` of `@scope/name/part`. */
function packageOf(specifier: string): string {
  const parts = specifier.split('/');
  return parts.slice(0, specifier.startsWith('@') ? 2 : 1).join('/');
}

/** Of the module's files by their places beside it, so that a copy elsewhere has the same. */
function hashOf({ inputs }: Metafile, folder: string): string {
  const hash = createHash('sha256');
  for (const name of Object.keys(inputs).sort())
    hash.update(`${name}\0`).update(readFileSync(join(folder, name)));
  return hash.digest('hex').slice(0, 12);
}

/** The version of a package as a file in this folder gets it; `undefined` where it is not installed or says none. */
export function versionFrom(folder: string, name: string): string | undefined {
  const paths = createRequire(join(folder, 'module.js')).resolve.paths(name) ?? [];
  for (const path of paths) {
    const found = versionIn(join(path, name, 'package.json'));
    if (found !== undefined) return found;
  }
  return undefined;
}

function versionIn(file: string): string | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if (
      (error as NodeJS.ErrnoException).code === 'ENOENT' ||
      (error as NodeJS.ErrnoException).code === 'ENOTDIR'
    )
      return undefined;
    throw error;
  }
  return (JSON.parse(text) as { version?: string }).version;
}
