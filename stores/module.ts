/** A store of the user's, from a file: `--store ./mine.ts`, `--store express:./mine.mjs`. */

import type { BackendDefinition } from './store.ts';

/** `definition`: the file exports a StoreDefinition. `express`: it exports a Store of express-session. */
export type ModuleKind = 'definition' | 'express';

/** Where the store is. */
export interface StoreModule {
  kind: ModuleKind;
  /** Absolute. */
  path: string;
}

/** A module as the harness knows it. What it can and cannot do is found, and not taken from here. */
export interface ModuleDefinition extends BackendDefinition {
  module: ModuleKind;
}

/** Whether this is a module of the user's. */
export function isModule(definition: BackendDefinition): definition is ModuleDefinition {
  return 'module' in definition;
}

/** The variables that a module reads in a server: the URL of `--service`, and a prefix for its keys there. */
export const MODULE_VARIABLES = {
  url: 'SESSION_BENCH_SERVICE_URL',
  namespace: 'SESSION_BENCH_NAMESPACE',
} as const;

/** The packages that serve a Store of express-session, from the module's folder where they are there. */
export const EXPRESS_PACKAGES = ['express', 'express-session'] as const;
