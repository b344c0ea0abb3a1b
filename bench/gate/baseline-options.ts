import { pathToFileURL } from 'node:url';
import { REGISTRY_ENTRY } from '../../servers/frozen.ts';
import { absentOptions } from '../../stores/variant.ts';
import type { StoreChoice } from '../config/store-choice.ts';
import { conflict } from '../config/values.ts';
import { runProgram } from '../environment/processes/run-program.ts';
import { bundle } from '../environment/programs.ts';
import { BenchError, messageOf } from '../errors.ts';

/** The options of each backend at a commit, with their values. */
type Defined = Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;

const TIMEOUT_MS = 20_000;

/**
 * Rejects arms that a baseline cannot run as labelled, based on its own list of backends: a server that does not report
 * its effective options would ignore those that it does not have, and be measured under the wrong name.
 * @throws BenchError CONFLICT naming the option; SERVER_FAILED when the list cannot be read.
 */
export async function checkBaselineOptions(
  root: string,
  stores: readonly StoreChoice[],
  signal: AbortSignal,
): Promise<void> {
  const defined = await readDefinitions(root, signal);
  for (const { store, options } of stores) {
    const known = defined[store];
    if (known === undefined) throw lacking(`store ${store}`, `only ${Object.keys(defined).join(', ')}`, []);
    const absent = absentOptions(store);
    for (const [key, value] of Object.entries(options)) {
      const values = known[key] ?? [absent[key]];
      if (values.includes(value)) continue;
      const got =
        known[key] === undefined ? `no option ${key}: it runs ${key}=${absent[key]}` : values.join(', ');
      throw lacking(`${store}:${key}=${value}`, got, values);
    }
  }
}

function lacking(expected: string, got: string, values: readonly (string | undefined)[]): BenchError {
  const other =
    values[0] === undefined ? 'leave that store out' : `write ${expected.replace(/[^=]*$/, '')}${values[0]}`;
  return conflict(`a baseline that has ${expected}`, got, `Name a later --base, or ${other}.`);
}

/** In a separate process: code of another commit must not run in the harness. */
async function readDefinitions(root: string, signal: AbortSignal): Promise<Defined> {
  try {
    const { registry = '' } = await bundle(root, { registry: REGISTRY_ENTRY });
    const script = `const { STORES } = await import(${JSON.stringify(pathToFileURL(registry).href)});
      const optionsOf = ({ options }) => Object.entries(options).map(([name, { values }]) => [name, values]);
      const defined = STORES.map((store) => [store.name, Object.fromEntries(optionsOf(store))]);
      console.log(JSON.stringify(Object.fromEntries(defined)));
      process.exit();`;
    const args = ['--input-type=module', '--eval', script];
    const { ok, stdout, stderr, reason } = await runProgram(process.execPath, args, {
      cwd: root,
      timeout: TIMEOUT_MS,
      signal,
      env: {},
    });
    if (!ok) throw new Error(stderr || reason);
    return JSON.parse(stdout) as Defined;
  } catch (cause) {
    signal.throwIfAborted();
    throw new BenchError({
      code: 'SERVER_FAILED',
      expected: `the backends in ${REGISTRY_ENTRY} of the baseline to be read`,
      got: messageOf(cause).slice(0, 500),
      remedy: 'Name a later --base.',
      cause,
    });
  }
}
