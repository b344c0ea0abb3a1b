/** What the options of a backend are when some are not given. */

import type { StoreDefinition, StoreOptions } from './store.ts';

/** The value of each of a backend's options when none is given. */
export function defaultOptions(definition: StoreDefinition): Record<string, string> {
  return Object.fromEntries(
    Object.entries(definition.options).map(([name, option]) => [name, option.values[0]]),
  );
}

/**
 * The options that are in force when these are asked for: defaults filled in, and without those that the backend does not
 * have. @throws Error for a value that it does not have.
 */
export function effectiveOptions(definition: StoreDefinition, given: StoreOptions): Record<string, string> {
  return Object.fromEntries(
    Object.entries(definition.options).map(([name, { values }]) => {
      const value = given[name] ?? values[0];
      if (!values.includes(value))
        throw new Error(
          `${definition.name}: expected ${name} to be one of ${values.join(', ')}, got ${value}`,
        );
      return [name, value];
    }),
  );
}

/** The options with those filled in that whoever wrote them did not know: as it was before they existed. */
export function withAbsentOptions(definition: StoreDefinition, options: StoreOptions): StoreOptions {
  const absent = Object.entries(definition.options).map(([name, option]) => [
    name,
    option.absent ?? option.values[0],
  ]);
  return { ...Object.fromEntries(absent), ...options };
}

/**
 * These options, if need be with the one value changed that lets the backend issue refresh tokens; `undefined` when none
 * does.
 */
export function refreshingOptions(
  definition: StoreDefinition,
  options: StoreOptions,
): StoreOptions | undefined {
  const changed = Object.entries(definition.options).flatMap(([name, { values }]) =>
    values.map((value) => ({ ...options, [name]: value })),
  );
  return [options, ...changed].find((candidate) => definition.offers(candidate).includes('refresh'));
}

/** Options of a backend in which each value of each option occurs, the others being the default. */
export function variantsOf(definition: StoreDefinition): StoreOptions[] {
  const defaults = defaultOptions(definition);
  const others = Object.entries(definition.options).flatMap(([name, { values }]) =>
    values.slice(1).map((value) => ({ ...defaults, [name]: value })),
  );
  return [defaults, ...others];
}
