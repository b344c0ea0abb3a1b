/** The effective options of a backend when some are not given. */

import type { StoreDefinition, StoreOptions } from './store.ts';

/** The default of each of a backend's options. */
export function defaultOptions(definition: StoreDefinition): Record<string, string> {
  return Object.fromEntries(
    Object.entries(definition.options).map(([name, option]) => [name, option.values[0]]),
  );
}

/**
 * The effective options: defaults filled in, options that the backend does not have removed.
 * @throws Error for a value that the option does not have.
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

/** Fills in options that did not exist when these were written, with the behaviour of that time. */
export function withAbsentOptions(definition: StoreDefinition, options: StoreOptions): StoreOptions {
  const absent = Object.entries(definition.options).map(([name, option]) => [
    name,
    option.absent ?? option.values[0],
  ]);
  return { ...Object.fromEntries(absent), ...options };
}

/**
 * These options, with one value changed if necessary so that the backend issues refresh tokens; `undefined` when no
 * value does that.
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

/** Option sets in which every value of every option occurs once, the other options being default. */
export function variantsOf(definition: StoreDefinition): StoreOptions[] {
  const defaults = defaultOptions(definition);
  const others = Object.entries(definition.options).flatMap(([name, { values }]) =>
    values.slice(1).map((value) => ({ ...defaults, [name]: value })),
  );
  return [defaults, ...others];
}
