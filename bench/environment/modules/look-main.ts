/** A program that looks at the StoreDefinition of a file, and reports it. Started by bench/config/look-at-module.ts. */

import { writeSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { findService } from '../../../stores/registry.ts';
import { DURABILITIES } from '../../../stores/service.ts';
import type { StoreDefinition, StoreOptions } from '../../../stores/store.ts';
import { type Look, type LookedDefinition, REPORT_FD } from '../../config/look-at-module.ts';
import { BenchError, messageOf, redactUrl } from '../../errors.ts';
import { bundleModule } from './bundle-module.ts';

const FUNCTIONS = ['service', 'connections', 'offers', 'declaredTraits', 'open'] as const;
/** More combinations of options are not enumerated. */
const MOST_SETTINGS = 512;

class Fault extends Error {
  readonly details: { expected: string; got: string; remedy: string };
  constructor(expected: string, got: string, remedy: string) {
    super(got);
    this.details = { expected, got, remedy };
  }
}

async function look(path: string): Promise<LookedDefinition> {
  const { program } = await bundleModule(path);
  const { default: exported } = (await import(pathToFileURL(program).href)) as { default?: unknown };
  const definition = checked(exported, path);
  const settings = combinationsOf(definition).map((options) => {
    const service = definition.service(options)?.name;
    if (service !== undefined && findService(service) === undefined)
      throw new Fault(
        `a service of ours, or none, in ${path}`,
        `"${service}"`,
        'Start it by --service NAME.',
      );
    const conflict = definition.conflict?.(options);
    const traits = DURABILITIES.map((level) => [level, definition.declaredTraits(options, level)]);
    return {
      options,
      ...(service === undefined ? {} : { service }),
      offers: definition.offers(options),
      traits: Object.fromEntries(traits),
      ...(conflict === undefined ? {} : { conflict }),
    };
  });
  return { summary: String(definition.summary), options: definition.options, settings };
}

/** @throws Fault naming the first field that is missing. */
function checked(exported: unknown, path: string): StoreDefinition {
  const expected = `a StoreDefinition as the default export of ${path}`;
  const remedy =
    'See docs/bring-your-own.md; a Store of express-session is named by express: before its path.';
  if (typeof exported !== 'object' || exported === null) {
    const got = exported === undefined ? 'no default export' : `a ${typeof exported}`;
    throw new Fault(expected, got, remedy);
  }
  const fields = exported as Record<string, unknown>;
  const missing = FUNCTIONS.find((name) => typeof fields[name] !== 'function');
  if (missing !== undefined) throw new Fault(expected, `an object without the function ${missing}`, remedy);
  if (typeof fields['options'] !== 'object' || fields['options'] === null)
    throw new Fault(expected, 'an object without options', remedy);
  return exported as StoreDefinition;
}

/** Every combination of its options. */
function combinationsOf({ options }: StoreDefinition): StoreOptions[] {
  let all: StoreOptions[] = [{}];
  for (const [name, { values }] of Object.entries(options))
    all = all.flatMap((some) => values.map((value) => ({ ...some, [name]: value })));
  if (all.length <= MOST_SETTINGS) return all;
  throw new Fault(`at most ${MOST_SETTINGS} combinations of options`, String(all.length), 'Remove options.');
}

function faultOf(error: unknown, path: string): Look {
  if (error instanceof Fault) return { fault: error.details };
  if (error instanceof BenchError) return { fault: error.details };
  const got = redactUrl(messageOf(error)).slice(0, 400);
  return { fault: { expected: `a module in ${path} that can be imported`, got, remedy: 'Mend the module.' } };
}

const path = process.argv[2] ?? '';
const report: Look = await look(path).then(
  (looked) => ({ looked }),
  (error: unknown) => faultOf(error, path),
);
writeSync(REPORT_FD, JSON.stringify(report));
// What the module has opened keeps no process alive.
process.exit();
