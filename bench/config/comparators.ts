/** The libraries of `--store`, where they differ from our backends. */

import { type ComparatorDefinition, isComparator } from '../../stores/comparators/definition.ts';
import { findStore } from '../../stores/registry.ts';
import type { StoreChoice } from './store-choice.ts';
import { conflict } from './values.ts';
import type { Scenario, TRANSPORTS } from './words.ts';

/** The library that this choice names; `undefined` for our own backends and for external sites. */
export function comparatorOf({ store, site }: StoreChoice): ComparatorDefinition | undefined {
  const definition = site === undefined ? findStore(store) : undefined;
  return definition !== undefined && isComparator(definition) ? definition : undefined;
}

/** What is checked of a configuration. */
interface ComparatorLoad {
  stores: readonly StoreChoice[];
  scenarios: readonly Scenario[];
  transport: (typeof TRANSPORTS)[number];
}

/** Whether libraries can be loaded so. @throws BenchError CONFLICT with what the library lacks. */
export function checkComparators({ stores, scenarios, transport }: ComparatorLoad): void {
  for (const choice of stores) {
    const library = comparatorOf(choice);
    if (library === undefined) continue;
    const { name, cannot = {} } = library;
    if (transport !== 'cookie') {
      const remedy = 'Leave --transport out, or leave the library out.';
      throw conflict(`--transport cookie with --store ${name}`, `--transport ${transport}`, remedy);
    }
    const scenario = scenarios.find((one) => cannot[one] !== undefined);
    if (scenario !== undefined) {
      const expected = `a scenario that applies to ${name}`;
      const remedy = 'Name another scenario, or leave the library out.';
      throw conflict(expected, `--scenario ${scenario}: ${cannot[scenario]}`, remedy);
    }
  }
}
