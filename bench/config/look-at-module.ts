import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Durability } from '../../stores/service.ts';
import type { Capability, StoreOption, StoreOptions } from '../../stores/store.ts';
import type { DeclaredTraits } from '../../stores/traits.ts';
import { usage } from './values.ts';

/** What the harness must know of a StoreDefinition before any server opens it. */
export interface LookedDefinition {
  summary: string;
  options: Readonly<Record<string, StoreOption>>;
  /** For each combination of its options. */
  settings: readonly {
    options: StoreOptions;
    /** The name of one of our services. */
    service?: string;
    offers: readonly Capability[];
    traits: Readonly<Record<Durability, DeclaredTraits>>;
    conflict?: { expected: string; got: string };
  }[];
}

/** What the program that looks reports. */
export type Look =
  | { looked: LookedDefinition }
  | { fault: { expected: string; got: string; remedy: string } };

const PROGRAM = fileURLToPath(new URL('../environment/modules/look-main.ts', import.meta.url));
const LIMIT_MS = 20_000;
/** The program writes its report there: a module may print. */
export const REPORT_FD = 3;

const known = new Map<string, LookedDefinition>();

/**
 * Looks at the StoreDefinition that a file exports, in a process of its own: code of the user's must not run in the
 * harness. Nothing is opened. @throws BenchError USAGE for a file that cannot be imported, or exports something else.
 */
export function lookAtDefinition(path: string): LookedDefinition {
  const seen = known.get(path);
  if (seen !== undefined) return seen;
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
  const { output, signal, status } = spawnSync(process.execPath, ['--import', tsx, PROGRAM, path], {
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    encoding: 'utf8',
    timeout: LIMIT_MS,
    killSignal: 'SIGKILL',
  });
  const report = output?.[REPORT_FD] ?? '';
  const expected = `a module in ${path} that can be imported`;
  if (report === '') {
    const how = signal === null ? `its end with exit code ${status}` : `no end within ${LIMIT_MS / 1000} s`;
    const said = (output?.[2] ?? '').trim().split('\n').at(-1) ?? '';
    throw usage(expected, said === '' ? how : `${how}, with "${said.slice(0, 200)}"`, 'Mend the module.');
  }
  const look = JSON.parse(report) as Look;
  if ('fault' in look) throw usage(look.fault.expected, look.fault.got, look.fault.remedy);
  known.set(path, look.looked);
  return look.looked;
}
