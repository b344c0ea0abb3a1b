/** What a server loads of a module of the user's, and what its rows say of it. */

import { createRequire } from 'node:module';
import { basename, dirname, extname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Plugin } from 'esbuild';
import { EXPRESS_PACKAGES, type StoreModule } from '../../../stores/module.ts';
import { shownModule } from '../../config/store-module.ts';
import { usage } from '../../config/values.ts';
import { BenchError } from '../../errors.ts';
import { COMPARATORS_FOLDER } from '../comparator-packages.ts';
import { bundle, PROJECT_ROOT } from '../programs.ts';
import { bundleModule, readModule, versionFrom } from './bundle-module.ts';

/** The program and the module in the configuration of a server. */
export interface ServedModule {
  /** That puts a Store behind express-session; absent for a definition, which our own server opens. */
  program?: string;
  /** Its path is that of JavaScript. */
  module: StoreModule;
}

/** The entry that serves a Store of express-session. */
const EXPRESS_ENTRY = 'arms/express-store.ts';

const known = new Map<string, { served: Promise<ServedModule>; versions: Promise<string> }>();

/** Builds what a server loads of a module, once. @throws BenchError USAGE for a module that cannot be served. */
export function servedModule(module: StoreModule): Promise<ServedModule> {
  return openedModule(module).served;
}

/**
 * The module and its packages with their versions, as in the column `library_versions`: `mine.mjs@3f2a… pg@8.23.1`. The
 * version of a module is the hash of its files.
 */
export function moduleVersions(module: StoreModule): Promise<string> {
  return openedModule(module).versions;
}

function openedModule(module: StoreModule) {
  const key = `${module.kind} ${module.path}`;
  const opened = known.get(key) ?? { served: serve(module), versions: versionsOf(module) };
  // Whoever asks gets the error.
  opened.served.catch(() => undefined);
  opened.versions.catch(() => undefined);
  known.set(key, opened);
  return opened;
}

async function serve(module: StoreModule): Promise<ServedModule> {
  const { kind, path } = module;
  if (kind === 'definition') return { module: { kind, path: (await bundleModule(path)).program } };
  const { hasDefault } = await readModule(path);
  if (!hasDefault) {
    const remedy = 'Export a Store, its class, or a function that returns one: docs/bring-your-own.md.';
    throw usage(`a Store as the default export of ${shownModule(module)}`, 'no default export', remedy);
  }
  const { from } = expressOf(module);
  const folder = join(PROJECT_ROOT, COMPARATORS_FOLDER);
  const programs = await bundle(folder, { 'express-store': EXPRESS_ENTRY }, {}, [packagesFrom(from)]);
  const isTypeScript = extname(path).endsWith('ts');
  return {
    program: programs['express-store'] as string,
    module: { kind, path: isTypeScript ? (await bundleModule(path)).program : path },
  };
}

async function versionsOf(module: StoreModule): Promise<string> {
  const { packages, hash } = await readModule(module.path);
  const folder = dirname(module.path);
  const around = module.kind === 'express' ? expressOf(module).versions : {};
  const own = packages.map((name) => [name, versionFrom(folder, name) ?? 'unknown'] as const);
  const all = Object.entries({ ...around, ...Object.fromEntries(own) });
  return [[basename(module.path).replaceAll(/\s+/g, '-'), hash], ...all]
    .map(([name, version]) => `${name}@${version}`)
    .join(' ');
}

interface ExpressOf {
  /** The file of each package. */
  from: Readonly<Record<string, string>>;
  versions: Readonly<Record<string, string>>;
}

/**
 * express and express-session, each as the module gets it, for a Store extends the class of its own express-session; else
 * as in servers/comparators. @throws BenchError SERVER_FAILED where neither has it.
 */
function expressOf(module: StoreModule): ExpressOf {
  const folders = [dirname(module.path), join(PROJECT_ROOT, COMPARATORS_FOLDER)];
  const found = EXPRESS_PACKAGES.map((name) => {
    const folder = folders.find((one) => versionFrom(one, name) !== undefined);
    if (folder === undefined) throw missingExpress(module, name);
    const file = createRequire(join(folder, 'module.js')).resolve(name);
    return { name, file, version: versionFrom(folder, name) ?? 'unknown' };
  });
  return {
    from: Object.fromEntries(found.map(({ name, file }) => [name, file])),
    versions: Object.fromEntries(found.map(({ name, version }) => [name, version])),
  };
}

function missingExpress(module: StoreModule, name: string): BenchError {
  return new BenchError({
    code: 'SERVER_FAILED',
    expected: `the package ${name} beside ${shownModule(module)}, or in ${COMPARATORS_FOLDER}`,
    got: 'none',
    remedy: `Run npm install ${EXPRESS_PACKAGES.join(' ')} beside the module${
      PROJECT_ROOT.includes('/node_modules/')
        ? ''
        : `, or pnpm -C ${COMPARATORS_FOLDER} install --frozen-lockfile`
    }.`,
  });
}

/** Replaces the name of each of these packages by its file. */
function packagesFrom(files: Readonly<Record<string, string>>): Plugin {
  return {
    name: 'packages of the module',
    setup(build) {
      build.onResolve({ filter: /^[^./]/ }, ({ path }) => {
        const file = files[path];
        return file === undefined ? undefined : { path: pathToFileURL(file).href, external: true };
      });
    },
  };
}
